package cmd

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"http", "https", "entry", "admin", "admin-token", "access-log"}
	for typed, want := range map[string]string{
		"htpp":       "http",
		"http":       "http",
		"hhtps":      "https",
		"entyr":      "entry",
		"admintoken": "admin-token",
		"acces-log":  "access-log",
		"xyz":        "",
		"":           "",
		"grace":      "",
	} {
		if got, _ := nearest(typed, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", typed, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"abc", "acb", 1}, {"abc", "abx", 1}, {"abc", "ab", 1}, {"abc", "abcd", 1},
		{"kitten", "sitting", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance of %q and %q is %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
