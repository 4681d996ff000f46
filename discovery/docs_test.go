package discovery

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/discovery/labels"
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

// Whoever copies an example from the page gets what it says.
func TestEveryExampleOfStaticTargetsHolds(t *testing.T) {
	page := readPage(t, "../docs/static.md")
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(examples) < 4 {
		t.Fatalf("only %d examples were looked at", len(examples))
	}
	for _, example := range examples {
		got := understood(t, []byte(example[1]))
		if !strings.HasPrefix(got, "file:") || strings.Contains(got, "error") || strings.Contains(got, "warning") {
			t.Errorf("of the example\n%s\nbecomes\n%s", example[1], got)
		}
	}
}

// The page names every option that is of containers alone, and what to do instead.
func TestOptionsOfContainersAreOnThePageOfStaticTargets(t *testing.T) {
	page, found := readPage(t, "../docs/static.md"), 0
	for _, o := range labels.Grammar() {
		if o.Instead == "" {
			continue
		}
		found++
		if row := "\n| `" + o.Key + "` | " + o.Instead + " |\n"; !strings.Contains(page, row) {
			t.Errorf("docs/static.md has no row %q", row)
		}
	}
	if found < 5 {
		t.Errorf("only %d options were looked at", found)
	}
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
