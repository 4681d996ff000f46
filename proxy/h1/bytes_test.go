package h1

import (
	"bytes"
	"strings"
	"testing"
)

func TestByteClasses(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for c := range 256 {
		b := byte(c)
		known := func(set string) bool { return bytes.IndexByte([]byte(set), b) >= 0 }
		if got, want := isToken(b), known(letters+"0123456789!#$%&'*+-.^_`|~"); got != want {
			t.Errorf("token %q: %v", b, got)
		}
		if got, want := isTarget(b), c > ' ' && c < 0x7f && c != '#'; got != want {
			t.Errorf("target %q: %v", b, got)
		}
		if got, want := allOf(inHost, []byte{b}), known(letters+"0123456789-._"); got != want {
			t.Errorf("host %q: %v", b, got)
		}
		if got, want := isHex(b), known("0123456789abcdefABCDEF"); got != want {
			t.Errorf("hex %q: %v", b, got)
		}
	}
}

// Every byte at every place of a word, beside every kind of neighbour.
func TestTextEnd(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			for _, rest := range []string{"a", "\t", " ", "\xff", "\x80", "\x7e"} {
				b := []byte(strings.Repeat(rest, 20))
				b[at] = byte(c)
				want := len(b)
				if c < ' ' && c != '\t' || c == 0x7f {
					want = at
				}
				for _, from := range []int{0, at / 2, at} {
					if got := textEnd(b, from); got != want {
						t.Fatalf("%q from %d: %d, want %d", b, from, got, want)
					}
				}
			}
		}
	}
	if got := textEnd([]byte("a\x00\x01\x7fbcdefgh"), 2); got != 2 {
		t.Errorf("a control byte at the start is found at %d", got)
	}
}

func TestTrimSpace(t *testing.T) {
	for in, want := range map[string]string{"": "", " ": "", "\t \t": "", " a b\t": "a b", "a": "a", "\r\na": "\r\na"} {
		if got := trimSpace(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
		if got := trimSpace([]byte(in)); string(got) != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
