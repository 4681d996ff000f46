package h1

import (
	"net/http"
	"strings"
	"testing"
)

func TestAppendRequest(t *testing.T) {
	for name, c := range map[string]struct {
		r    RequestHead
		want string
	}{
		"plain": {RequestHead{Method: "GET", Target: "/a?b", Host: "c:1"}, "GET /a?b HTTP/1.1|Host: c:1||"},
		"fields in order": {RequestHead{Method: "GET", Target: "/", Host: "a", Fields: []Field{{"X-B", " 1\t"}, {"x-a", ""}, {"X-B", "\xff \t2"}}},
			"GET / HTTP/1.1|Host: a|X-B: 1|x-a: |X-B: \xff \t2||"},
		"sized":            {RequestHead{Method: "GET", Target: "/", Host: "a", Length: 12}, "GET / HTTP/1.1|Host: a|Content-Length: 12||"},
		"POST of nothing":  {RequestHead{Method: "POST", Target: "/", Host: "a"}, "POST / HTTP/1.1|Host: a|Content-Length: 0||"},
		"PUT of nothing":   {RequestHead{Method: "PUT", Target: "/", Host: "a"}, "PUT / HTTP/1.1|Host: a|Content-Length: 0||"},
		"PATCH of nothing": {RequestHead{Method: "PATCH", Target: "/", Host: "a"}, "PATCH / HTTP/1.1|Host: a|Content-Length: 0||"},
		"DELETE":           {RequestHead{Method: "DELETE", Target: "/", Host: "a"}, "DELETE / HTTP/1.1|Host: a||"},
		"chunked": {RequestHead{Method: "POST", Target: "/", Host: "a", Length: ChunkedBody, Trailer: []string{"X-A", "B"}},
			"POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked|Trailer: X-A, B||"},
		"upgrade": {RequestHead{Method: "GET", Target: "/", Host: "a", Upgrade: "websocket", Fields: []Field{{"Sec-WebSocket-Key", "x"}}},
			"GET / HTTP/1.1|Host: a|Sec-WebSocket-Key: x|Connection: Upgrade|Upgrade: websocket||"},
		"close": {RequestHead{Method: "GET", Target: "/", Host: "a", Close: true}, "GET / HTTP/1.1|Host: a|Connection: close||"},
		"TE": {RequestHead{Method: "GET", Target: "/", Host: "a", Fields: []Field{{"te", "trailers"}}},
			"GET / HTTP/1.1|Host: a|te: trailers|Connection: TE||"},
		"all options": {RequestHead{Method: "GET", Target: "/", Host: "a", Close: true, Upgrade: "x", Fields: []Field{{"TE", "trailers"}}},
			"GET / HTTP/1.1|Host: a|TE: trailers|Connection: close, Upgrade, TE|Upgrade: x||"},
		"absolute target": {RequestHead{Method: "GET", Target: "http://b/c", Host: "b"}, "GET http://b/c HTTP/1.1|Host: b||"},
	} {
		got, err := c.r.Append([]byte("before|"))
		if s := strings.ReplaceAll(string(got), "\r\n", "|"); s != "before|"+c.want || err != nil {
			t.Errorf("%s: %q, %v", name, s, err)
		}
		var h Head
		if n, err := h.ParseRequest(got[len("before|"):], Limits{}); n == 0 {
			t.Errorf("%s is not read back: %v", name, err)
		}
	}
}

func TestAppendRequestRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *RequestHead)
		names  string // what the error has to name
	}{
		"no method":          {func(r *RequestHead) { r.Method = "" }, "method"},
		"method":             {func(r *RequestHead) { r.Method = "GET /" }, "method"},
		"method with CR LF":  {func(r *RequestHead) { r.Method = "GET\r\n" }, "method"},
		"no target":          {func(r *RequestHead) { r.Target = "" }, "target"},
		"space in target":    {func(r *RequestHead) { r.Target = "/a b" }, "target"},
		"CR LF in target":    {func(r *RequestHead) { r.Target = "/a\r\n" }, "target"},
		"DEL in target":      {func(r *RequestHead) { r.Target = "/\x7f" }, "target"},
		"fragment":           {func(r *RequestHead) { r.Target = "/#a" }, "target"},
		"bad escape":         {func(r *RequestHead) { r.Target = "/%zz" }, "target"},
		"relative target":    {func(r *RequestHead) { r.Target = "a" }, "target"},
		"user":               {func(r *RequestHead) { r.Target = "http://u@b/" }, "target"},
		"no host":            {func(r *RequestHead) { r.Host = "" }, "host"},
		"host":               {func(r *RequestHead) { r.Host = "a/b" }, "host"},
		"host with CR LF":    {func(r *RequestHead) { r.Host = "a\r\nB: c" }, "host"},
		"negative length":    {func(r *RequestHead) { r.Length = -2 }, "length"},
		"protocol":           {func(r *RequestHead) { r.Upgrade = "a b" }, "protocol"},
		"protocol CR LF":     {func(r *RequestHead) { r.Upgrade = "a\r\nB: c" }, "protocol"},
		"trailer of nothing": {func(r *RequestHead) { r.Trailer = []string{"A"} }, "trailers"},
		"trailer":            {func(r *RequestHead) { r.Length, r.Trailer = ChunkedBody, []string{"A b"} }, "A b"},
		"trailer CR LF":      {func(r *RequestHead) { r.Length, r.Trailer = ChunkedBody, []string{"A\r\nB"} }, "trailer"},
		"trailer of framing": {func(r *RequestHead) { r.Length, r.Trailer = ChunkedBody, []string{"content_length"} }, "content_length"},
		"hop-by-hop trailer": {func(r *RequestHead) { r.Length, r.Trailer = ChunkedBody, []string{"Connection"} }, "Connection"},
	} {
		checkRefused(t, name, c.change, c.names)
	}
	for _, name := range []string{"", "a b", "a:", "a\r\nb", "a\x00", "ä"} {
		checkRefused(t, name, func(r *RequestHead) { r.Fields = []Field{{"Ok", "1"}, {name, "x"}} }, "name")
	}
	for _, value := range []string{"a\rb", "a\nb", "a\r\nB: c", "\x00", "a\x0b", "\x7f", "\x1f"} {
		checkRefused(t, value, func(r *RequestHead) { r.Fields = []Field{{"X-Secret", value}} }, "X-Secret")
	}
	for _, k := range known {
		if !k.kind.reserved() {
			continue
		}
		for _, name := range spellings(k.name) {
			if k.kind != KindTE {
				checkRefused(t, name, func(r *RequestHead) { r.Fields = []Field{{name, "x"}} }, name)
			}
			if s := strings.ReplaceAll(name, "-", "_"); s != name {
				checkRefused(t, s, func(r *RequestHead) { r.Fields = []Field{{s, "x"}} }, s)
			}
		}
	}
}

