package check

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/discovery"
)

// The page has a paragraph on every code, in their order, which says how to mend
// what it is about.
func TestEveryCodeIsOnThePage(t *testing.T) {
	page, err := os.ReadFile("../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []discovery.Code
	for _, section := range strings.Split(string(page), "\n### ")[1:] {
		heading, text, _ := strings.Cut(section, "\n")
		got = append(got, discovery.Code(strings.Trim(heading, "`")))
		if !strings.Contains(text, "**Mend:**") {
			t.Errorf("%s: the paragraph does not say how to mend it", heading)
		}
	}
	if !slices.Equal(got, Codes()) {
		t.Errorf("docs/check.md has\n%q\nthe list is\n%q", got, Codes())
	}
}

// The list has all the constants, and none that a running container can have.
func TestCodesAreAllThereAre(t *testing.T) {
	source, err := os.ReadFile("check.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := regexp.MustCompile(`(?m)^\tCode\w+ +discovery\.Code = "([^"]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(constants) != len(Codes()) {
		t.Errorf("%d constants, %d codes", len(constants), len(Codes()))
	}
	for _, c := range constants {
		if !slices.Contains(Codes(), discovery.Code(c[1])) {
			t.Errorf("%s is not on the list", c[1])
		}
	}
	for _, code := range Codes() {
		if code.Step() != "" {
			t.Errorf("%s is a code of verdicts as well", code)
		}
	}
}
