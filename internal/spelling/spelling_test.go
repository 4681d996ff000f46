package spelling

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
		if got := Distance(c.a, c.b, 9); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance(c.b, c.a, 9); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestDistanceStopsAtItsLimit(t *testing.T) {
	if got := Distance("kitten", "sitting", 2); got != 2 {
		t.Errorf("distance = %d, want the limit 2", got)
	}
	if got := Distance(strings.Repeat("x", 1<<20), "host", 3); got != 3 {
		t.Errorf("distance of a huge word = %d, want the limit 3", got)
	}
}

// Whatever distance does to be quick, it says what counting in full says.
func TestDistanceIsExact(t *testing.T) {
	words := []string{""}
	for i := 0; len(words[i]) < 4; i++ {
		for _, letter := range []string{"a", "b", "c"} {
			words = append(words, words[i]+letter)
		}
	}
	for _, a := range words {
		for _, b := range words {
			full := distanceInFull(a, b)
			for limit := 1; limit <= 5; limit++ {
				if got := Distance(a, b, limit); got != min(full, limit) {
					t.Fatalf("Distance(%q, %q, %d) = %d, in full %d", a, b, limit, got, full)
				}
			}
		}
	}
}

// distanceInFull is the textbook's recursion.
func distanceInFull(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	differ := 1
	if a[0] == b[0] {
		differ = 0
	}
	least := min(distanceInFull(a[1:], b)+1, distanceInFull(a, b[1:])+1, distanceInFull(a[1:], b[1:])+differ)
	if len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] {
		least = min(least, distanceInFull(a[2:], b[2:])+1)
	}
	return least
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
		if got := Nearest(word, choices); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