func checkRefused(t *testing.T, what string, change func(r *RequestHead), names string) {
	t.Helper()
	r := RequestHead{Method: "GET", Target: "/", Host: "a"}
	change(&r)
	got, err := r.Append([]byte("before"))
	if err == nil || string(got) != "before" {
		t.Errorf("%q: %q, %v", what, got, err)
	} else if !strings.Contains(err.Error(), names) {
		t.Errorf("%q: the error does not name %s: %v", what, names, err)
	}
}

func TestAppendStatusLine(t *testing.T) {
	for _, c := range []struct {
		minor, status int
		want          string
	}{
		{1, 200, "HTTP/1.1 200 OK\r\n"}, {0, 404, "HTTP/1.0 404 Not Found\r\n"}, {1, 299, "HTTP/1.1 299 \r\n"}, {1, 100, "HTTP/1.1 100 Continue\r\n"},
		{1, 999, "HTTP/1.1 999 \r\n"}, {1, 99, "HTTP/1.1 500 Internal Server Error\r\n"}, {1, 1000, "HTTP/1.1 500 Internal Server Error\r\n"},
		{1, -1, "HTTP/1.1 500 Internal Server Error\r\n"},
	} {
		if got := string(AppendStatusLine(nil, c.minor, c.status)); got != c.want {
			t.Errorf("%d %d: %q", c.minor, c.status, got)
		}
	}
}

func TestAppendField(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"A", "b", "A: b\r\n"}, {"A", "", "A: \r\n"}, {"a-B", " \tb c\t ", "a-B: b c\r\n"}, {"A", "\xff\tb", "A: \xff\tb\r\n"},
		{"A", "b\r\nC: d", "A: b  C: d\r\n"}, {"A", "\x00\x01b\x7f", "A:   b \r\n"}, {"A", "0123456\n89\n", "A: 0123456 89 \r\n"},
		{"", "b", ""}, {"A b", "c", ""}, {"A:", "b", ""}, {"A\r\nB", "c", ""}, {"A\x00", "b", ""},
	} {
		if got := string(AppendField([]byte("x"), c.name, c.value)); got != "x"+c.want {
			t.Errorf("%q %q: %q", c.name, c.value, got)
		}
	}
}

func TestAppendChunks(t *testing.T) {
	for n, want := range map[int]string{1: "1\r\n", 15: "f\r\n", 16: "10\r\n", 65536: "10000\r\n", 0: "", -1: ""} {
		if got := string(AppendChunkHeader(nil, n)); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
	for want, trailer := range map[string]http.Header{
		"0\r\n\r\n":                         nil,
		"0\r\nA: 3\r\nB: 1\r\nB: 2\r\n\r\n": {"B": {"1", "2"}, "A": {"3"}, "C": nil},
		"0\r\nX: a  b\r\n\r\n": {"X": {"a\r\nb"}, "Content-Length": {"5"}, "transfer_encoding": {"chunked"}, "Host": {"a"}, "Trailer": {"X"},
			"Connection": {"close"}, "A b": {"1"}, "": {"2"}, "Te": {"trailers"}},
	} {
		got := AppendLastChunk([]byte("1\r\nx\r\n"), trailer)
		if string(got) != "1\r\nx\r\n"+want {
			t.Errorf("%v: %q", trailer, got)
		}
		if d := decodeWhole(string(got)); !d.Done || d.Data != "x" {
			t.Errorf("%q is not read back: %v", got, d)
		}
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	var h Head
	r := requestHead(&h, []byte(browser))
	r.Fields = append(r.Fields, Field{"X-Forwarded-For", "203.0.113.7"}, Field{"X-Forwarded-Proto", "https"}, Field{"X-Forwarded-Host", "shop.example.com"})
	out := make([]byte, 0, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Append(out); err != nil {
			b.Fatal(err)
		}
	}
}
