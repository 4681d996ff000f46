package discovery

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/discovery/labels"
)

// The page on verdicts has a paragraph on every code, in the order of the chain,
// and on no other; each says how to mend what it is about.
func TestEveryCodeIsOnThePageOfVerdicts(t *testing.T) {
	page := readPage(t, "../docs/verdicts.md")
	var want []string
	for _, step := range Steps() {
		want = append(want, string(step))
		for _, code := range step.Codes() {
			want = append(want, string(code))
		}
	}
	var got []string
	for _, section := range strings.Split(page, "\n##")[1:] {
		heading, text, _ := strings.Cut(section, "\n")
		name, isCode := strings.CutPrefix(heading, "# `")
		if !isCode {
			step, _, _ := strings.Cut(heading, ":")
			got = append(got, strings.TrimSpace(step))
			continue
		}
		got = append(got, strings.TrimSuffix(name, "`"))
		if meaning, mend, found := strings.Cut(text, "**Mend:**"); !found || strings.TrimSpace(meaning) == "" || strings.TrimSpace(mend) == "" {
			t.Errorf("%s: the paragraph lacks what it means or how to mend it:\n%s", heading, text)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/verdicts.md has\n%q\nthe list is\n%q", got, want)
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
