package cmd

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// What the help text says of a flag must be so: each is there with its variable
// and, unless it is said in words, the default it really has.
func TestHelpNamesEveryFlagItsVariableAndItsDefault(t *testing.T) {
	help := execute(t, nil, "serve", "--help").stdout
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	bindConfig(flags)
	count := 0
	flags.VisitAll(func(flag *pflag.Flag) {
		count++
		origin := flagOrigin(flag)
		if !strings.Contains(strings.Join(strings.Fields(help), " "), origin) ||
			!strings.Contains(help, "--"+flag.Name) || !strings.HasPrefix(origin, variableOf(flag.Name)) {
			t.Errorf("the help text lacks --%s with %q", flag.Name, origin)
		}
		if note(flag, annotationShown) == "" && flag.DefValue != "false" && !strings.HasSuffix(origin, "default "+flag.DefValue) {
			t.Errorf("--%s is said to be %q and is %q", flag.Name, origin, flag.DefValue)
		}
	})
	if count < 20 {
		t.Errorf("only %d flags were looked at", count)
	}
}

func TestBareHelpShowsCommandsAndTheFlagsOfServe(t *testing.T) {
	help := execute(t, nil, "--help").stdout
	for _, words := range []string{"Commands\n", "  ps ", "  serve ", "--http ADDRESS", "Traffic\n", "Exit code 0"} {
		if !strings.Contains(help, words) {
			t.Errorf("the help text lacks %q", words)
		}
	}
}

func TestHelpFitsIntoItsWidth(t *testing.T) {
	for _, command := range []string{"", "serve", "ps", "healthcheck", "version"} {
		help := execute(t, nil, strings.Fields(command+" --help")...).stdout
		for line := range strings.SplitSeq(help, "\n") {
			if utf8.RuneCountInString(line) > helpWidth+helpIndent {
				t.Errorf("rota %s --help has a line of %d: %q", command, len(line), line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("rota %s --help has spaces at the end of %q", command, line)
			}
		}
	}
}

func TestHealthcheckSpeaksOfItsOwnExitCodes(t *testing.T) {
	if help := execute(t, nil, "healthcheck", "--help").stdout; strings.Contains(help, "2: wrong usage") {
		t.Error("the help text of healthcheck promises exit code 2")
	}
}

func TestHelpSpeaksOfTheEnvironmentWhereThereIsOne(t *testing.T) {
	for command, want := range map[string]string{"serve": "\nEnvironment and exit codes\n", "ps": "\nEnvironment and exit codes\n", "whoami": "\nExit codes\n"} {
		if help := execute(t, nil, command, "--help").stdout; !strings.Contains(help, want) {
			t.Errorf("rota %s --help has no heading %q:\n%s", command, want, help)
		}
	}
}

func TestWrap(t *testing.T) {
	for text, want := range map[string][]string{
		"":              {""},
		"one":           {"one"},
		"one two three": {"one two", "three"},
		"unbreakable-it-is a": {
			"unbreakable-it-is", "a"},
	} {
		if got := wrap(text, 8); !slices.Equal(got, want) {
			t.Errorf("%q is wrapped into %q, want %q", text, got, want)
		}
	}
}

func TestIndentedLinesStayAsTheyAre(t *testing.T) {
	var out bytes.Buffer
	(&helpPage{out: &out}).paragraph("words\n\n  /a      first\n  /bbb    second")
	if want := "words\n\n  /a      first\n  /bbb    second\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
