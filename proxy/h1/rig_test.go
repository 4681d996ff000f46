package h1

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

func resetConn(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// back is an Upstream that is scripted, connection by connection, with a Pool and
// its Watchdog in front.
type back struct {
	t    testing.TB
	pool *Pool
	addr string
}

// upstream hands every connection to serve, which owns it.
func upstream(t testing.TB, serve func(conn *net.TCPConn, read *bufio.Reader)) *back {
	t.Helper()
	pool := NewPool(&Watchdog{}, time.Minute)
	t.Cleanup(func() {
		if n := pool.count(); n != 0 {
			t.Errorf("%d connections are left in the pool", n)
		}
	})
	b := &back{t: t, pool: pool, addr: testrig.RawServer(t, func(conn *net.TCPConn) { serve(conn, bufio.NewReader(conn)) })}
	t.Cleanup(pool.Close)
	return b
}

func (p *Pool) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

func (p *Pool) countUnused() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.unused)
}

// answering is an Upstream that gives the same answer to every request.
func answering(t testing.TB, answer string) *back {
	return upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
		for readRequest(read) != nil {
			_, _ = io.WriteString(conn, answer)
		}
	})
}

// readRequest reads a request and its body; nil if there is none.
func readRequest(read *bufio.Reader) *http.Request {
	r, err := http.ReadRequest(read)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return r
}

// dial makes a new connection.
func (b *back) dial() *Conn {
	b.t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.pool.Adopt(conn)
}

// conn is one that was used before if there is one.
func (b *back) conn() *Conn {
	if c := b.pool.Get(); c != nil {
		return c
	}
	return b.dial()
}

// plainGet is the least of all requests.
func plainGet() *Request {
	return &Request{Head: RequestHead{Method: http.MethodGet, Target: "/", Host: "t.test"}, Timeout: testrig.Patience}
}

// get has a request answered whose answer must come; the caller closes it.
func (b *back) get(c *Conn) *Answer {
	b.t.Helper()
	a, err := c.RoundTrip(plainGet())
	if err != nil {
		b.t.Fatal(err)
	}
	a.Stall = testrig.Patience
	return a
}

// readAnswer reads a body to its end.
func readAnswer(a *Answer) (string, error) {
	var body strings.Builder
	for {
		p, err := a.Next()
		if errors.Is(err, io.EOF) {
			return body.String(), nil
		}
		if err != nil {
			return body.String(), err
		}
		body.Write(p)
	}
}

// wantStage checks how far a request is said to have got.
func wantStage(t testing.TB, err error, stage Stage) {
	t.Helper()
	var e *ExchangeError
	if !errors.As(err, &e) || e.Stage != stage {
		t.Fatalf("got %#v (%v), want stage %d", err, err, stage)
	}
}

// tcpPair is the two ends of a connection.
func tcpPair(t *testing.T) (ours, theirs *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a.(*net.TCPConn), b.(*net.TCPConn)
}
