package cmd

import (
	"strings"
	"testing"
)

func TestFrameFitsTheHeight(t *testing.T) {
	text := "1\n2\n3\n4\n5\n"
	for height, want := range map[int]int{0: 5, 2: 1, 4: 3, 6: 5, 50: 5} {
		got := frame(text, height)
		if n := strings.Count(got, "\r\n"); n != want {
			t.Errorf("a terminal of %d lines gets %d, want %d", height, n, want)
		}
		if !strings.HasPrefix(got, screenHome) || !strings.HasSuffix(got, screenRest) {
			t.Errorf("the frame %q does not replace the last one", got)
		}
	}
	if got := frame(text, 4); !strings.Contains(got, "1"+lineRest) || !strings.Contains(got, "2"+lineRest) || !strings.Contains(got, "3 lines more") {
		t.Errorf("the frame is %q", got)
	}
}

func TestBreakLines(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"äbcd\n\ne\n", 3, "äbc\nd\n\ne\n"}, {"abc\nabcdefg", 3, "abc\nabc\ndef\ng"}, {"abcdef", 0, "abcdef"}, {"", 3, ""},
	} {
		if got := breakLines(c.text, c.width); got != c.want {
			t.Errorf("%q in %d is %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
