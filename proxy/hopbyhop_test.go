package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rota-proxy/rota/proxy/h1"
)

// fields builds a header as the server does: names in canonical case.
func fields(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func checkHeader(t *testing.T, what string, got, want http.Header) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func TestStripHopByHop(t *testing.T) {
	for name, c := range map[string]struct{ in, want http.Header }{
		"the known ones": {fields(
			"Connection", "keep-alive", "Keep-Alive", "timeout=5", "proxy-connection", "x", "TE", "gzip", "Trailer", "A",
			"Upgrade", "h2c", "HTTP2-Settings", "x", "transfer-encoding", "chunked", "Proxy-Authenticate", "x",
			"Proxy-Authorization", "x", "X-A", "1"), fields("X-A", "1")},
		"with underscores":       {fields("keep_alive", "x", "TRANSFER_ENCODING", "chunked", "Proxy_Connection", "x", "X_A", "1"), fields("X_A", "1")},
		"named by Connection":    {fields("Connection", "X-A, x-b ,, close", "Connection", "X-c", "X-A", "1", "X-B", "2", "X-C", "3", "X-D", "4"), fields("X-D", "4")},
		"named with underscores": {fields("Connection", "x_a", "X_A", "1", "X-A", "2"), fields("X-A", "2")},
		"not for Connection to take": {fields(
			"Connection", "X-Forwarded-For, x-real-IP, CONTENT-LENGTH, Host, X_Forwarded_Proto, forwarded",
			"X-Forwarded-For", "1", "X-Real-Ip", "2", "Content-Length", "3"),
			fields("X-Forwarded-For", "1", "X-Real-Ip", "2", "Content-Length", "3")},
		"TE":                 {fields("TE", "gzip, Trailers", "Connection", "TE"), fields()},
		"nothing to do":      {fields("Accept", "*/*"), fields("Accept", "*/*")},
		"odd Connection":     {fields("Connection", ", ,\t,;=", "A", "1"), fields("A", "1")},
		"Connection: itself": {fields("Connection", "connection"), fields()},
	} {
		stripHopByHop(c.in)
		checkHeader(t, name, c.in, c.want)
	}
}

// sentOn is the header as an Upstream gets it.
func sentOn(t trustedProxies, h http.Header, o origin) http.Header {
	out := http.Header{}
	for _, f := range t.onward(nil, h, o) {
		out[f.Name] = append(out[f.Name], f.Value)
	}
	return out
}

func TestOnwardLeavesOutWhatTheProxySays(t *testing.T) {
	h := fields("Proxy", "http://evil.test", "PROXY", "again", "Host", "x", "Content_Length", "5", "Content-Length", "7",
		"Connection", "close", "User-Agent", "me", "X_Own", "1", "Transfer_Encoding", "chunked", "Keep_alive", "1")
	h["proxy"], h["PROXY"], h["host"] = []string{"raw"}, []string{"raw"}, []string{"raw"}
	got := sentOn(nil, h, origin{scheme: "http", authority: "a.test"})
	checkHeader(t, "a request", got, fields("User-Agent", "me", "X_Own", "1",
		"X-Forwarded-Proto", "http", "X-Forwarded-Host", "a.test", "X-Forwarded-Port", "80"))
}

func TestOnwardLeavesOutWhatConnectionNames(t *testing.T) {
	h := fields("Connection", "keep-alive, X-A, x-b ,, close", "Connection", "X-c", "X-A", "1", "X-B", "2", "X-C", "3", "X-D", "4",
		"Te", "gzip, Trailers")
	got := sentOn(networks("192.0.2.0/24"), h, origin{scheme: "http", authority: "a.test"})
	checkHeader(t, "a request", got, fields("X-D", "4", "Te", "trailers",
		"X-Forwarded-Proto", "http", "X-Forwarded-Host", "a.test", "X-Forwarded-Port", "80"))
}

func TestStdHeaderKeepsAnEmptyUserAgent(t *testing.T) {
	for _, list := range [][]h1.Field{nil, {{Name: "User-Agent", Value: ""}}} {
		h := (&inbound{fields: list}).stdHeader()
		if _, set := h["User-Agent"]; !set || h.Get("User-Agent") != "" {
			t.Errorf("%v: net/http would put in its own name", h)
		}
	}
}

func TestEveryHopByHopFieldIsLookedAt(t *testing.T) {
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings",
		"Proxy-Authenticate", "Proxy-Authorization",
	} {
		for _, spelling := range spellings(name) {
			h := http.Header{spelling: {"x"}}
			stripHopByHop(h)
			if len(h) > 0 {
				t.Errorf("%s is still there", spelling)
			}
		}
	}
}

