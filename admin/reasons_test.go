package admin

import (
	"os"
	"regexp"
	"testing"

	"github.com/rota-proxy/rota/discovery"
)

// Every fault that the proxy can find is a finding with a paragraph of its own.
func TestEveryFaultIsAFinding(t *testing.T) {
	source, err := os.ReadFile("../proxy/spec/tls.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`(?m)^\tFault\w+ +FaultCode += "([^"]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(codes) < 6 {
		t.Fatalf("only %d codes were looked at", len(codes))
	}
	for _, code := range codes {
		if discovery.Code(code[1]).Step() != discovery.StepRoute {
			t.Errorf("%s is no finding about the route", code[1])
		}
	}
}
