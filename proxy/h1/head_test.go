package h1

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// crlf writes a head from lines, with the empty line.
func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// get is a request with these fields beside Host.
func get(fields ...string) string {
	return crlf(append([]string{"GET / HTTP/1.1", "Host: a"}, fields...)...)
}

// ok is a response with these fields.
func ok(fields ...string) string { return crlf(append([]string{"HTTP/1.1 200 OK"}, fields...)...) }

// refusal is a case of a message that is not read.
type refusal struct {
	name, in string
	status   int
}

func badRequests() []refusal {
	list := []refusal{
		{"empty line first", "\r\n" + get(), 400},
		{"LF first", "\n", 400},
		{"no method", " / HTTP/1.1\r\n", 400},
		{"method with a colon", "GE:T / HTTP/1.1\r\n", 400},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00", 400},
		{"NUL in the method", "G\x00T", 400},
		{"tab after the method", "GET\t/ HTTP/1.1\r\n", 400},
		{"two spaces after the method", "GET  / HTTP/1.1\r\n", 400},
		{"HTTP/0.9", "GET /\r\n", 400},
		{"no version", "GET / \r\n", 400},
		{"two spaces before the version", "GET /  HTTP/1.1\r\n", 400},
		{"space after the version", "GET / HTTP/1.1 \r\n", 400},
		{"space in the target", "GET /a b HTTP/1.1\r\n", 400},
		{"tab in the target", "GET /a\tb", 400},
		{"control byte in the target", "GET /\x01", 400},
		{"DEL in the target", "GET /\x7f", 400},
		{"fragment", "GET /#a", 400},
		{"bad escape", "GET /%zz HTTP/1.1\r\n", 400},
		{"asterisk", "GET * HTTP/1.1\r\n", 400},
		{"authority", "GET a:80 HTTP/1.1\r\n", 400},
		{"user in the target", "GET http://u:p@a/ HTTP/1.1\r\n", 400},
		{"lower-case version", "GET / http/1.1\r\n", 400},
		{"long version", "GET / HTTP/1.10\r\n", 400},
		{"version with zeros", "GET / HTTP/01.1\r\n", 400},
		{"no digit", "GET / HTTP/1.x\r\n", 400},
		{"comma for a point", "GET / HTTP/1,1\r\n", 400},
		{"LF after the version", "GET / HTTP/1.1\n", 400},
		{"CR after the version", "GET / HTTP/1.1\rHost", 400},
		{"HTTP/2", "PRI * HTTP/2.0\r\n", 400},
		{"HTTP/2 version", "GET / HTTP/2.0\r\n", 505},
		{"HTTP/1.2", "GET / HTTP/1.2\r\n", 505},
		{"HTTP/0.9 with version", "GET / HTTP/0.9\r\n", 505},
		{"HTTP/3", "GET / HTTP/3.0\r\n", 505},
		{"HTTP/9.9", "GET / HTTP/9.9\r\n", 505},
		{"no Host", crlf("GET / HTTP/1.1"), 400},
		{"Host in disguise", crlf("GET / HTTP/1.1", "Hos_t: a"), 400},
		{"two Host", get("Host: a"), 400},
		{"two Host in other case", get("hOST: b"), 400},
		{"two Host on 1.0", crlf("GET / HTTP/1.0", "Host: a", "Host: a"), 400},
		{"bad Host", crlf("GET / HTTP/1.1", "Host: a b"), 400},
		{"list in Host", crlf("GET / HTTP/1.1", "Host: a,b"), 400},
		{"user in Host", crlf("GET / HTTP/1.1", "Host: u@a"), 400},
		{"path in Host", crlf("GET / HTTP/1.1", "Host: a/b"), 400},
		{"bad port in Host", crlf("GET / HTTP/1.1", "Host: a:x"), 400},
		{"bad Host beside an absolute target", crlf("GET http://a/ HTTP/1.1", "Host: a/b"), 400},
		{"no Host beside an absolute target", crlf("GET http://a/ HTTP/1.1"), 400},
	}
	return append(list, badFields(get)...)
}

