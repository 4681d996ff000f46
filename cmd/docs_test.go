package cmd

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// The guide's table has a row for every flag of serve, made of what the help
// text is made of, and no others.
func TestGuideListsEveryFlag(t *testing.T) {
	var rows []string
	flags := pflag.NewFlagSet(serveName, pflag.ContinueOnError)
	flags.SortFlags = false
	bindConfig(flags)
	flags.VisitAll(func(flag *pflag.Flag) { rows = append(rows, flagRow(flag)) })
	if len(rows) < 20 {
		t.Errorf("only %d flags were looked at", len(rows))
	}
	var found []string
	for line := range strings.Lines(readDocument(t, "../docs/guide.md")) {
		if strings.HasPrefix(line, "| `--") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	if !slices.Equal(found, rows) {
		t.Errorf("docs/guide.md has not these rows under All flags:\n%s", strings.Join(rows, "\n"))
	}
}

func flagRow(flag *pflag.Flag) string {
	name, text := describeFlag(flag)
	_, origin, found := strings.Cut(flagOrigin(flag), "default ")
	if !found {
		origin = "off"
	}
	return fmt.Sprintf("| `%s` | `%s` | %s | %s |",
		strings.ReplaceAll(name, "|", `\|`), variableOf(flag.Name), strings.ReplaceAll(origin, "|", `\|`), text)
}

// The README gives the very command that .ci/run calls.
func TestReadmeGivesTheTestCommandOfCI(t *testing.T) {
	step := regexp.MustCompile(`(?m)^step 'go test \./\.\.\.' +(.+)$`).FindStringSubmatch(readDocument(t, "../.ci/run"))
	if step == nil {
		t.Fatal(".ci/run has no step `go test ./...`")
	}
	if !strings.Contains(readDocument(t, "../README.md"), "\n```\n"+step[1]+"\n```\n") {
		t.Errorf("README.md does not give the command %q", step[1])
	}
}

func readDocument(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
