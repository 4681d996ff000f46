package h1

import (
	"slices"
	"strings"
	"testing"
)

// spellings are what a name may look like without being another one.
func spellings(name string) []string {
	mixed := []byte(name)
	for i := 0; i < len(mixed); i += 2 {
		mixed[i] = strings.ToUpper(name)[i]
	}
	return []string{name, strings.ToUpper(name), string(mixed)}
}

func TestKindOf(t *testing.T) {
	if !slices.IsSortedFunc(known[:], func(a, b struct {
		name string
		kind Kind
	}) int {
		return len(a.name) - len(b.name)
	}) {
		t.Error("the known names are not sorted by length")
	}
	for _, k := range known {
		if len(k.name) > longestKnown {
			t.Errorf("%s is longer than %d", k.name, longestKnown)
		}
		for _, name := range spellings(k.name) {
			if got := kindOf([]byte(name)); got != k.kind {
				t.Errorf("%s is of kind %d, want %d", name, got, k.kind)
			}
			disguised := strings.ReplaceAll(name, "-", "_")
			want := KindOther
			if k.kind.reserved() {
				want = KindDisguised
			}
			if got := kindOf([]byte(disguised)); disguised != name && got != want {
				t.Errorf("%s is of kind %d, want %d", disguised, got, want)
			}
			for _, other := range []string{name + "x", "x" + name, name[1:], name[:len(name)-1], "x" + name[1:]} {
				if got := kindOf([]byte(other)); got != KindOther {
					t.Errorf("%s is of kind %d", other, got)
				}
			}
		}
	}
	for _, name := range []string{"", "a", "Accept", "Cookie", "content_type", strings.Repeat("a", 300)} {
		if got := kindOf([]byte(name)); got != KindOther {
			t.Errorf("%s is of kind %d", name, got)
		}
	}
}

func TestMayBeNamed(t *testing.T) {
	for _, name := range []string{"Content-Length", "Host", "Forwarded", "X-Real-Ip", "X-Forwarded-For", "X-Forwarded-Anything", "X-Forwarded"} {
		for _, s := range spellings(name) {
			for _, s := range []string{s, strings.ReplaceAll(s, "-", "_")} {
				if mayBeNamed([]byte(s)) {
					t.Errorf("Connection may name %s", s)
				}
			}
		}
	}
	for _, name := range []string{"X-Forward", "Cookie", "X-Real", "Te", "Hosts"} {
		if !mayBeNamed([]byte(name)) {
			t.Errorf("Connection may not name %s", name)
		}
	}
}
