package h1

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of these tests.
const patience = 5 * time.Second

// eventually waits for a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	timeout := time.After(patience)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-timeout:
			t.Fatalf("waited in vain for %s", what)
		case <-again.C:
		}
	}
}

// await waits for something that was sent, or a channel that was closed.
func await[T any](t testing.TB, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// way is one of the ways in which a Server has to do with a connection.
type way struct {
	name   string
	inline bool
	tls    bool
}

var ways = []way{{name: "plain"}, {name: "inline", inline: true}, {name: "tls", tls: true}}

// everyWay runs a test over all of them.
func everyWay(t *testing.T, test func(t *testing.T, w way)) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

// front is a Server on a real socket.
type front struct {
	*Server
	t       testing.TB
	way     way
	address string
}

// serve has s serve on loopback until the test ends, when nothing of it may be
// left.
func (w way) serve(t testing.TB, s *Server) *front {
	t.Helper()
	s.Inline = w.inline
	var accepted net.Listener
	accepted, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := accepted.Addr().String()
	if w.tls {
		accepted = tls.NewListener(accepted, &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := accepted.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { s.ServeConn(conn, nil) })
		}
	})
	t.Cleanup(func() {
		accepted.Close()
		s.Close()
		conns.Wait()
		if n := s.Conns(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
	return &front{s, t, w, address}
}

// handle is serve for a handler alone.
func (w way) handle(t testing.TB, h http.HandlerFunc) *front { return w.serve(t, &Server{Handler: h}) }

// certificate is one that nobody has to trust.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"t.test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// client is a connection to a front, with a strict reader.
type client struct {
	net.Conn
	t    testing.TB
	read *bufio.Reader
}

func (f *front) dial() *client {
	f.t.Helper()
	conn, err := net.Dial("tcp", f.address)
	if err != nil {
		f.t.Fatal(err)
	}
	if f.way.tls {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	f.t.Cleanup(func() { conn.Close() })
	return &client{conn, f.t, bufio.NewReader(conn)}
}

// ask is dial and send.
func (f *front) ask(text string) *client {
	f.t.Helper()
	c := f.dial()
	c.send(text)
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// reply is an answer read whole.
type reply struct {
	*http.Response
	body string
	err  error
}

// answer reads the final answer to a request.
func (c *client) answer(method string) reply {
	c.t.Helper()
	for {
		res, err := http.ReadResponse(c.read, &http.Request{Method: method})
		if err != nil {
			return reply{&http.Response{}, "", err}
		}
		if res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		body, err := io.ReadAll(res.Body)
		return reply{res, string(body), err}
	}
}

// want reads an answer with that status and body.
func (c *client) want(status int, body string) reply {
	c.t.Helper()
	r := c.answer(http.MethodGet)
	if r.err != nil || r.StatusCode != status || r.body != body {
		c.t.Fatalf("got %d %q, error %v; want %d %q", r.StatusCode, r.body, r.err, status, body)
	}
	return r
}

// expect reads exactly this text.
func (c *client) expect(text string) {
	c.t.Helper()
	got := make([]byte, len(text))
	if n, err := io.ReadFull(c.read, got); err != nil || string(got) != text {
		c.t.Fatalf("got %q, error %v; want %q", got[:n], err, text)
	}
}

// wantEnd waits for the server to end the connection, in order.
func (c *client) wantEnd() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.read); err != nil || len(rest) > 0 {
		c.t.Fatalf("instead of the end came %q, error %v", rest, err)
	}
}

// closeWrite ends the client's half.
func (c *client) closeWrite() {
	c.t.Helper()
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}

// reset ends the connection as rudely as can be.
func (c *client) reset() { resetConn(c.Conn) }

func resetConn(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// echo answers with what was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+string(body))
}

// back is an Upstream that is scripted, connection by connection, with a Pool and
// its Watchdog in front.
type back struct {
	t    testing.TB
	dog  *Watchdog
	pool *Pool
	addr string
}

// upstream hands every connection to serve, which owns it.
func upstream(t testing.TB, serve func(conn *net.TCPConn, read *bufio.Reader)) *back {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				defer conn.Close()
				serve(conn.(*net.TCPConn), bufio.NewReader(conn))
			})
		}
	})
	b := &back{t: t, dog: &Watchdog{}, addr: socket.Addr().String()}
	b.pool = NewPool(b.dog, time.Minute)
	t.Cleanup(func() {
		b.pool.Close()
		socket.Close()
		cancel()
		conns.Wait()
		if n := b.pool.count(); n != 0 {
			t.Errorf("%d connections are left in the pool", n)
		}
	})
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
	return &Request{Head: RequestHead{Method: http.MethodGet, Target: "/", Host: "t.test"}, Timeout: patience}
}

// get has a request answered whose answer must come; the caller closes it.
func (b *back) get(c *Conn) *Answer {
	b.t.Helper()
	a, err := c.RoundTrip(plainGet())
	if err != nil {
		b.t.Fatal(err)
	}
	a.Stall = patience
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