func TestRequestedUpgrade(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		major  int
		header http.Header
		want   string
	}{
		"websocket":          {"GET", 1, fields("Connection", "keep-alive, Upgrade", "Upgrade", "WebSocket"), "websocket"},
		"one of several":     {"GET", 1, fields("Connection", "upgrade", "Upgrade", "h2c, websocket"), "websocket"},
		"h2c":                {"GET", 1, fields("Connection", "Upgrade, HTTP2-Settings", "Upgrade", "h2c"), ""},
		"another":            {"GET", 1, fields("Connection", "Upgrade", "Upgrade", "tcp"), ""},
		"a longer name":      {"GET", 1, fields("Connection", "Upgrade", "Upgrade", "websocket2"), ""},
		"without Connection": {"GET", 1, fields("Upgrade", "websocket"), ""},
		"without Upgrade":    {"GET", 1, fields("Connection", "Upgrade"), ""},
		"POST":               {"POST", 1, fields("Connection", "Upgrade", "Upgrade", "websocket"), ""},
		"HTTP/2":             {"GET", 2, fields("Connection", "Upgrade", "Upgrade", "websocket"), ""},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.ProtoMajor, r.Header = c.major, c.header
		if got := requestedUpgrade(r); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	old := httptest.NewRequest("GET", "/", nil)
	old.ProtoMinor, old.Header = 0, fields("Connection", "Upgrade", "Upgrade", "websocket")
	if got := requestedUpgrade(old); got != "" {
		t.Errorf("HTTP/1.0: %q", got)
	}
}

func TestStdHeaderAsksForTheUpgrade(t *testing.T) {
	in := &inbound{fields: []h1.Field{{Name: "A", Value: "1"}}, upgrade: "websocket"}
	want := fields("A", "1", "Connection", "Upgrade", "Upgrade", "websocket")
	want["User-Agent"] = nil
	checkHeader(t, "websocket", in.stdHeader(), want)
}

func TestAgreesToUpgrade(t *testing.T) {
	sound := fields("Connection", "Upgrade", "Upgrade", "websocket")
	for name, c := range map[string]struct {
		status int
		header http.Header
		asked  string
		want   bool
	}{
		"as asked":         {101, sound, "websocket", true},
		"another case":     {101, fields("Connection", "upgrade", "Upgrade", "WebSocket"), "websocket", true},
		"not asked":        {101, sound, "", false},
		"another protocol": {101, fields("Connection", "Upgrade", "Upgrade", "h2c"), "websocket", false},
		"two protocols":    {101, fields("Connection", "Upgrade", "Upgrade", "websocket", "Upgrade", "h2c"), "websocket", false},
		"a list":           {101, fields("Connection", "Upgrade", "Upgrade", "websocket, h2c"), "websocket", false},
		"no Upgrade":       {101, fields("Connection", "Upgrade"), "websocket", false},
		"no Connection":    {101, fields("Upgrade", "websocket"), "websocket", false},
		"another status":   {200, sound, "websocket", false},
		"nothing at all":   {101, fields(), "", false},
	} {
		if got := agreesToUpgrade(c.status, c.header, c.asked); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
