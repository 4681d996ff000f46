package cmd

import (
	"slices"
	"strings"
	"testing"
)

func TestParseKeys(t *testing.T) {
	for raw, want := range map[string][]key{
		"":                nil,
		"x\x1b\x1b[C\t\r": nil,
		"+=":              {keyMore, keyMore},
		"-_":              {keyFewer, keyFewer},
		"kK":              {keyKill, keyKill},
		"q":               {keyEnd},
		"\x03":            {keyEnd},
		"\x04":            {keyEnd},
		"\x1b[A\x1b[B":    {keyMore, keyFewer},
		"\x1bOA\x1bOBk":   {keyMore, keyFewer, keyKill},
	} {
		if got := parseKeys([]byte(raw)); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", raw, got, want)
		}
	}
}

func TestNoKeyboardWithoutATerminal(t *testing.T) {
	if keyboard(strings.NewReader("q"), &strings.Builder{}) != nil {
		t.Error("a string is no terminal")
	}
}
