package proxy

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Whoever sees a Rota-Reason finds it in the guide, with its status.
func TestEveryAnswerIsInTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := answerCodes(t)
	if len(codes) < 20 {
		t.Fatalf("only %d codes were looked at", len(codes))
	}
	for _, code := range codes {
		row := fmt.Sprintf("\n| `%s` | %d | ", code, code.kind().status)
		if !strings.Contains(string(guide), row) {
			t.Errorf("docs/guide.md has no row %q", row)
		}
	}
}
