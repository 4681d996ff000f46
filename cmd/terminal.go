package cmd

import (
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// isTerminal says whether what is written there is read by a person at once.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// terminalSize is the width and height of the terminal behind out, in
// characters; both 0 when there is none.
func terminalSize(out io.Writer) (width, height int) {
	file, ok := out.(*os.File)
	if !ok {
		return 0, 0
	}
	width, height, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

// printable replaces every character that could move the cursor, change a
// colour or reorder the line: names and values come from whoever may start a
// container.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if isUnprintable(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// isUnprintable takes in control characters, bytes that are no UTF-8 and the
// invisible marks that reorder text.
func isUnprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
