package discovery

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Whoever sees the code of a finding finds it in the guide. The codes are read
// from the source, so that none can be left out.
func TestEveryFindingIsInTheGuide(t *testing.T) {
	source, err := os.ReadFile("reasons.go")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`(?m)^\tCode\w+ +Code += "([^"]+)"`).FindAllStringSubmatch(string(source), -1)
	if want := strings.Count(string(source), " Code = "); len(codes) != want || want < 20 {
		t.Fatalf("%d of %d codes were looked at", len(codes), want)
	}
	for _, code := range codes {
		if row := "\n| `" + code[1] + "` | "; !strings.Contains(string(guide), row) {
			t.Errorf("docs/guide.md has no row %q", row)
		}
	}
}
