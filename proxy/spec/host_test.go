package spec

import (
	"strings"
	"testing"
)

func TestParseHost(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, c := range []struct {
		in      string
		kind    HostKind
		pattern string
	}{
		{"a.test", ExactHost, "a.test"},
		{"Shop.Example.COM", ExactHost, "shop.example.com"},
		{"a.test.", ExactHost, "a.test"},
		{"localhost", ExactHost, "localhost"},
		{"my_app.test", ExactHost, "my_app.test"},
		{"r3---sn-x.test", ExactHost, "r3---sn-x.test"},
		{"bücher.test", ExactHost, "xn--bcher-kva.test"},
		{"BÜCHER.Test", ExactHost, "xn--bcher-kva.test"},
		{"XN--BCHER-KVA.test", ExactHost, "xn--bcher-kva.test"},
		{"faß.de", ExactHost, "xn--fa-hia.de"},
		{"192.0.2.7", ExactHost, "192.0.2.7"},
		{"[::1]", ExactHost, "[::1]"},
		{"[2001:DB8:0::1]", ExactHost, "[2001:db8::1]"},
		{long + ".test", ExactHost, long + ".test"},
		{"*.b.test", WildcardHost, "b.test"},
		{"*.B.Test.", WildcardHost, "b.test"},
		{"*.bücher.test", WildcardHost, "xn--bcher-kva.test"},
		{"{tenant}.c.test", TemplateHost, "{tenant}.c.test"},
		{"{tenant:[a-z]+}.C.test.", TemplateHost, "{tenant:[a-z]+}.c.test"},
		{"{t:[A-Z]{2}}.c.test", TemplateHost, "{t:[A-Z]{2}}.c.test"},
		{"App-{n}.c.test", TemplateHost, "app-{n}.c.test"},
		{"{a}.{b}.bücher.test", TemplateHost, "{a}.{b}.xn--bcher-kva.test"},
		{"{a:(?:x|y)}.test", TemplateHost, "{a:(?:x|y)}.test"},
		{"{any}", TemplateHost, "{any}"},
	} {
		got, err := ParseHost(c.in)
		if err != nil || got.Kind != c.kind || got.Pattern != c.pattern {
			t.Errorf("ParseHost(%q) = %v %q, %v; want %v %q", c.in, got.Kind, got.Pattern, err, c.kind, c.pattern)
		}
	}
}

func TestParseHostRefuses(t *testing.T) {
	for _, c := range []struct{ in, says string }{
		{"", "empty"},
		{"*", "*.example.com"},
		{"a.test:8080", "`entry`"},
		{"{t}.test:8080", "`entry`"},
		{"[::1]:80", "`entry`"},
		{"https://a.test", "`entry`"},
		{"http://{t}.test", "scheme"},
		{"a.test/x", "path"},
		{"a.*.test", "first labels"},
		{"*a.test", "first labels"},
		{"*.{t}.test", "character"},
		{"*.", "empty label"},
		{".", "empty label"},
		{"a..test", "empty label"},
		{"a.test..", "empty label"},
		{"{t}..test", "empty label"},
		{".a.test", "empty label"},
		{"-a.test", "hyphen"},
		{"a-.test", "hyphen"},
		{"a b.test", "character"},
		{"a%41.test", "character"},
		{"user@a.test", "character"},
		{"a／b.test", "international"},
		{"xn--a.test", "international"},
		{"xn--abc-.test", "international"},
		{"\u200d.test", "international"},
		{"a\xff.test", "UTF-8"},
		{"ü{t}.test", "character"},
		{strings.Repeat("a", 64) + ".test", "longer"},
		{strings.Repeat("a.", 126) + "test", "longer"},
		{"{t.test", "balanced"},
		{"t}.test", "balanced"},
		{"{}.test", "no name"},
		{"{:x}.test", "no name"},
		{"{t:}.test", "no regular expression"},
		{"{1t}.test", "start with a digit"},
		{"{t-x}.test", "underscores"},
		{"{t}.{t}.test", "twice"},
		{"{t:(a|b)}.test", "(?:…)"},
		{"{t:(?P<x>a)}.test", "(?:…)"},
		{"{t:[}.test", "regular expression"},
		{`{t:\Qx}.test`, "cannot be part"},
		{"{t:a)|(?:b}.test", "regular expression"},
		{"{t:(?=a)}.test", "regular expression"},
		{"{t:" + strings.Repeat("a", 1025) + "}.test", "1024"},
		{"[::1", "IPv6"},
		{"[fe80::1%eth0]", "IPv6"},
		{"[1.2.3.4]", "IPv6"},
	} {
		got, err := ParseHost(c.in)
		if err == nil {
			t.Errorf("ParseHost(%q) = %v, want an error", c.in, got)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("ParseHost(%q): %v; want it to say %q", c.in, err, c.says)
		}
	}
}

