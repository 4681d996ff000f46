package cmd

import (
	"bytes"
	"testing"
)

func TestPrintableLeavesNothingThatMovesTheCursor(t *testing.T) {
	for text, want := range map[string]string{
		"shop-web-1":        "shop-web-1",
		"größe 日本":          "größe 日本",
		"\x1b[2Jx":          "�[2Jx",
		"a\tb\nc\rd\x00":    "a�b�c�d�",
		"\u009b2J":          "�2J",
		"a\u202eb\u2066":    "a�b�",
		"\xff\xfe":          "��",
		"a\u200bb\ufeff":    "a�b�",
		"\x7f":              "�",
		"line\u2028feed":    "line�feed",
		"non\u00a0breaking": "non�breaking",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestABufferIsNoTerminal(t *testing.T) {
	var out bytes.Buffer
	width, height := terminalSize(&out)
	if isTerminal(&out) || width != 0 || height != 0 {
		t.Error("a buffer is taken for a terminal")
	}
}
