package spec

import (
	"errors"
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Path
	}{
		{"/", Path{Pattern: "/"}},
		{"/api", Path{Pattern: "/api"}},
		{"/api/", Path{Pattern: "/api"}},
		{"/API", Path{Pattern: "/API"}},
		{"=/ping", Path{Pattern: "/ping", Exact: true}},
		{"=/ping/", Path{Pattern: "/ping/", Exact: true}},
		{"=/", Path{Pattern: "/", Exact: true}},
		{"/a/../b", Path{Pattern: "/b"}},
		{"/%61pi", Path{Pattern: "/api"}},
		{"/caf\u00e9", Path{Pattern: "/caf%C3%A9"}},
		{"/caf%c3%a9", Path{Pattern: "/caf%C3%A9"}},
		{"/a b", Path{Pattern: "/a%20b"}},
		{"/u/{id}", Path{Pattern: "/u/{id}", Template: true}},
		{"/u/{id:[0-9]{1,3}}/", Path{Pattern: "/u/{id:[0-9]{1,3}}", Template: true}},
		{"=/u/{id:a/b}", Path{Pattern: "/u/{id:a/b}", Exact: true, Template: true}},
		{"/%7euser/{x}", Path{Pattern: "/~user/{x}", Template: true}},
		{"/{a}-{b}", Path{Pattern: "/{a}-{b}", Template: true}},
	} {
		if got, err := ParsePath(c.in); err != nil || got != c.want {
			t.Errorf("ParsePath(%q) = %#v, %v; want %#v", c.in, got, err, c.want)
		}
	}
}

func TestParsePathRefuses(t *testing.T) {
	for _, c := range []struct{ in, says string }{
		{"", "slash"},
		{"=", "slash"},
		{"api", "slash"},
		{"{x}", "slash"},
		{"==/a", "slash"},
		{"/a?b=c", "query"},
		{"/a#b", "fragment"},
		{"/a;x=1", "parameter"},
		{"/api/*", "prefix"},
		{"/a//b", "empty segment"},
		{"//a", "empty segment"},
		{"/{a}//b", "empty segment"},
		{"/a%2fb", "slash"},
		{"/{a}%2F", "slash"},
		{`/a\b`, "backslash"},
		{"/a%5Cb", "backslash"},
		{"/a%00", "NUL"},
		{"/a%zz", "%"},
		{"/a%4", "%"},
		{"/{a}/../b", "segments"},
		{"/{a", "balanced"},
		{"/{a}/{a}", "twice"},
		{"/{a:(x)}", "(?:…)"},
		{"/{a:x**}", "regular expression"},
		{"/" + strings.Repeat("a", 5000), "longer"},
	} {
		got, err := ParsePath(c.in)
		if err == nil {
			t.Errorf("ParsePath(%q) = %#v, want an error", c.in, got)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("ParsePath(%q): %v; want it to say %q", c.in, err, c.says)
		}
	}
}