func badResponses() []refusal {
	list := []refusal{
		{"request", get(), 400},
		{"empty line first", "\r\n" + ok(), 400},
		{"HTTP/0.9", "hello", 400},
		{"lower-case version", "http/1.1 200 OK\r\n", 400},
		{"HTTP/2", "HTTP/2 200\r\n", 400},
		{"HTTP/2.0", "HTTP/2.0 200 OK\r\n", 505},
		{"HTTP/1.2", "HTTP/1.2 200 OK\r\n", 505},
		{"two spaces", "HTTP/1.1  200 OK\r\n", 400},
		{"no status", "HTTP/1.1 \r\n", 400},
		{"two digits", "HTTP/1.1 20 OK\r\n", 400},
		{"four digits", "HTTP/1.1 2000 OK\r\n", 400},
		{"signed status", "HTTP/1.1 +20 OK\r\n", 400},
		{"status below 100", "HTTP/1.1 099 OK\r\n", 400},
		{"status runs into the reason", "HTTP/1.1 200OK\r\n", 400},
		{"tab after the status", "HTTP/1.1 200\tOK\r\n", 400},
		{"LF after the status", "HTTP/1.1 200\n", 400},
		{"LF after the reason", "HTTP/1.1 200 OK\n", 400},
		{"CR in the reason", "HTTP/1.1 200 O\rK", 400},
		{"NUL in the reason", "HTTP/1.1 200 O\x00K", 400},
	}
	return append(list, badFields(ok)...)
}

