package h1

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

// way is how a Server may be used: the same has to hold for all of them.
type way struct{ inline, tls bool }

func (w way) String() string {
	return map[way]string{{}: "plain", {inline: true}: "inline", {tls: true}: "TLS"}[w]
}

// eachWay runs a test for all ways.
func eachWay(t *testing.T, test func(t *testing.T, w way)) {
	t.Helper()
	for _, w := range []way{{}, {inline: true}, {tls: true}} {
		t.Run(w.String(), func(t *testing.T) { test(t, w) })
	}
}

// front is a Server whose connections are made by hand. At its end nothing may be
// left of it.
type front struct {
	*Server
	t      *testing.T
	secure *tls.Config // nil: no TLS
	served sync.WaitGroup
	open   atomic.Int64 // connections that are not over
}

func newFront(t *testing.T, w way, s *Server) *front {
	t.Helper()
	testrig.LeavesNothing(t)
	f := &front{Server: s, t: t}
	s.Inline = w.inline
	if w.tls {
		f.secure = certified(t)
	}
	t.Cleanup(func() {
		f.Close()
		f.served.Wait()
		if n := f.open.Load(); n != 0 || len(s.conns)+len(s.hijacked) != 0 {
			t.Errorf("%d connections are not over, the Server knows of %d and %d", n, len(s.conns), len(s.hijacked))
		}
	})
	return f
}

// certified is what a server of TLS needs.
func certified(t *testing.T) *tls.Config {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates}
}

// handling is a front with nothing but a handler.
func handling(t *testing.T, w way, handler http.HandlerFunc) *front {
	t.Helper()
	return newFront(t, w, &Server{Handler: handler})
}

// dial connects a client, which is closed with the test.
func (f *front) dial() *client {
	f.t.Helper()
	theirs, ours := tcpPair(f.t)
	f.open.Add(1)
	f.served.Go(func() {
		var conn net.Conn = ours
		if f.secure != nil {
			conn = tls.Server(ours, f.secure)
		}
		f.ServeConn(conn, func() { f.open.Add(-1) })
	})
	c := &client{TCPConn: theirs, t: f.t, conn: theirs}
	_ = theirs.SetDeadline(time.Now().Add(testrig.Patience))
	if f.secure != nil {
		c.conn = tls.Client(theirs, &tls.Config{InsecureSkipVerify: true})
	}
	c.read = bufio.NewReader(c.conn)
	f.t.Cleanup(func() { theirs.Close() })
	return c
}

// shutDown waits for the end of all connections.
func (f *front) shutDown() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testrig.Patience)
	defer cancel()
	if err := f.Shutdown(ctx); err != nil {
		f.t.Fatalf("connections do not end: %v", err)
	}
}

// client speaks by hand.
type client struct {
	*net.TCPConn
	t    *testing.T
	conn net.Conn // maybe encrypted
	read *bufio.Reader
}

func (c *client) send(text ...string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, strings.Join(text, "")); err != nil {
		c.t.Fatal(err)
	}
}

// got is an answer, read whole.
type got struct {
	*http.Response
	body string
	err  error // of the body
}

// answer reads one, to a request of that method.
func (c *client) answer(method string) got {
	c.t.Helper()
	res, err := http.ReadResponse(c.read, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	return got{res, string(body), err}
}

// want has a request answered, with a status and a body.
func (c *client) want(status int, body string) got {
	c.t.Helper()
	a := c.answer(http.MethodGet)
	if a.err != nil || a.StatusCode != status || a.body != body {
		c.t.Fatalf("got %d %q, error %v, want %d %q", a.StatusCode, a.body, a.err, status, body)
	}
	return a
}

// wantEnd: the connection ends in order.
func (c *client) wantEnd() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.read); err != nil || len(rest) > 0 {
		c.t.Errorf("instead of the end came %q, %v", rest, err)
	}
}

// wantCut: the connection ends, and not as if that were in order.
func (c *client) wantCut() {
	c.t.Helper()
	if _, err := io.ReadAll(c.read); err == nil || errors.Is(err, net.ErrClosed) || isTimeout(err) {
		c.t.Errorf("the connection was not cut, but ended with %v", err)
	}
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// simple is a request without a body.
func simple(method, path string, fields ...string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: t.test\r\n%s\r\n", method, path, strings.Join(append(fields, ""), "\r\n"))
}
