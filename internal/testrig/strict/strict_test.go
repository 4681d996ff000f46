package strict

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const host = "Host: a.test\r\n"

// readRequest reads one request whole.
func readRequest(wire string) (*Head, string, Fields, error) {
	r := NewReader(iotest.OneByteReader(strings.NewReader(wire)))
	h, err := r.RequestHead()
	if err != nil {
		return nil, "", nil, err
	}
	b := r.RequestBody(h)
	body, err := io.ReadAll(b)
	return h, string(body), b.Trailers, err
}

func TestRequest(t *testing.T) {
	for _, c := range []struct{ wire, body string }{
		{"GET /x?y HTTP/1.1\r\n" + host + "\r\n", ""},
		{"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc", "abc"},
		{"POST / HTTP/1.1\r\n" + host + "Content-Length:0\r\n\r\n", ""},
		{"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n00A\r\n0123456789\r\n0\r\n\r\n", "ab0123456789"},
		{"GET / HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", ""},
	} {
		h, body, _, err := readRequest(c.wire)
		if err != nil || body != c.body || len(h.Fields.Values("HOST")) != 1 {
			t.Errorf("%q: %v %q, %v", c.wire, h, body, err)
		}
	}
	_, _, trailers, err := readRequest("POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n")
	if err != nil || len(trailers.Spelt("x_sum")) != 1 {
		t.Errorf("trailers %v, %v", trailers, err)
	}
}

func TestRequestViolations(t *testing.T) {
	const chunked = "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n"
	for _, wire := range []string{
		"GET / HTTP/1.0\r\n" + host + "\r\n",
		"GET  / HTTP/1.1\r\n" + host + "\r\n",
		"G(T / HTTP/1.1\r\n" + host + "\r\n",
		"GET http://a.test/ HTTP/1.1\r\n" + host + "\r\n",
		"GET /#x HTTP/1.1\r\n" + host + "\r\n",
		"GET /\xe9 HTTP/1.1\r\n" + host + "\r\n",
		"\r\nGET / HTTP/1.1\r\n" + host + "\r\n",
		"GET / HTTP/1.1\n" + host + "\r\n",
		"GET / HTTP/1.1\r\n" + host + "\n",
		"GET / HTTP/1.1\r\n" + host + "A: b\rc\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + "A: b\x00\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + " folded\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + "A : b\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + ": b\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + host + "\r\n",
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + "Content_Length: 3\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + "Keep-Alive: 3\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + "Proxy: x\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + "TE: gzip\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + "Upgrade: h2c\r\n\r\n",
		"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		"POST / HTTP/1.1\r\n" + host + "Content-Length: +3\r\n\r\nabc",
		"POST / HTTP/1.1\r\n" + host + "Content-Length: \r\n\r\n",
		"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		chunked + "3;x\r\nabc\r\n0\r\n\r\n",
		chunked + "+3\r\nabc\r\n0\r\n\r\n",
		chunked + "\r\nabc\r\n0\r\n\r\n",
		chunked + "3\nabc\r\n0\r\n\r\n",
		chunked + "3\r\nabcd\r\n0\r\n\r\n",
		chunked + "3\r\nabc\n0\r\n\r\n",
		chunked + "ffffffffffffffff\r\nabc",
		chunked + "0\r\nContent_Length: 3\r\n\r\n",
	} {
		var v Violation
		if _, _, _, err := readRequest(wire); !errors.As(err, &v) {
			t.Errorf("%q: %v", wire, err)
		}
	}
}

func TestCutIsNoViolation(t *testing.T) {
	const whole = "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
	for n := 1; n < len(whole); n++ {
		if _, _, _, err := readRequest(whole[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	if _, _, _, err := readRequest(""); err != io.EOF {
		t.Errorf("nothing at all: %v", err)
	}
}

func TestResponse(t *testing.T) {
	for _, c := range []struct {
		wire, body string
		head       bool
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "", true},
		{"HTTP/1.1 200 \r\n\r\nabc", "abc", false},
		{"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", "", false},
		{"HTTP/1.0 200 OK\r\n\r\nabc", "abc", false},
	} {
		r := NewReader(strings.NewReader(c.wire))
		h, err := r.ResponseHead()
		if err != nil {
			t.Errorf("%q: %v", c.wire, err)
			continue
		}
		if body, err := io.ReadAll(r.ResponseBody(h, c.head)); err != nil || string(body) != c.body {
			t.Errorf("%q: %q, %v", c.wire, body, err)
		}
	}
	for _, wire := range []string{
		"HTTP/1.1 200\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 0200 OK\r\n\r\n", "HTTP/1.1 20x OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 200 O\x00K\r\n\r\n", "HTTP/1.1 204 None\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nKeep-Alive: 5\r\n\r\n",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		var v Violation
		if _, err := NewReader(strings.NewReader(wire)).ResponseHead(); !errors.As(err, &v) {
			t.Errorf("%q: %v", wire, err)
		}
	}
}
