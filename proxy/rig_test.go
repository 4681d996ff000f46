package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/spec"
)

// rig is a Mux on a real listener.
type rig struct {
	t    testing.TB
	mux  *Mux
	base string
}

func newRig(t testing.TB, o Options) *rig {
	t.Helper()
	m := NewMux(o)
	m.Synced()
	t.Cleanup(func() {
		end, stop := context.WithTimeout(context.Background(), testrig.Patience)
		defer stop()
		if err := m.Close(end); err != nil {
			t.Errorf("closing the Mux: %v", err)
		}
	})
	address := served(t, ListenerOptions{Name: "http", Handler: m.Handler("http"), Inline: true, Log: o.Log})
	return &rig{t, m, "http://" + address.String()}
}

// served serves on a Listener at a free address until the test ends.
func served(t testing.TB, o ListenerOptions) net.Addr {
	t.Helper()
	o.Addr = "127.0.0.1:0"
	l, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr()
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

func newBackend(t testing.TB, name string, handler http.HandlerFunc) *backend {
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
	testrig.Eventually(g.t, fmt.Sprintf("%d ready Upstreams", n), func() bool {
		ready := 0
		for _, u := range g.mux.Targets()[0].Upstreams {
			if u.State == spec.Ready {
				ready++
			}
		}
		return ready == n
	})
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
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 4 * testrig.Patience,
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
