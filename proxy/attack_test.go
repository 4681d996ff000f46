package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rs/zerolog"
)

// dialRig is a connection of a client that writes by hand.
func dialRig(t *testing.T, g *rig) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(testrig.Patience))
	return conn
}

// Once the answer has begun nothing else is written to the client: an Upstream that
// answers without having asked for the body does not want it.
func TestNoContinueInsideAnAnswer(t *testing.T) {
	address := testrig.RawServer(t, func(c *net.TCPConn) {
		for testrig.ReadHead(c) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
			time.Sleep(1500 * time.Millisecond) // longer than a body is kept back
			_, _ = io.WriteString(c, "67890")
		}
	})
	g := newRig(t, Options{})
	g.mux.Apply(target(upstream("a", address)))
	g.ready(1)
	conn := dialRig(t, g)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: t.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "1234567890" {
		t.Errorf("the body is %q, error %v", body, err)
	}
}

// HTTP/1.1 over TLS is https for those behind.
func TestTLSIsTold(t *testing.T) {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	b := newBackend(t, "a", nil)
	m := NewMux(Options{})
	m.Synced()
	l, err := Listen(ListenerOptions{Name: "https", Addr: "127.0.0.1:0", Handler: m.Handler("http"), Inline: true, Log: zerolog.Nop(),
		TLS: &tls.Config{Certificates: certified.TLS.Certificates}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- l.Serve(ctx) }()
	defer func() { cancel(); <-served; _ = m.Close(context.Background()) }()
	g := &rig{t, m, "https://" + l.Addr().String()}
	g.mux.Apply(target(b.upstream()))
	g.ready(1)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := client.Do(g.request(http.MethodGet, "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || b.last().Header.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("status %d, X-Forwarded-Proto %q", res.StatusCode, b.last().Header.Get("X-Forwarded-Proto"))
	}
}

// lateWriter lets the reader's deadline come after that of close.
type lateWriter struct {
	http.ResponseWriter
	asked  chan struct{} // the reader is about to set its deadline
	closed chan struct{} // close has set its own
	mu     sync.Mutex
	first  sync.Once
	end    sync.Once
	past   bool
}

func (w *lateWriter) SetReadDeadline(at time.Time) error {
	if at.After(time.Now()) {
		w.first.Do(func() { close(w.asked) })
		select {
		case <-w.closed:
		case <-time.After(100 * time.Millisecond): // close waits for us: that is fine too
		}
		w.mu.Lock()
		w.past = false
		w.mu.Unlock()
		return nil
	}
	w.mu.Lock()
	w.past = true
	w.mu.Unlock()
	w.end.Do(func() { close(w.closed) })
	return nil
}

func (w *lateWriter) Read([]byte) (int, error) {
	limit := time.Now().Add(2 * time.Second)
	for time.Now().Before(limit) {
		w.mu.Lock()
		past := w.past
		w.mu.Unlock()
		if past {
			return 0, errors.New("too late")
		}
		time.Sleep(time.Millisecond)
	}
	return 0, errors.New("stalled")
}
func (w *lateWriter) Close() error { return nil }

// A body is closed at once, also if its reader is just about to read.
func TestBodyClosesAtOnce(t *testing.T) {
	w := &lateWriter{ResponseWriter: httptest.NewRecorder(), asked: make(chan struct{}), closed: make(chan struct{})}
	b := newReplay(w, http.NewResponseController(w), time.Minute)
	b.readAhead()
	<-w.asked
	begin := time.Now()
	b.close()
	if took := time.Since(begin); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

// A Target's own timeout.stall goes before the listener's, for uploads as well.
func TestTargetsStallForUploads(t *testing.T) {
	b := newBackend(t, "a", nil)
	m := NewMux(Options{})
	m.Synced()
	l, err := Listen(ListenerOptions{Name: "http", Addr: "127.0.0.1:0", Handler: m.Handler("http"), Inline: true, Bounds: Bounds{Stall: 300 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- l.Serve(ctx) }()
	defer func() { cancel(); <-served; _ = m.Close(context.Background()) }()
	g := &rig{t, m, "http://" + l.Addr().String()}
	def := target(b.upstream())
	def.Timeout.Stall = 10 * time.Second
	g.mux.Apply(def)
	g.ready(1)
	conn := dialRig(t, g)
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: t.test\r\nContent-Length: 4\r\n\r\nab")
	time.Sleep(1200 * time.Millisecond)
	_, _ = io.WriteString(conn, "cd")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 200 {
		t.Errorf("got %+v, %v", res, err)
	}
}