func TestSplitHostRule(t *testing.T) {
	for _, c := range []struct{ in, host, path string }{
		{"a.test", "a.test", ""},
		{"a.test/api", "a.test", "/api"},
		{"a.test/", "a.test", "/"},
		{"/api", "", "/api"},
		{"{t:[a-z/]+}.test/x/{id:[0-9]{1,3}}", "{t:[a-z/]+}.test", "/x/{id:[0-9]{1,3}}"},
		{"https://a.test/x", "https://a.test/x", ""},
		{"{t.test/x", "{t.test/x", ""},
	} {
		host, path := SplitHostRule(c.in)
		if host != c.host || path != c.path {
			t.Errorf("SplitHostRule(%q) = %q, %q; want %q, %q", c.in, host, path, c.host, c.path)
		}
	}
}

func TestNormalizeHost(t *testing.T) {
	for in, want := range map[string]string{
		"a.test":             "a.test",
		"A.TEST":             "a.test",
		"a.test:80":          "a.test",
		"a.test.":            "a.test",
		"A.Test.:8080":       "a.test",
		"a.test:":            "a.test",
		"my_app":             "my_app",
		"127.0.0.1:9":        "127.0.0.1",
		"[::1]":              "[::1]",
		"[0:0::1]:80":        "[::1]",
		"[::1]:":             "[::1]",
		"xn--bcher-kva.test": "xn--bcher-kva.test",
		"-odd-.test":         "-odd-.test",
	} {
		if got, ok := NormalizeHost(in); !ok || got != want {
			t.Errorf("NormalizeHost(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{
		"", ".", ":80", "a..test", ".a.test", "a.test..", "a.test:x", "a.test:65536", "a.test:000080",
		"a.test:80:80", "a test", "a,b", "a.test/", "u@a.test", "a%2etest", "bücher.test", "a\x00", "a\x7f.test",
		"::1", "[::1", "[::1]80", "[::1]:x", "[fe80::1%25eth0]", "[1.2.3.4]", "[]", "*", "*.test",
		strings.Repeat("a", 64), strings.Repeat("a.", 128),
	} {
		if got, ok := NormalizeHost(in); ok {
			t.Errorf("NormalizeHost(%q) = %q, want a refusal", in, got)
		}
	}
}

func TestNormalizeHostAllocatesNothing(t *testing.T) {
	host := "shop.example.com"
	if n := testing.AllocsPerRun(100, func() { NormalizeHost(host + "") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What ParseHost makes of a plain name is what NormalizeHost makes of a request
// for it: else a rule could never match.
func FuzzParseHost(f *testing.F) {
	for _, s := range []string{"a.test", "*.b.test", "{t:[a-z]+}.c.test", "bücher.test", "[::1]", "a.test:80", "A.", "xn--bcher-kva"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHost(s)
		if err != nil {
			return
		}
		again, err := ParseHost(h.String())
		if err != nil || again != h {
			t.Fatalf("%q became %#v, which becomes %#v, %v", s, h, again, err)
		}
		if h.Kind != ExactHost {
			return
		}
		if got, ok := NormalizeHost(h.Pattern); !ok || got != h.Pattern {
			t.Fatalf("%q became %q, as a request %q %v", s, h.Pattern, got, ok)
		}
	})
}
