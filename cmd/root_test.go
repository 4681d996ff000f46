package cmd

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// said is what one command line came to.
type said struct {
	code           int
	stdout, stderr string
}

// execute runs a command line that ends by itself.
func execute(t *testing.T, environ []string, args ...string) said {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := Execute(context.Background(), args, environ, &stdout, &stderr)
	return said{code, stdout.String(), stderr.String()}
}

// A line that must be refused: its exit code is 2 and its message has each of
// the words.
func refused(t *testing.T, environ, args []string, words ...string) {
	t.Helper()
	got := execute(t, environ, args...)
	if got.code != exitUsage {
		t.Errorf("%v %v: exit code %d, want 2; it said %q", environ, args, got.code, got.stderr)
	}
	for _, word := range words {
		if !strings.Contains(got.stderr, word) {
			t.Errorf("%v %v: %q lacks %q", environ, args, got.stderr, word)
		}
	}
}

func TestWrongUsageNamesTheNearestRightOne(t *testing.T) {
	for _, c := range []struct {
		args  string
		words []string
	}{
		{"pss", []string{`"pss"`, "rota ps?"}},
		{"pss --json", []string{`"pss"`, "rota ps?"}},
		{"xyzzy", []string{`"xyzzy"`, "rota --help"}},
		{"--htpp :80", []string{"--htpp", "did you mean --http?"}},
		{"serve --grce 1s", []string{"--grce", "did you mean --grace?", "rota serve --help"}},
		{"ps -x", []string{"-x"}},
		{"ps shop", []string{"rota ps takes no arguments", `"shop"`}},
		{"serve now", []string{"rota serve takes no arguments"}},
		{"version 2", []string{"rota version takes no arguments"}},
		{"--grace", []string{"--grace needs a value", "--grace 45s"}},
	} {
		refused(t, nil, strings.Fields(c.args), c.words...)
	}
}

func TestHelpIsHelpWhereverItIsAskedFor(t *testing.T) {
	for _, args := range []string{"--help", "-h", "help", "help ps", "ps --help", "serve -h", "--http :1 --help"} {
		got := execute(t, nil, strings.Fields(args)...)
		if got.code != exitFine || !strings.Contains(got.stdout, "Usage") || got.stderr != "" {
			t.Errorf("rota %s: exit code %d, said %q and %q", args, got.code, got.stdout, got.stderr)
		}
	}
}

func TestVersionAsAFlag(t *testing.T) {
	for _, args := range []string{"version", "--version", "-v"} {
		got := execute(t, nil, args)
		if got.code != exitFine || !strings.HasPrefix(got.stdout, "rota ") {
			t.Errorf("rota %s: exit code %d, said %q", args, got.code, got.stdout)
		}
	}
}
