package proxy

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/proxy/h1"
)

func networks(list ...string) trustedProxies {
	var t trustedProxies
	for _, n := range list {
		t = append(t, netip.MustParsePrefix(n))
	}
	return t
}

func TestPeerAddr(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[2001:db8::1]:5": "2001:db8::1", "[::ffff:192.0.2.1]:5": "192.0.2.1",
		"[fe80::1%eth0]:5": "fe80::1", "@": "invalid IP", "": "invalid IP", "192.0.2.1": "invalid IP",
	} {
		if got := peerAddr(in).String(); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestClientAddress(t *testing.T) {
	const peer = "10.0.0.1"
	for name, c := range map[string]struct {
		trusted trustedProxies
		peer    string
		xff     []string
		want    string
	}{
		"nobody trusted":       {nil, peer, []string{"198.51.100.1"}, peer},
		"an untrusted peer":    {networks("10.9.0.0/16"), peer, []string{"198.51.100.1"}, peer},
		"a trusted peer":       {networks("10.0.0.0/8"), peer, []string{"198.51.100.1"}, "198.51.100.1"},
		"no field":             {networks("10.0.0.0/8"), peer, nil, peer},
		"an empty field":       {networks("10.0.0.0/8"), peer, []string{""}, peer},
		"rightmost untrusted":  {networks("10.0.0.0/8"), peer, []string{"1.1.1.1, 2.2.2.2, 10.0.0.7,10.0.0.8"}, "2.2.2.2"},
		"over several lines":   {networks("10.0.0.0/8"), peer, []string{"1.1.1.1", "2.2.2.2, 10.0.0.7", "10.0.0.8"}, "2.2.2.2"},
		"all trusted":          {networks("10.0.0.0/8"), peer, []string{"10.0.0.3, 10.0.0.4"}, "10.0.0.3"},
		"spoofed on the left":  {networks("10.0.0.0/8"), peer, []string{"10.0.0.9, 203.0.113.5"}, "203.0.113.5"},
		"rubbish stops it":     {networks("10.0.0.0/8"), peer, []string{"1.1.1.1, unknown, 10.0.0.8"}, "10.0.0.8"},
		"rubbish at the end":   {networks("10.0.0.0/8"), peer, []string{"1.1.1.1, _hidden"}, peer},
		"a trailing comma":     {networks("10.0.0.0/8"), peer, []string{"1.1.1.1,"}, peer},
		"v4 in v6 entry":       {networks("10.0.0.0/8"), peer, []string{"1.1.1.1, ::ffff:10.0.0.5"}, "1.1.1.1"},
		"v4 in v6 peer":        {networks("10.0.0.0/8"), "::ffff:10.0.0.1", []string{"::ffff:1.1.1.1"}, "1.1.1.1"},
		"v4 in v6 network":     {networks("::ffff:10.0.0.0/104"), peer, []string{"1.1.1.1"}, "1.1.1.1"},
		"with port":            {networks("10.0.0.0/8"), peer, []string{"1.1.1.1:4711"}, "1.1.1.1"},
		"v6":                   {networks("10.0.0.0/8"), peer, []string{"2001:DB8::7"}, "2001:db8::7"},
		"v6 in brackets":       {networks("10.0.0.0/8"), peer, []string{"[2001:db8::7]"}, "2001:db8::7"},
		"v6 with port":         {networks("10.0.0.0/8"), peer, []string{"[2001:db8::7]:80"}, "2001:db8::7"},
		"v6 with zone":         {networks("10.0.0.0/8"), peer, []string{"fe80::1%eth0"}, "fe80::1"},
		"everybody is trusted": {networks("0.0.0.0/0"), peer, []string{"1.1.1.1, 2.2.2.2"}, "1.1.1.1"},
	} {
		h := http.Header{}
		if c.xff != nil {
			h["X-Forwarded-For"] = c.xff
		}
		if got := c.trusted.client(netip.MustParseAddr(c.peer).Unmap(), h).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := networks("0.0.0.0/0", "::/0").client(netip.Addr{}, fields("X-Forwarded-For", "1.1.1.1")); got.IsValid() {
		t.Errorf("a peer without an address was believed: %v", got)
	}
}

func TestScheme(t *testing.T) {
	trusted, peer := networks("10.0.0.0/8"), netip.MustParseAddr("10.0.0.1")
	for _, c := range []struct {
		peer string
		line []string
		want string
	}{
		{"10.0.0.1", []string{"https"}, "https"}, {"10.0.0.1", []string{"WSS"}, "https"}, {"10.0.0.1", []string{"ws"}, "http"},
		{"10.0.0.1", []string{"http, https"}, "https"}, {"10.0.0.1", []string{"https", "http"}, "http"},
		{"10.0.0.1", []string{"gopher"}, "http"}, {"10.0.0.1", nil, "http"}, {"11.0.0.1", []string{"https"}, "http"},
	} {
		h := http.Header{"X-Forwarded-Proto": c.line}
		if got := trusted.scheme(netip.MustParseAddr(c.peer), h, "http"); got != c.want {
			t.Errorf("%s says %q: %s, want %s", c.peer, c.line, got, c.want)
		}
	}
	if got := trusted.scheme(peer, nil, "https"); got != "https" {
		t.Errorf("the listener's own scheme became %s", got)
	}
}

// spellings of a field name that reach an Upstream as the same variable.
func spellings(name string) []string {
	under := strings.ReplaceAll(name, "-", "_")
	mixed := strings.Replace(name, "-", "_", 1)
	return []string{
		name, strings.ToLower(name), strings.ToUpper(name),
		under, strings.ToLower(under), strings.ToUpper(under), mixed, strings.ToUpper(mixed),
	}
}

var provenanceNames = []string{ // never written to
	"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Ssl", "X-Forwarded-Prefix",
	"X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-By", "X-Forwarded-User", "X-Forwarded-Tls-Client-Cert",
	"X-Forwarded-Something-That-Is-Invented-Later", "X-Forwarded", "Forwarded", "Forwarded-For", "X-Forwarder-For", "X-Real-Ip",
	"X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Cluster-Client-Ip", "X-Envoy-External-Address",
	"Front-End-Https", "X-Original-Url", "X-Rewrite-Url", "X-Original-Host", "X-Original-Forwarded-For", "X-Url-Scheme", "X-Host",
}

func TestUntrustedProvenanceIsReplaced(t *testing.T) {
	want := fields("Accept", "*/*", "X-Forwarded-For", "192.0.2.1", "X-Real-Ip", "192.0.2.1",
		"X-Forwarded-Proto", "http", "X-Forwarded-Host", "A.test:8080", "X-Forwarded-Port", "8080")
	o := origin{peer: netip.MustParseAddr("192.0.2.1"), scheme: "http", authority: "A.test:8080"}
	for _, name := range provenanceNames {
		for _, spelling := range spellings(name) {
			// As the server stores it, as it came, twice, and named by Connection.
			h := fields("Accept", "*/*", spelling, "evil", spelling, "evil again", "Connection", spelling)
			h[spelling] = []string{"raw"}
			checkHeader(t, spelling, sentOn(networks("10.0.0.0/8"), h, o), want)
		}
	}
}

func TestProvenanceOfUnknownPeer(t *testing.T) {
	h := fields("X-Forwarded-For", "1.1.1.1", "X-Real-Ip", "1.1.1.1")
	checkHeader(t, "a unix socket", sentOn(networks("0.0.0.0/0", "::/0"), h, origin{scheme: "https", authority: "a.test"}),
		fields("X-Forwarded-Proto", "https", "X-Forwarded-Host", "a.test", "X-Forwarded-Port", "443"))
}

func TestTrustedProvenanceIsKept(t *testing.T) {
	o := origin{peer: netip.MustParseAddr("10.0.0.1"), scheme: "http", authority: "a.test"}
	for name, c := range map[string]struct{ in, want http.Header }{
		"nothing said": {fields(), fields("X-Forwarded-For", "10.0.0.1", "X-Real-Ip", "10.0.0.1",
			"X-Forwarded-Proto", "http", "X-Forwarded-Host", "a.test", "X-Forwarded-Port", "80")},
		"all said": {
			fields("X-Forwarded-For", "1.1.1.1, 10.0.0.9", "X-Real-Ip", "1.1.1.1", "X-Forwarded-Proto", "https",
				"X-Forwarded-Host", "b.test", "X-Forwarded-Port", "8443", "Forwarded", "for=x", "X-Forwarded-Prefix", "/p"),
			fields("X-Forwarded-For", "1.1.1.1, 10.0.0.9, 10.0.0.1", "X-Real-Ip", "1.1.1.1", "X-Forwarded-Proto", "https",
				"X-Forwarded-Host", "b.test", "X-Forwarded-Port", "8443", "Forwarded", "for=x", "X-Forwarded-Prefix", "/p"),
		},
		"two lines, the scheme's port": {
			fields("X-Forwarded-For", "1.1.1.1", "X-Forwarded-For", "10.0.0.9", "X-Forwarded-Proto", "https"),
			fields("X-Forwarded-For", "1.1.1.1, 10.0.0.9, 10.0.0.1", "X-Real-Ip", "1.1.1.1", "X-Forwarded-Proto", "https",
				"X-Forwarded-Host", "a.test", "X-Forwarded-Port", "443"),
		},
		"misspelt, let through by the peer": {
			fields("X_Forwarded_For", "6.6.6.6", "X-Forwarded_Proto", "https", "X_Real_IP", "6.6.6.6", "x_original_url", "/admin"),
			fields("X-Forwarded-For", "10.0.0.1", "X-Real-Ip", "10.0.0.1",
				"X-Forwarded-Proto", "http", "X-Forwarded-Host", "a.test", "X-Forwarded-Port", "80"),
		},
		"Connection cannot take it": {
			fields("Connection", "x-forwarded-for, X-Real-Ip", "X-Forwarded-For", "1.1.1.1", "X-Real-Ip", "1.1.1.1"),
			fields("X-Forwarded-For", "1.1.1.1, 10.0.0.1", "X-Real-Ip", "1.1.1.1",
				"X-Forwarded-Proto", "http", "X-Forwarded-Host", "a.test", "X-Forwarded-Port", "80"),
		},
	} {
		checkHeader(t, name, sentOn(networks("10.0.0.0/8"), c.in, o), c.want)
	}
}

func TestOtherFieldsAreNotProvenance(t *testing.T) {
	for _, name := range []string{
		"Accept", "Authorization", "Cookie", "X-Request-Id", "X-Requested-With", "X-Api-Key", "From", "Forward", "X-Forward",
		"X-Real", "Traceparent", "Content-Type", "Pragma", "X-Http-Method-Override", "Range", "",
	} {
		if isProvenance(folded(foldName(nil, name))) {
			t.Errorf("%s would be deleted", name)
		}
	}
	for _, name := range provenanceNames {
		if !mayBeProvenance(name) {
			t.Errorf("%s is not even looked at", name)
		}
	}
}

func TestPortOf(t *testing.T) {
	for _, c := range []struct{ authority, scheme, want string }{
		{"a.test:8080", "http", "8080"}, {"a.test", "http", "80"}, {"a.test", "https", "443"}, {"a.test:", "http", "80"},
		{"[::1]:81", "http", "81"}, {"[::1]", "https", "443"}, {"a.test:x", "http", "80"}, {"", "http", "80"},
	} {
		if got := portOf(c.authority, c.scheme); got != c.want {
			t.Errorf("%s of %q: %s, want %s", c.scheme, c.authority, got, c.want)
		}
	}
}

func BenchmarkOnward(b *testing.B) {
	in := fields("Accept", "*/*", "Accept-Encoding", "gzip", "Accept-Language", "en", "Cookie", "a=b", "User-Agent", "x",
		"Connection", "keep-alive", "X-Forwarded-For", "1.1.1.1", "Referer", "http://a.test/", "Cache-Control", "no-cache")
	o := origin{peer: netip.MustParseAddr("192.0.2.1"), scheme: "http", authority: "a.test"}
	var room [24]h1.Field
	b.ReportAllocs()
	for b.Loop() {
		trustedProxies(nil).onward(room[:0], in, o)
	}
}
