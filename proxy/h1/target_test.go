package h1

import (
	"strings"
	"testing"
)

func TestValidHost(t *testing.T) {
	for _, s := range []string{
		"a", "A.example.COM", "example.com.", "my_app.local", "1.2.3.4", "example.com:8080", "example.com:", "a:0", "a:65535",
		"[::1]", "[::1]:80", "[2001:DB8::1]:", "[::ffff:1.2.3.4]", "xn--bcher-kva.example",
	} {
		if !ValidHost(s) {
			t.Errorf("%q is no host", s)
		}
	}
	for _, s := range []string{
		"", ":80", "a:b", "a:-1", "a:+1", "a:123456", "a:1:2", "a b", "a,b", "user@a", "a/b", "a?b", "a#b", "a%41", "bücher.example",
		"[", "[]", "[::1", "::1", "[::1]a", "[::1]:x", "[1.2.3.4]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[v1.a]", "[[::1]]", "a[::1]",
		"a\tb", "a\x00", "\"a\"", "*.a", "a;b", "a=b", "a\\b", "a\x80",
	} {
		if ValidHost(s) {
			t.Errorf("%q is a host", s)
		}
	}
}

func TestValidTarget(t *testing.T) {
	for _, c := range []struct{ method, target string }{
		{"GET", "/"}, {"GET", "//"}, {"GET", "/a?b=%zz"}, {"GET", "/%41%fF/%2f"}, {"GET", "/a:b"}, {"GET", "/caf\xc3\xa9"}, {"GET", "/?"},
		{"GET", "http://a"}, {"GET", "HTTP://a:80/b?c"}, {"GET", "https://[::1]:443/"}, {"GET", "http://a?b"}, {"GET", "http://a/b%20c"},
		{"OPTIONS", "*"}, {"OPTIONS", "http://a"}, {"CONNECT", "a:443"}, {"CONNECT", "[::1]:443"}, {"CONNECT", "/a"},
	} {
		if !validTarget([]byte(c.method), []byte(c.target)) {
			t.Errorf("%s %s is refused", c.method, c.target)
		}
	}
	for _, c := range []struct{ method, target string }{
		{"GET", ""}, {"GET", "*"}, {"OPTIONS", "*a"}, {"OPTIONS", "**"}, {"GET", "a"}, {"GET", "a/b"}, {"GET", "a:80"}, {"GET", "?a"}, {"GET", "\\a"},
		{"GET", "/%"}, {"GET", "/%4"}, {"GET", "/%4g"}, {"GET", "/%%41"}, {"GET", "/a%zz?b"}, {"GET", "http://a/%"},
		{"GET", "http:"}, {"GET", "http:/"}, {"GET", "http://"}, {"GET", "http:///"}, {"GET", "http:a"}, {"GET", "http://?a"}, {"GET", "http://:80/"},
		{"GET", "http://u@a/"}, {"GET", "http://u:p@a/"}, {"GET", "http://a:b/"}, {"GET", "http://a:1:2/"}, {"GET", "http://a%41/"}, {"GET", "http://[::1/"},
		{"GET", "ftp://a/"}, {"GET", "mailto:a"}, {"GET", "xhttp://a"}, {"GET", "http//a"},
		{"CONNECT", "a"}, {"CONNECT", "*"}, {"CONNECT", "http://a:1"}, {"CONNECT", "a:b"}, {"CONNECT", "[::1]"}, {"CONNECT", "u@a:1"}, {"CONNECT", ":1"}, {"CONNECT", "a:1/"},
	} {
		if validTarget([]byte(c.method), []byte(c.target)) {
			t.Errorf("%s %s is let through", c.method, c.target)
		}
	}
}

func TestValidToken(t *testing.T) {
	for _, s := range []string{"GET", "x-a_b", "!#$%&'*+-.^_`|~09"} {
		if !ValidToken(s) {
			t.Errorf("%q is no token", s)
		}
	}
	for _, s := range strings.Split("|a b|a:|a\t|\x00|é|a(|a/b|a,b|\"a\"|a\r\n", "|") {
		if ValidToken(s) {
			t.Errorf("%q is a token", s)
		}
	}
}
