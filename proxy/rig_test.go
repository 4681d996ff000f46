package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// patience bounds every wait of these tests.
const patience = 10 * time.Second

// rig is a Mux on a real listener.
type rig struct {
	t    *testing.T
	mux  *Mux
	base string
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	m := NewMux(o)
	m.Synced()
	l, err := Listen(ListenerOptions{Name: "http", Addr: "127.0.0.1:0", Handler: m.Handler("http"), Inline: true, Log: o.Log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- l.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		end, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		if err := m.Close(end); err != nil {
			t.Errorf("closing the Mux: %v", err)
		}
	})
	return &rig{t, m, "http://" + l.Addr().String()}
}

// target is a Target for the host t.test with the given Upstreams.
func target(ups ...spec.Upstream) spec.Target {
	def := spec.NewTarget("compose:test/web")
	def.Source = "test"
	def.Matches = []spec.Match{{Host: spec.Host{Kind: spec.ExactHost, Pattern: "t.test"}}}
	def.Upstreams = ups
	return def
}

// upstream describes what listens on an address or URL.
func upstream(name, address string) spec.Upstream {
	address = strings.TrimPrefix(address, "http://")
	return spec.Upstream{
		ID: name + "@" + address, Container: name, Name: name, Scheme: spec.HTTP, Address: address,
		Local: true, Weight: 1, HostHeader: spec.HostKeep,
	}
}

// backend answers with its name and counts.
type backend struct {
	*httptest.Server
	name  string
	mu    sync.Mutex
	seen  []*http.Request
	bodys []string
}

func newBackend(t *testing.T, name string, handler http.HandlerFunc) *backend {
	t.Helper()
	b := &backend{name: name}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.seen = append(b.seen, r.Clone(context.Background()))
		b.mu.Unlock()
		if handler != nil {
			handler(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.bodys = append(b.bodys, string(body))
		b.mu.Unlock()
		fmt.Fprint(w, name)
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *backend) upstream() spec.Upstream { return upstream(b.name, b.URL) }

func (b *backend) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.seen)
}

func (b *backend) last() *http.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[len(b.seen)-1]
}

// ready waits until n Upstreams of t.test are in rotation.
func (g *rig) ready(n int) {
	g.t.Helper()
	eventually(g.t, fmt.Sprintf("%d ready Upstreams", n), func() bool {
		ready := 0
		for _, u := range g.mux.Targets()[0].Upstreams {
			if u.State == spec.Ready {
				ready++
			}
		}
		return ready == n
	})
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for !holds() {
		if !sleep(ctx, time.Millisecond) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (g *rig) request(method, path string, body io.Reader) *http.Request {
	g.t.Helper()
	r, err := http.NewRequest(method, g.base+path, body)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Host = "t.test"
	return r
}

// reply is an answer read whole.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

func (g *rig) send(r *http.Request) reply {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 4 * patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(body), err}
}

func (g *rig) get(path string) reply {
	g.t.Helper()
	return g.send(g.request(http.MethodGet, path, nil))
}

func (g *rig) post(body string) reply {
	g.t.Helper()
	return g.send(g.request(http.MethodPost, "/", strings.NewReader(body)))
}

// later runs a request aside.
func (g *rig) later(r *http.Request) <-chan reply {
	out := make(chan reply, 1)
	go func() { out <- g.send(r) }()
	return out
}

func wantReply(t *testing.T, got reply, status int, body string) {
	t.Helper()
	if got.err != nil || got.status != status || !strings.Contains(got.body, body) {
		t.Fatalf("got %d %q, error %v; want %d %q", got.status, got.body, got.err, status, body)
	}
}

// deadAddress is one where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// listenOn serves on an address that was free a moment ago.
func listenOn(t *testing.T, address string, handler http.HandlerFunc) *http.Server {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return server
}

// rawBackend hands each connection to serve, which owns it.
func rawBackend(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer context.AfterFunc(ctx, func() { c.Close() })()
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); cancel(); conns.Wait() })
	return l.Addr().String()
}

// readHead reads up to the end of a request's head; false if there is none.
func readHead(c net.Conn) bool {
	var head bytes.Buffer
	buf := make([]byte, 1)
	for !bytes.HasSuffix(head.Bytes(), []byte("\r\n\r\n")) {
		if _, err := c.Read(buf); err != nil {
			return false
		}
		head.Write(buf)
	}
	return true
}