func TestNormalizePath(t *testing.T) {
	for in, want := range map[string]string{
		"/":                 "/",
		"/a/b":              "/a/b",
		"/a/b/":             "/a/b/",
		"/%61%2D%7E%5f":     "/a-~_",
		"/%c3%A9":           "/%C3%A9",
		"/\u00e9":           "/%C3%A9",
		"/\xff":             "/%FF",
		"/a[1]|\"<>^`{}":    "/a%5B1%5D%7C%22%3C%3E%5E%60%7B%7D",
		"/a%20b%2b%3b":      "/a%20b%2B%3B",
		"/a!$&'()*+,;=:@":   "/a!$&'()*+,;=:@",
		"/.":                "/",
		"/..":               "/",
		"/../../a":          "/a",
		"/a/./b":            "/a/b",
		"/a/.":              "/a/",
		"/a/..":             "/",
		"/a/../b":           "/b",
		"/a/b/../../../c":   "/c",
		"/a/%2e%2e/b":       "/b",
		"/a/%2E./b":         "/b",
		"/a/.%2e":           "/",
		"/.well-known/x":    "/.well-known/x",
		"/...":              "/...",
		"/a/...;x":          "/a/...;x",
		"/a;x=1":            "/a;x=1",
		"/a;x=1/b;y":        "/a;x=1/b;y",
		"/a;x=1/../b":       "/b",
		"/;x=1":             "/;x=1",
		"/a/;x=1":           "/a/;x=1",
		"/%252f":            "/%252f",
		"/%252e%252e%252f/": "/%252e%252e%252f/",
		"/%25%32%66":        "/%252f",
		"/a%0d%0ab":         "/a%0D%0Ab",
	} {
		got, err := NormalizePath(in)
		if err != nil || got != want {
			t.Errorf("NormalizePath(%q) = %q, %v; want %q", in, got, err, want)
		}
		if again, err := NormalizePath(got); err != nil || again != got {
			t.Errorf("NormalizePath(%q) = %q, %v: not stable", got, again, err)
		}
	}
}

// Every ambiguous piece is refused in every place and spelling.
func TestNormalizePathRefuses(t *testing.T) {
	pieces := map[PathError][]string{
		EncodedSlash:  {"%2f", "%2F", "x%2fy", "..%2f", "%2e%2e%2f"},
		Backslash:     {`\`, "%5c", "%5C", `..\`, "..%5c"},
		NulByte:       {"%00", "x%00.html", "\x00"},
		DotParameters: {".;", "..;", "..;x=1", "%2e%2e;", ".%2e;x", "..%3b", "%2e%3B", "..;/.."},
		BadEscape:     {"%", "%4", "%zz", "%4g", "%u002e", "%%41"},
		EmptySegment:  {"/x", ";/x", ";x=1/y"},
	}
	for want, list := range pieces {
		for _, piece := range list {
			for _, path := range []string{"/" + piece, "/a/" + piece, "/a/" + piece + "/b"} {
				if got, err := NormalizePath(path); !errors.Is(err, want) {
					t.Errorf("NormalizePath(%q) = %q, %v; want: %v", path, got, err, want)
				}
			}
		}
	}
	for _, path := range []string{"", "a", "*", "a.test:80", "http://a.test/"} {
		if got, err := NormalizePath(path); !errors.Is(err, RelativePath) {
			t.Errorf("NormalizePath(%q) = %q, %v", path, got, err)
		}
	}
}

func TestNormalizePathAllocatesNothing(t *testing.T) {
	path := "/api/v1/users/42;x=1"
	if n := testing.AllocsPerRun(100, func() { _, _ = NormalizePath(path) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"/api", "=/ping", "/u/{id:[0-9]+}", "/%61/../b", "/a%2f", "/{a}{b:x|y}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			return
		}
		again, err := ParsePath(p.String())
		if err != nil || again != p {
			t.Fatalf("%q became %#v, which becomes %#v, %v", s, p, again, err)
		}
	})
}

func FuzzNormalizePath(f *testing.F) {
	for _, s := range []string{"/", "/a/../b", "/%2e%2e;/", "/%25%32%66", "/a;x=1/..", "/\xff[]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := NormalizePath(s)
		if err != nil {
			return
		}
		if again, err := NormalizePath(p); err != nil || again != p {
			t.Fatalf("%q became %q, which becomes %q, %v", s, p, again, err)
		}
		for _, bad := range []string{"\\", "%2F", "%2f", "%5C", "%00"} {
			if strings.Contains(p, bad) {
				t.Fatalf("%q became %q, which has %q", s, p, bad)
			}
		}
		segments := strings.Split(p[1:], "/")
		for i, segment := range segments {
			name, _, _ := strings.Cut(segment, ";")
			if name == "." || name == ".." || (name == "" && i < len(segments)-1) {
				t.Fatalf("%q became %q, which has the segment %q", s, p, segment)
			}
		}
	})
}
