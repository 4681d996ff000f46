package admin

import (
	"os"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/proxy/spec"
)

// The findings that only the proxy can have are in the guide beside the others:
// conflicts, and every state of an Upstream but ready.
func TestEveryFindingOfTheProxyIsInTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := []string{codeMatchTaken, codeMatchClaimed}
	for state := spec.Starting; state <= spec.Gone; state++ {
		if state != spec.Ready {
			codes = append(codes, state.String())
		}
	}
	for _, code := range codes {
		if row := "\n| `" + code + "` | "; !strings.Contains(string(guide), row) {
			t.Errorf("docs/guide.md has no row %q", row)
		}
	}
}