// badFields are what neither a request nor a response may have.
func badFields(with func(fields ...string) string) []refusal {
	start := strings.TrimSuffix(with(), "\r\n")
	list := []refusal{
		{"LF after a field", start + "A: b\n", 400},
		{"LF for the empty line", start + "\n", 400},
		{"CR in a value", start + "A: b\rc", 400},
		{"CR CR LF", start + "A: b\r\r\n", 400},
		{"CR for the empty line", start + "\rA", 400},
		{"folded", start + "A: b\r\n c: d\r\n", 400},
		{"folded by a tab", start + "A: b\r\n\tc\r\n", 400},
		{"space before the first name", start + " A: b\r\n", 400},
		{"space before the colon", start + "A : b\r\n", 400},
		{"tab before the colon", start + "A\t: b\r\n", 400},
		{"no colon", start + "A\r\n", 400},
		{"empty name", start + ": b\r\n", 400},
		{"NUL in a name", start + "A\x00: b\r\n", 400},
		{"slash in a name", start + "A/b: c\r\n", 400},
		{"UTF-8 in a name", start + "Ä: c\r\n", 400},
		{"quote in a name", start + "\"A\": c\r\n", 400},
		{"LF in a name", start + "A\nB: c\r\n", 400},
		{"NUL in a value", start + "A: b\x00", 400},
		{"vertical tab in a value", start + "A: \x0b", 400},
		{"DEL in a value", start + "A: \x7f", 400},

		{"two equal lengths", with("Content-Length: 5", "Content-Length: 5"), 400},
		{"two lengths", with("Content-Length: 5", "content-length: 6"), 400},
		{"list of lengths", with("Content-Length: 5, 5"), 400},
		{"empty length", with("Content-Length:"), 400},
		{"signed length", with("Content-Length: +5"), 400},
		{"negative length", with("Content-Length: -5"), 400},
		{"hexadecimal length", with("Content-Length: 0x5"), 400},
		{"length with a letter", with("Content-Length: 5a"), 400},
		{"length with an underscore", with("Content-Length: 1_0"), 400},
		{"length with a point", with("Content-Length: 5.0"), 400},
		{"quoted length", with(`Content-Length: "5"`), 400},
		{"two words for a length", with("Content-Length: 5 5"), 400},
		{"length of 19 digits", with("Content-Length: 1000000000000000000"), 400},
		{"length that is more than 64 bits", with("Content-Length: 18446744073709551621"), 400},
		{"length of foreign digits", with("Content-Length: ٥"), 400},
		{"length, then coding", with("Content-Length: 5", "Transfer-Encoding: chunked"), 400},
		{"coding, then length", with("Transfer-Encoding: chunked", "Content-Length: 5"), 400},
		{"length of 0 and coding", with("Content-Length: 0", "Transfer-Encoding: chunked"), 400},
		{"empty coding", with("Transfer-Encoding:"), 400},
		{"chunked twice", with("Transfer-Encoding: chunked, chunked"), 400},
		{"chunked in two fields", with("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400},
		{"identity in a second field", with("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), 400},
		{"chunked is not the last", with("Transfer-Encoding: chunked, gzip"), 400},
		{"identity", with("Transfer-Encoding: identity"), 400},
		{"identity before chunked", with("Transfer-Encoding: identity, chunked"), 400},
		{"quoted chunked", with(`Transfer-Encoding: "chunked"`), 400},
		{"chunked with a parameter", with("Transfer-Encoding: chunked;a=b"), 400},
		{"chunked with a comma", with("Transfer-Encoding: chunked,"), 400},
		{"chunked after a comma", with("Transfer-Encoding: ,chunked"), 400},
		{"chunked and a word", with("Transfer-Encoding: chunked a"), 400},
		{"chunked after a vertical tab", with("Transfer-Encoding: \x0bchunked"), 400},
		{"gzip", with("Transfer-Encoding: gzip"), 501},
		{"gzip before chunked", with("Transfer-Encoding: gzip, chunked"), 501},
		{"almost chunked", with("Transfer-Encoding: xchunked"), 501},
		{"chunked in dotless letters", with("Transfer-Encoding: chun\u212aed"), 400},

		{"framing as a trailer", with("Transfer-Encoding: chunked", "Trailer: A, content-length"), 400},
		{"coding as a trailer", with("Trailer: Transfer-Encoding"), 400},
		{"Trailer as a trailer", with("Trailer: Trailer"), 400},
		{"many options", with("Connection: " + strings.Repeat("a,", maxOptions)), 431},
		{"many fields", with(slicesRepeat("A: b", DefaultFields+1)...), 431},
	}
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		if s := with("Transfer-Encoding: chunked"); strings.Contains(s, version) {
			list = append(list, refusal{"coding on 1.0", strings.Replace(s, version, "HTTP/1.0", 1), 400})
		}
	}
	return list
}

func slicesRepeat(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}

func TestBadRequests(t *testing.T) {
	for _, c := range badRequests() {
		var h Head
		n, err := h.ParseRequest([]byte(c.in), Limits{})
		checkRefusal(t, c, n, err)
	}
}

func TestBadResponses(t *testing.T) {
	for _, c := range badResponses() {
		var h Head
		n, err := h.ParseResponse([]byte(c.in), Limits{})
		checkRefusal(t, c, n, err)
	}
}

func checkRefusal(t *testing.T, c refusal, n int, err error) {
	t.Helper()
	var syntax *SyntaxError
	if n != 0 || !errors.As(err, &syntax) {
		t.Errorf("%s: %d, %v", c.name, n, err)
	} else if syntax.Status != c.status {
		t.Errorf("%s: %d (%v), want %d", c.name, syntax.Status, err, c.status)
	}
}

// view is all that a Head says.
type view struct {
	N                                                       int
	Err                                                     error
	Method, Target, Authority, Host, Reason                 string
	Minor, Status                                           int
	Fields                                                  []string
	Length, RequestBody, Body                               int64
	Chunked, HasHost, KeepAlive, Upgrade, Expect100, Expect bool
}

func viewOf(h *Head, n int, err error, request bool) view {
	v := view{N: n, Err: err}
	if n == 0 {
		return v
	}
	v.Minor, v.Length, v.Chunked = h.Minor(), h.ContentLength(), h.Chunked()
	v.KeepAlive, v.Upgrade, v.Expect100, v.Expect = h.KeepAlive(), h.Upgrade(), h.Expect100(), h.ExpectOther()
	if request {
		host, present := h.Host()
		v.Host, v.HasHost, v.Authority = string(host), present, string(h.Authority())
		v.Method, v.Target, v.RequestBody = string(h.Method()), string(h.Target()), h.RequestBodyLength()
	} else {
		v.Status, v.Reason, v.Body = h.Status(), string(h.Reason()), h.BodyLength("GET")
	}
	for i := range h.Len() {
		v.Fields = append(v.Fields, fmt.Sprintf("%d %v %s=%s", h.Kind(i), h.EndToEnd(i), h.Name(i), h.Value(i)))
	}
	return v
}

func parseRequest(in string) view {
	var h Head
	n, err := h.ParseRequest([]byte(in), Limits{})
	return viewOf(&h, n, err, true)
}

func parseResponse(in string) view {
	var h Head
	n, err := h.ParseResponse([]byte(in), Limits{})
	return viewOf(&h, n, err, false)
}

func TestParseRequest(t *testing.T) {
	in := crlf("POST /a/b?c=%zz HTTP/1.1", "Host: example.com:80", "content-LENGTH:\t007 ", "X-Empty:", "X_A: \xff b\tc", "Expect: 100-Continue")
	got := parseRequest(in + "surplus")
	want := view{
		N: len(in), Method: "POST", Target: "/a/b?c=%zz", Authority: "example.com:80", Host: "example.com:80", HasHost: true, Minor: 1,
		Fields: []string{
			fmt.Sprint(int(KindHost), " true Host=example.com:80"), fmt.Sprint(int(KindContentLength), " true content-LENGTH=007"),
			"0 true X-Empty=", "0 true X_A=\xff b\tc", fmt.Sprint(int(KindExpect), " true Expect=100-Continue"),
		},
		Length: 7, RequestBody: 7, KeepAlive: true, Expect100: true,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestParseResponse(t *testing.T) {
	in := ok("Date: now", "Transfer-Encoding: CHUNKED")
	got := parseResponse(in + "surplus")
	want := view{
		N: len(in), Minor: 1, Status: 200, Reason: "OK", Length: -1, Body: ChunkedBody, Chunked: true, KeepAlive: true,
		Fields: []string{fmt.Sprint(int(KindDate), " true Date=now"), fmt.Sprint(int(KindTransferEncoding), " false Transfer-Encoding=CHUNKED")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	for in, want := range map[string]string{
		"HTTP/1.0 404 Not Found": "404 Not Found", "HTTP/1.1 299": "299 ", "HTTP/1.1 999 ": "999 ", "HTTP/1.1 100 \xff\t x": "100 \xff\t x",
	} {
		got := parseResponse(crlf(in))
		if s := fmt.Sprint(got.Status, " ", got.Reason); got.N == 0 || s != want {
			t.Errorf("%q: %q %v", in, s, got.Err)
		}
	}
}

func TestAuthority(t *testing.T) {
	for start, want := range map[string]string{
		"GET / HTTP/1.1": "a", "GET http://b:81/c HTTP/1.1": "b:81", "GET HTTPS://b HTTP/1.1": "b", "GET http://b?c HTTP/1.1": "b",
		"OPTIONS * HTTP/1.1": "a", "CONNECT b:443 HTTP/1.1": "b:443", "CONNECT /b HTTP/1.1": "a", "GET //b/ HTTP/1.1": "a",
	} {
		if got := parseRequest(crlf(start, "Host: a")); got.Authority != want || got.Host != "a" {
			t.Errorf("%s: %+v", start, got)
		}
	}
	if got := parseRequest(crlf("GET / HTTP/1.0")); got.N == 0 || got.HasHost || got.Authority != "" {
		t.Errorf("without Host: %+v", got)
	}
	if got := parseRequest(crlf("GET / HTTP/1.1", "Host:")); got.N == 0 || !got.HasHost || got.Authority != "" {
		t.Errorf("an empty Host: %+v", got)
	}
}

func TestKeepAlive(t *testing.T) {
	for _, c := range []struct {
		minor  int
		fields []string
		want   bool
	}{
		{1, nil, true},
		{0, nil, false},
		{1, []string{"Connection: close"}, false},
		{1, []string{"Connection: keep-alive, CLOSE"}, false},
		{1, []string{"Connection: a", "Connection:\tClose"}, false},
		{1, []string{"Connection: closed"}, true},
		{1, []string{"Connection: \"close\""}, true},
		{1, []string{"Proxy-Connection: close"}, true},
		{0, []string{"Connection: Keep-Alive"}, true},
		{0, []string{"Connection: keep-alive", "Connection: close"}, false},
		{0, []string{"Keep-Alive: timeout=5"}, false},
		{0, []string{"Proxy-Connection: keep-alive"}, false},
	} {
		in := crlf(append([]string{fmt.Sprint("GET / HTTP/1.", c.minor), "Host: a"}, c.fields...)...)
		if got := parseRequest(in); got.N == 0 || got.KeepAlive != c.want {
			t.Errorf("%q: %v %v", in, got.KeepAlive, got.Err)
		}
	}
}

func TestUpgradeAndExpect(t *testing.T) {
	for _, c := range []struct {
		minor             int
		fields            []string
		upgrade, e1, more bool
	}{
		{1, []string{"Connection: Upgrade", "Upgrade: websocket"}, true, false, false},
		{1, []string{"Upgrade: websocket", "Connection: keep-alive,UPGRADE"}, true, false, false},
		{0, []string{"Connection: Upgrade", "Upgrade: websocket"}, false, false, false},
		{1, []string{"Upgrade: websocket"}, false, false, false},
		{1, []string{"Connection: Upgrade"}, false, false, false},
		{1, []string{"Connection: Upgrades", "Upgrade: a"}, false, false, false},
		{1, []string{"Expect: 100-continue"}, false, true, false},
		{0, []string{"Expect: 100-continue"}, false, false, false},
		{1, []string{"Expect: 200-ok"}, false, false, true},
		{1, []string{"Expect: 100-continue, a"}, false, true, true},
		{1, []string{"Expect: 100-continue", "Expect: 100-continued"}, false, true, true},
		{1, []string{"Expect:"}, false, false, false},
	} {
		in := crlf(append([]string{fmt.Sprint("GET / HTTP/1.", c.minor), "Host: a"}, c.fields...)...)
		got := parseRequest(in)
		if got.N == 0 || got.Upgrade != c.upgrade || got.Expect100 != c.e1 || got.Expect != c.more {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

// dropped are the names that may not be sent on.
func dropped(t *testing.T, fields ...string) string {
	t.Helper()
	var h Head
	if n, err := h.ParseRequest([]byte(get(fields...)), Limits{}); n == 0 {
		t.Fatalf("%q: %v", fields, err)
	}
	var names []string
	for i := range h.Len() {
		if !h.EndToEnd(i) {
			names = append(names, string(h.Name(i)))
		}
	}
	return strings.Join(names, " ")
}

func TestEndToEnd(t *testing.T) {
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "HTTP2-Settings", "Proxy-Authenticate", "Proxy-Authorization",
	} {
		for _, s := range spellings(name) {
			if got := dropped(t, s+": z", "X: y"); got != s {
				t.Errorf("%s: dropped is %q", s, got)
			}
			disguised := strings.ReplaceAll(s, "-", "_")
			if got := dropped(t, disguised+": z", "X: y"); got != disguised {
				t.Errorf("%s: dropped is %q", disguised, got)
			}
		}
	}
	for _, c := range []struct {
		fields []string
		want   string
	}{
		{[]string{"Transfer-Encoding: chunked", "A: b"}, "Transfer-Encoding"},
		{[]string{"Transfer_Encoding: chunked", "A: b"}, "Transfer_Encoding"},
		{[]string{"Content_Length: 5", "Content-Length: 6"}, "Content_Length"},
		{[]string{"Connection: a", "A: 1", "a: 2", "AA: 3"}, "Connection A a"},
		{[]string{"A: 1", "B: 2", "C: 3", "Connection: B ,, \tc\t", "Connection: close"}, "B C Connection Connection"},
		{[]string{"Connection: x_a", "X_A: 1", "X-A: 2"}, "Connection X_A"},
		{[]string{"Connection: a b, \"c\"", "A: 1", "B: 2", "C: 3"}, "Connection"},
		{[]string{"Connection: host, Content-Length, CONTENT_LENGTH, X-Forwarded-For, x_forwarded_proto, Forwarded, X-Real-IP",
			"Content-Length: 1", "X-Forwarded-For: 1", "X_Forwarded_Proto: 2", "Forwarded: 3", "X-Real-Ip: 4"}, "Connection"},
	} {
		if got := dropped(t, c.fields...); got != c.want {
			t.Errorf("%q: dropped is %q, want %q", c.fields, got, c.want)
		}
	}
}

func TestBodyLength(t *testing.T) {
	for _, c := range []struct {
		method, start, field string
		want                 int64
	}{
		{"GET", "200 OK", "A: b", UntilClose},
		{"GET", "200 OK", "Content-Length: 0", 0},
		{"GET", "200 OK", "Content-Length: 5", 5},
		{"POST", "500 No", "Transfer-Encoding: chunked", ChunkedBody},
		{"HEAD", "200 OK", "Content-Length: 5", 0},
		{"HEAD", "200 OK", "Transfer-Encoding: chunked", 0},
		{"HEAD", "200 OK", "A: b", 0},
		{"GET", "100 Continue", "A: b", 0},
		{"GET", "199 a", "Content-Length: 5", 0},
		{"GET", "204 a", "Content-Length: 5", 0},
		{"GET", "204 a", "Transfer-Encoding: chunked", 0},
		{"GET", "304 a", "Content-Length: 5", 0},
		{"GET", "205 a", "Content-Length: 5", 5},
		{"CONNECT", "200 a", "Content-Length: 5", UntilClose},
		{"CONNECT", "400 a", "Content-Length: 5", 5},
	} {
		var h Head
		if n, err := h.ParseResponse([]byte(crlf("HTTP/1.1 "+c.start, c.field)), Limits{}); n == 0 {
			t.Errorf("%+v: %v", c, err)
		} else if got := h.BodyLength(c.method); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestRequestBodyLength(t *testing.T) {
	for field, want := range map[string]int64{
		"A: b": 0, "Content-Length: 0": 0, "Content-Length: 999999999999999999": 999999999999999999, "Transfer-Encoding: Chunked": ChunkedBody,
	} {
		if got := parseRequest(get(field)); got.N == 0 || got.RequestBody != want {
			t.Errorf("%s: %d, %v", field, got.RequestBody, got.Err)
		}
	}
}

func TestLimits(t *testing.T) {
	head := get("A: " + strings.Repeat("b", 100))
	var h Head
	if n, err := h.ParseRequest([]byte(head), Limits{HeadBytes: len(head), Fields: 2}); n != len(head) {
		t.Errorf("a head as long as allowed: %v", err)
	}
	for name, c := range map[string]struct {
		in     string
		l      Limits
		status int
	}{
		"one byte too long":              {head, Limits{HeadBytes: len(head) - 1}, 431},
		"one field too many":             {head, Limits{Fields: 1}, 431},
		"long before it ends":            {head[:60], Limits{HeadBytes: 60}, 431},
		"a long target":                  {"GET /" + strings.Repeat("a", DefaultHeadBytes), Limits{}, 414},
		"a long method":                  {strings.Repeat("A", DefaultHeadBytes), Limits{}, 414},
		"a long field":                   {"GET / HTTP/1.1\r\nA: " + strings.Repeat("a", DefaultHeadBytes), Limits{}, 431},
		"a field of which a byte exists": {strings.TrimSuffix(get(slicesRepeat("A: b", DefaultFields-1)...), "\r\n") + "A", Limits{}, 431},
	} {
		n, err := h.ParseRequest([]byte(c.in), c.l)
		checkRefusal(t, refusal{name: name, status: c.status}, n, err)
	}
	full := get(slicesRepeat("A: b", DefaultFields-1)...)
	if n, err := h.ParseRequest([]byte(full), Limits{}); n != len(full) {
		t.Errorf("a head with all fields: %v", err)
	}
	long := ok("A: " + strings.Repeat("b", DefaultHeadBytes))
	if n, err := h.ParseResponse([]byte(long), Limits{}); n != len(long) {
		t.Errorf("a response longer than requests may be: %v", err)
	}
	n, err := h.ParseResponse([]byte("HTTP/1.1 200 "+strings.Repeat("b", DefaultResponseHeadBytes)), Limits{})
	checkRefusal(t, refusal{name: "a long reason", status: 431}, n, err)
}

// goodRequests and goodResponses are seeds and what splits are tried on.
func goodRequests() []string {
	return []string{
		browser,
		get(), get("Content-Length: 5") + "hello", get("Transfer-Encoding: chunked", "Trailer: A") + "5\r\nhello\r\n0\r\nA: b\r\n\r\n",
		get("Pragma: no-cache", "Expect: 100-continue", "Connection: close, TE", "TE: trailers"),
		get("Connection: Upgrade, x-a", "Upgrade: websocket", "X-A: 1", "X_Forwarded_For: 2"),
		crlf("GET http://b:80/c?d HTTP/1.1", "Host: a"), crlf("CONNECT a:443 HTTP/1.1", "Host: a:443"), crlf("OPTIONS * HTTP/1.0"),
		crlf("POST /%41/../caf\xc3\xa9 HTTP/1.0", "host:", "Connection: keep-alive", "A:\t\xff \tb\t"), crlf("GET / HTTP/1.1", "Host: [::1]:80"),
	}
}

func goodResponses() []string {
	return []string{
		ok(), ok("Content-Length: 5") + "hello", ok("Transfer-Encoding: chunked", "Trailer: A") + "5\r\nhello\r\n0\r\nA: b\r\n\r\n",
		ok("Connection: close"), crlf("HTTP/1.0 200", "Connection: keep-alive", "Pragma: no-cache"), crlf("HTTP/1.1 304 ", "Content-Length: 9"),
		crlf("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"), crlf("HTTP/1.1 204 No", "Transfer-Encoding: chunked"),
	}
}

// A head that is cut anywhere, or comes byte by byte and moves each time, is read
// as it is at once.
func TestSplits(t *testing.T) {
	requests, responses := goodRequests(), goodResponses()
	for _, c := range badRequests() {
		requests = append(requests, c.in)
	}
	for _, c := range badResponses() {
		responses = append(responses, c.in)
	}
	for _, in := range requests {
		checkSplits(t, in, true)
	}
	for _, in := range responses {
		checkSplits(t, in, false)
	}
}

func checkSplits(t *testing.T, in string, request bool) {
	t.Helper()
	whole := parseSplit(in, request, len(in))
	cuts := len(in)
	if cuts > 600 {
		cuts = 0
	}
	for cut := range cuts {
		if got := parseSplit(in, request, cut, len(in)); !reflect.DeepEqual(got, whole) {
			t.Fatalf("%q cut at %d:\n got %+v\nwant %+v", in, cut, got, whole)
		}
	}
	each := make([]int, len(in))
	for i := range each {
		each[i] = i + 1
	}
	if got := parseSplit(in, request, each...); !reflect.DeepEqual(got, whole) {
		t.Fatalf("%q byte by byte:\n got %+v\nwant %+v", in, got, whole)
	}
}

// parseSplit offers the input up to each of the ends, in a buffer of its own.
func parseSplit(in string, request bool, ends ...int) view {
	var h Head
	parse := h.ParseResponse
	if request {
		parse = h.ParseRequest
	}
	for _, end := range ends {
		if n, err := parse([]byte(in[:end]), Limits{}); n > 0 || err != nil {
			return viewOf(&h, n, err, request)
		}
	}
	return view{}
}

// What is wrong is refused with the byte that makes it so.
func TestRefusedAtOnce(t *testing.T) {
	for _, in := range []string{
		"\n", "GET /\x00", "GET / X", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\n ", "GET / HTTP/1.1\r\nA ", "GET / HTTP/1.1\r\nA: b\n",
		"GET / HTTP/1.1\r\nA: b\rc", "GET / HTTP/1.1\r\nA: \x00", "GET / HTTP/1.1\r\n\n",
	} {
		var h Head
		if n, err := h.ParseRequest([]byte(in[:len(in)-1]), Limits{}); n != 0 || err != nil {
			t.Errorf("%q without its last byte: %d, %v", in, n, err)
		}
		if _, err := h.ParseRequest([]byte(in), Limits{}); err == nil {
			t.Errorf("%q is waited for", in)
		}
	}
}

// A Head forgets one message before it reads the next.
func TestReuse(t *testing.T) {
	var h Head
	for range 2 {
		for _, in := range append(goodRequests(), "POST / HTTP/1.1\n") {
			n, err := h.ParseRequest([]byte(in), Limits{})
			if got, want := viewOf(&h, n, err, true), parseRequest(in); !reflect.DeepEqual(got, want) {
				t.Errorf("%q after another:\n got %+v\nwant %+v", in, got, want)
			}
		}
		for _, in := range append(goodResponses(), "HTTP/1.1\n") {
			n, err := h.ParseResponse([]byte(in), Limits{})
			if got, want := viewOf(&h, n, err, false), parseResponse(in); !reflect.DeepEqual(got, want) {
				t.Errorf("%q after another:\n got %+v\nwant %+v", in, got, want)
			}
		}
		if n, err := h.ParseRequest([]byte("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"), Limits{}); n != 0 || err != nil {
			t.Fatalf("half a head: %d, %v", n, err)
		}
		h.Reset()
	}
}

// A buffer that does not hold what was already read is another message.
func TestShorterBuffer(t *testing.T) {
	var h Head
	for _, in := range []string{"POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\nX: " + strings.Repeat("c", 99), get()} {
		n, err := h.ParseRequest([]byte(in), Limits{})
		if got, want := viewOf(&h, n, err, true), parseRequest(in); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", in, got, want)
		}
	}
}

func TestIsHTTP2Preface(t *testing.T) {
	for i := range len(preface) {
		if is, maybe := IsHTTP2Preface([]byte(preface[:i])); is || !maybe {
			t.Errorf("%q: %v %v", preface[:i], is, maybe)
		}
		wrong := []byte(preface)
		wrong[i]++
		if is, maybe := IsHTTP2Preface(wrong); is || maybe {
			t.Errorf("%q: %v %v", wrong, is, maybe)
		}
	}
	if is, maybe := IsHTTP2Preface([]byte(preface + "\x00")); !is || maybe {
		t.Errorf("the preface: %v %v", is, maybe)
	}
}

// browser is a request as a browser sends it.
var browser = crlf(
	"GET /shop/items?page=2&sort=price HTTP/1.1", "Host: shop.example.com", "Connection: keep-alive",
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
	"Accept-Encoding: gzip, deflate, br", "Accept-Language: en-GB,en;q=0.9,de;q=0.8", "Cache-Control: max-age=0",
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark", "Referer: https://shop.example.com/shop/items?page=1",
)

// Reading and writing a request of a browser allocates nothing, nor does reading
// nonsense.
func TestAllocations(t *testing.T) {
	var h Head
	in, out := []byte(browser), make([]byte, 0, 4<<10)
	head := requestHead(&h, in)
	bad := []byte("GET / HTTP/1.1\r\nA : b\r\n")
	if n := testing.AllocsPerRun(100, func() {
		if n, _ := h.ParseRequest(in, Limits{}); n == 0 || !h.KeepAlive() || !h.EndToEnd(0) {
			t.Error("the request is refused")
		}
		if _, err := head.Append(out); err != nil {
			t.Error(err)
		}
		if _, err := h.ParseRequest(bad, Limits{}); err == nil {
			t.Error("nonsense is let through")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	response := []byte(ok("Date: now", "Content-Type: text/plain", "Content-Length: 5"))
	if n := testing.AllocsPerRun(100, func() {
		if n, _ := h.ParseResponse(response, Limits{}); n == 0 {
			t.Error("the response is refused")
		}
		out = AppendStatusLine(out[:0], 1, h.Status())
		for i := range h.Len() {
			out = AppendField(out, string(h.Name(i)), string(h.Value(i)))
		}
		out = AppendField(out, "Server", "x")
		out = AppendLastChunk(AppendChunkHeader(out, 5), nil)
	}); n != 0 {
		t.Errorf("%v allocations for a response", n)
	}
	if !bytes.HasPrefix(out, []byte("HTTP/1.1 200 OK\r\nDate: now\r\n")) {
		t.Errorf("the response is %q", out)
	}
}

// requestHead is what a proxy that changes nothing sends on.
func requestHead(h *Head, in []byte) RequestHead {
	if n, err := h.ParseRequest(in, Limits{}); n == 0 {
		panic(fmt.Sprint("no request: ", err))
	}
	return forwarded(h)
}

func forwarded(h *Head) RequestHead {
	r := RequestHead{
		Method: string(h.Method()), Target: string(h.Target()), Host: string(h.Authority()), Length: h.RequestBodyLength(), Close: !h.KeepAlive(),
	}
	for i := range h.Len() {
		if k := h.Kind(i); h.EndToEnd(i) && k != KindHost && k != KindContentLength {
			r.Fields = append(r.Fields, Field{string(h.Name(i)), string(h.Value(i))})
		}
	}
	return r
}

func BenchmarkParseRequest(b *testing.B) {
	var h Head
	in := []byte(browser)
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if n, err := h.ParseRequest(in, Limits{}); n == 0 {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseResponse(b *testing.B) {
	var h Head
	in := []byte(ok("Server: nginx/1.22.1", "Date: Tue, 25 Nov 2025 17:00:00 GMT", "Content-Type: text/html", "Content-Length: 1024",
		"Last-Modified: Tue, 25 Nov 2025 16:00:00 GMT", "Connection: keep-alive", "ETag: \"6744a1b2-400\"", "Accept-Ranges: bytes"))
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if n, err := h.ParseResponse(in, Limits{}); n == 0 {
			b.Fatal(err)
		}
	}
}
