package proxy

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/proxy/h1"
	"github.com/rota-proxy/rota/proxy/spec"
)

// script is a connection without a kernel: what is read from it is always the
// same text, so often, and what is written is thrown away.
type script struct {
	net.Conn
	text string
	left int
	at   int
}

func (s *script) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.text[s.at:])
	if s.at += n; s.at == len(s.text) {
		s.at, s.left = 0, s.left-1
	}
	return n, nil
}

func (s *script) Write(p []byte) (int, error)      { return len(p), nil }
func (s *script) Close() error                     { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711} }

const (
	benchRequest = "GET /some/path?with=query HTTP/1.1\r\nHost: t.test\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
		"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n" +
		"Referer: http://t.test/\r\nCookie: session=0123456789abcdef\r\nConnection: keep-alive\r\n\r\n"
	benchAnswerHead = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 23 Nov 2026 10:00:00 GMT\r\nContent-Type: text/plain\r\n" +
		"Content-Length: 1024\r\nLast-Modified: Mon, 23 Nov 2026 09:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"1-2\"\r\n\r\n"
)

// scripted is a Mux in front of an Upstream that is a script, and a server whose
// clients are scripts.
func scripted(tb testing.TB) *h1.Server {
	m := NewMux(Options{})
	u := upstream("a", "127.0.0.1:1")
	u.Phase = spec.Assumed
	m.Apply(target(u))
	for _, u := range m.targets["compose:test/web"].upstreams.members {
		u.dialer.keepWarm(&script{text: benchAnswerHead + strings.Repeat("x", 1024), left: -1})
	}
	return &h1.Server{Handler: m.Handler("http"), Inline: true}
}

// BenchmarkEngine is what a request costs but for the kernel.
func BenchmarkEngine(b *testing.B) {
	for name, request := range map[string]string{"browser": benchRequest, "bare": "GET / HTTP/1.1\r\nHost: t.test\r\n\r\n"} {
		b.Run(name, func(b *testing.B) {
			s := scripted(b)
			b.ReportAllocs()
			s.ServeConn(&script{text: request, left: b.N}, nil)
		})
	}
}

// What every request allocates is bounded: a limit of the issue's, far from which
// it should stay.
func TestAllocationsPerRequest(t *testing.T) {
	s := scripted(t)
	const requests = 1000
	per := testing.AllocsPerRun(5, func() { s.ServeConn(&script{text: benchRequest, left: requests}, nil) }) / requests
	if per > 12 {
		t.Errorf("%.1f allocations a request", per)
	}
}
