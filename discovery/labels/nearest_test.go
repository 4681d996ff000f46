package labels

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"host", "host", 0},
		{"hots", "host", 1}, // neighbours swapped
		{"hst", "host", 1},
		{"hosst", "host", 1},
		{"hoat", "host", 1},
		{"auht.bsic", "auth.basic", 2},
		{"", "ab", 2},
		{"kitten", "sitting", 3},
	} {
		if got := distance(c.a, c.b, 9); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a, 9); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestDistanceStopsAtItsLimit(t *testing.T) {
	if got := distance("kitten", "sitting", 2); got != 2 {
		t.Errorf("distance = %d, want the limit 2", got)
	}
	if got := distance(strings.Repeat("x", 1<<20), "host", 3); got != 3 {
		t.Errorf("distance of a huge word = %d, want the limit 3", got)
	}
}

func TestNearest(t *testing.T) {
	choices := []string{"host", "port", "path", "timeout", "udp"}
	for word, want := range map[string]string{
		"hots":     "host",
		"prot":     "port",
		"pathh":    "path",
		"tiemotu":  "timeout",
		"tcp":      "", // two of three letters wrong
		"whatever": "",
		"":         "",
	} {
		if got := NearestWord(word, choices); got != want {
			t.Errorf("NearestWord(%q) = %q, want %q", word, got, want)
		}
	}
}
