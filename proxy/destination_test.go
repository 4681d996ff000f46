package proxy

import (
	"testing"

	"github.com/rota-proxy/rota/proxy/spec"
)

func TestDestination(t *testing.T) {
	for _, c := range []struct{ base, path, query, want string }{
		{"", "/", "", "/"},
		{"/", "/a/b", "?x=1", "/a/b?x=1"},
		{"", "/a%2fb/%7Euser", "", "/a%2fb/%7Euser"},
		{"", "/a|b\"c", "", "/a|b\"c"},
		{"", "//evil.test/x", "?", "//evil.test/x?"},
		{"", "/", "?", "/?"},
		{"/base", "/x", "", "/base/x"},
		{"/base/", "/x", "", "/base/x"},
		{"/base", "/", "", "/base/"},
		{"/base?x=1", "/y", "", "/base/y?x=1"},
		{"/base?x=1", "/y", "?z=2", "/base/y?x=1&z=2"},
		{"?x=1", "/y", "?z=2&x=3", "/y?x=1&z=2&x=3"},
		{"/base?x=1", "/y", "?", "/base/y?x=1"},
	} {
		got := destination(&spec.Upstream{Address: "10.0.0.1:80", Base: c.base}, c.path, c.query)
		if got.RequestURI() != c.want || got.Host != "10.0.0.1:80" {
			t.Errorf("destination(%q, %q, %q) asks %s for %q, want %q", c.base, c.path, c.query, got.Host, got.RequestURI(), c.want)
		}
	}
}
