package proxy

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// wire reads a request as the server does.
func wire(t *testing.T, lines ...string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.Join(lines, "\r\n") + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestIdentify(t *testing.T) {
	for _, c := range []struct{ target, host, wantHost, authority, path, query string }{
		{"/", "a.test", "a.test", "a.test", "/", ""},
		{"/x?y=1", "A.Test:8080", "a.test", "A.Test:8080", "/x", "?y=1"},
		{"/x?", "a.test.", "a.test", "a.test.", "/x", "?"},
		{"/?a?b", "a.test:", "a.test", "a.test:", "/", "?a?b"},
		{"/x", "[::1]:80", "[::1]", "[::1]:80", "/x", ""},
		{"//evil.test/x", "a.test", "a.test", "a.test", "//evil.test/x", ""},
		{"/a//b/../%2F;x=1%41", "a.test", "a.test", "a.test", "/a//b/../%2F;x=1%41", ""},
		{"/%E9", "a.test", "a.test", "a.test", "/%E9", ""},
		{"http://b.test/x?y", "a.test", "b.test", "b.test", "/x", "?y"},
		{"HTTPS://B.Test:443/x", "a.test", "b.test", "B.Test:443", "/x", ""},
		{"http://b.test", "a.test", "b.test", "b.test", "/", ""},
		{"http://b.test?y", "a.test", "b.test", "b.test", "/", "?y"},
		{"http://b.test/http://c.test/", "a.test", "b.test", "b.test", "/http://c.test/", ""},
	} {
		r := wire(t, "GET "+c.target+" HTTP/1.1", "Host: "+c.host)
		id, refusal := identify(r)
		want := identity{host: c.wantHost, authority: c.authority, path: c.path, query: c.query}
		if refusal != "" || id != want {
			t.Errorf("%s on %s: %+v %q, want %+v", c.target, c.host, id, refusal, want)
		}
	}
}

func TestIdentifyRefuses(t *testing.T) {
	for _, c := range []struct {
		method, target, host string
		want                 answerCode
	}{
		{"CONNECT", "a.test:443", "a.test:443", codeConnect},
		{"CONNECT", "/x", "a.test", codeConnect},
		{"OPTIONS", "*", "a.test", codeBadTarget},
		{"GET", "*", "a.test", codeBadTarget},
		{"OPTIONS", "http://a.test", "a.test", codeBadTarget},
		{"OPTIONS", "http://a.test?x", "a.test", codeBadTarget},
		{"GET", "a.test:80", "a.test", codeBadTarget},
		{"GET", "a.test", "a.test", codeBadTarget},
		{"GET", "", "a.test", ""},
		{"GET", "/a#b", "a.test", codeBadTarget},
		{"GET", "/\xe9", "a.test", codeBadTarget},
		{"GET", "/a?b#c", "a.test", codeBadTarget},
		{"GET", "/#", "a.test", codeBadTarget},
		{"GET", "http://a.test/#x", "a.test", codeBadTarget},
		{"GET", "/a b", "a.test", codeBadTarget},
		{"GET", "/a\tb", "a.test", codeBadTarget},
		{"GET", "/a\x00", "a.test", codeBadTarget},
		{"GET", "/a\x7f", "a.test", codeBadTarget},
		{"GET", "ftp://a.test/", "a.test", codeBadTarget},
		{"GET", "http:/a.test/", "a.test", codeBadTarget},
		{"GET", "http:///x", "a.test", codeBadTarget},
		{"GET", "http://", "a.test", codeBadTarget},
		{"GET", "http://u:p@a.test/", "a.test", codeBadHost},
		{"GET", "http://a.test:x/", "a.test", codeBadHost},
		{"GET", "http://b\u00fccher.test/", "a.test", codeBadTarget},
		{"GET", "/", "", codeBadHost},
		{"GET", "/", "a.test, b.test", codeBadHost},
		{"GET", "/", "a..test", codeBadHost},
		{"GET", "/", "a.test..", codeBadHost},
		{"GET", "/", "a.test/x", codeBadHost},
		{"GET", "/", "u@a.test", codeBadHost},
		{"GET", "/", "a.test:80:80", codeBadHost},
		{"GET", "/", "b\u00fccher.test", codeBadHost},
		{"GET", "/", "a%2etest", codeBadHost},
		{"GET", "/", "[::1", codeBadHost},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.RequestURI, r.Host = c.method, c.target, c.host
		if _, got := identify(r); got != c.want {
			t.Errorf("%s %q on %q: %q, want %q", c.method, c.target, c.host, got, c.want)
		}
	}
}

func TestIdentifySecondHost(t *testing.T) {
	for _, c := range []struct {
		target string
		values []string
		want   answerCode
	}{
		{"/", nil, ""},
		{"/", []string{"A.TEST:80"}, ""},
		{"/", []string{"b.test"}, codeBadHost},
		{"/", []string{""}, codeBadHost},
		{"/", []string{"a.test", "a.test"}, codeBadHost},
		{"http://a.test/", []string{"b.test"}, ""}, // the target wins
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI, r.Host = c.target, "a.test"
		r.Header["Host"] = c.values
		if _, got := identify(r); got != c.want {
			t.Errorf("%s with Host %q: %q, want %q", c.target, c.values, got, c.want)
		}
	}
}

func TestInquiryWithoutServer(t *testing.T) {
	r, err := http.NewRequest("GET", "http://a.test/%41/b?c", nil)
	if err != nil {
		t.Fatal(err)
	}
	var q inquiry
	refusal := q.read(r, "http", netip.Addr{})
	if refusal != "" || q.host != "a.test" || q.path+q.query != "/%41/b?c" || q.entry != "http" || q.method != "GET" {
		t.Errorf("%+v %q", q, refusal)
	}
}

func TestIdentifyAllocatesNothing(t *testing.T) {
	r := wire(t, "GET /x/y?z=1 HTTP/1.1", "Host: a.test:8080")
	if n := testing.AllocsPerRun(100, func() { identify(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWithoutParameters(t *testing.T) {
	for in, want := range map[string]string{
		"/a/b":      "/a/b",
		"/a;x/b":    "/a/b",
		"/a;x;y=/b": "/a/b",
		"/a/b;":     "/a/b",
		"/;x":       "/",
		"/a/;x":     "/a/",
	} {
		if got := withoutParameters(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
