package cmd

import (
	"slices"
	"testing"
)

func sample() table {
	return table{
		header: []string{"NAME", "REASON", "COUNT"},
		rows:   [][]string{{"shop-web-1", "no network is shared", "7"}, {"é", "", "12"}},
		yields: []yield{{column: 1, least: 8}, {column: 0, least: 6}},
	}
}

func TestTableIsAsWideAsItNeeds(t *testing.T) {
	want := []string{
		"NAME         REASON                 COUNT",
		"shop-web-1   no network is shared   7",
		"é                                   12",
	}
	for _, width := range []int{0, 41, 200} {
		if got := sample().lines(width); !slices.Equal(got, want) {
			t.Errorf("in %d characters: %q, want %q", width, got, want)
		}
	}
}

func TestTableYieldsInOrder(t *testing.T) {
	for width, want := range map[int]string{
		40: "shop-web-1   no network is shar…   7",
		29: "shop-web-1   no netw…   7",
		27: "shop-we…   no netw…   7",
		25: "shop-…   no netw…   7",
		5:  "shop-…   no netw…   7",
	} {
		if got := sample().lines(width)[1]; got != want {
			t.Errorf("in %d characters: %q, want %q", width, got, want)
		}
	}
}

func TestKeepEnd(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "…cd"}, {"äöüß", 3, "…üß"}, {"abc", 1, "…"}, {"abc", 0, ""},
	} {
		if got := keepEnd(c.text, c.width); got != c.want {
			t.Errorf("%q in %d is %q, want %q", c.text, c.width, got, c.want)
		}
	}
	short := sample()
	short.ends = []int{0}
	if got, want := short.lines(27)[1], "…p-web-1   no netw…   7"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"äöü", 3, "äöü"}, {"äöüß", 3, "äö…"}, {"abc", 1, "…"}, {"abc", 0, ""},
	} {
		if got := shorten(c.text, c.width); got != c.want {
			t.Errorf("%q in %d is %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
