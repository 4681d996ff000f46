package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"time"
)

// startUpstreams serves on n ports until the test is over.
func startUpstreams(t *testing.T, n int) []string {
	t.Helper()
	u := newUpstream()
	var addrs []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- u.serve(ln) }()
		t.Cleanup(func() {
			ln.Close()
			if err := <-served; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs
}

func connect(t *testing.T, addr string) *client {
	t.Helper()
	c, err := dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestUpstreamAnswersOneRequestAfterTheOther(t *testing.T) {
	c := connect(t, startUpstreams(t, 1)[0])
	post := []byte("POST " + pathPost + " HTTP/1.1\r\nhost: x\r\ncontent-LENGTH: 16384\r\n\r\n" + strings.Repeat("p", 16384))
	for _, ask := range []struct {
		request []byte
		size    int
	}{
		{get(path1KiB, "x"), 1 << 10}, {post, 2}, {get(path64KiB, "x"), 64 << 10}, {get(path1MiB, "x"), 1 << 20}, {get(path1KiB, "x"), 1 << 10},
	} {
		answer, err := c.ask(ask.request)
		if err != nil {
			t.Fatalf("%.20q: %v", ask.request, err)
		}
		if len(answer.body) != ask.size {
			t.Errorf("%.20q: %d bytes instead of %d", ask.request, len(answer.body), ask.size)
		}
	}
}

func TestUpstreamRefusesWhatItDoesNotMeasure(t *testing.T) {
	addr := startUpstreams(t, 1)[0]
	for _, request := range []string{
		"GET /else HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST " + pathPost + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"nonsense\r\n\r\n",
	} {
		if answer, err := connect(t, addr).ask([]byte(request)); err == nil {
			t.Errorf("%q is answered with %s", request, answer.Status)
		}
	}
}

func TestSpreadsFindsWhatACandidateDoesNotDo(t *testing.T) {
	upstreams := startUpstreams(t, upstreamPorts)
	ask := func(p *httputil.ReverseProxy) error {
		server := httptest.NewServer(p)
		defer server.Close()
		defer p.Transport.(*http.Transport).CloseIdleConnections()
		return spreads(t.Context(), server.Listener.Addr().String(), benchHost, upstreams)
	}
	if err := ask(newReverseProxy(upstreams)); err != nil {
		t.Errorf("the candidate reverseproxy: %v", err)
	}
	for want, change := range map[string]func(*httputil.ProxyRequest){
		"X-Forwarded-For":   func(r *httputil.ProxyRequest) { r.Out.Header.Del("X-Forwarded-For") },
		"X-Forwarded-Proto": func(r *httputil.ProxyRequest) { r.Out.Header.Set("X-Forwarded-Proto", "https") },
		"Host":              func(r *httputil.ProxyRequest) { r.Out.Host = "" },
		"did not reach all": func(r *httputil.ProxyRequest) { r.Out.URL.Host = upstreams[0] },
	} {
		p := newReverseProxy(upstreams)
		whole := p.Rewrite
		p.Rewrite = func(r *httputil.ProxyRequest) {
			whole(r)
			change(r)
		}
		if err := ask(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestOpenLoopAsksForEveryRequest(t *testing.T) {
	o := &openLoop{
		rateLoad: rateLoad{path: path1KiB, size: 1 << 10, connections: 4, rate: 1000},
		request:  get(path1KiB, benchHost), free: make(chan *rateConn, 4), begin: time.Now(),
	}
	if err := o.dial(t.Context(), startUpstreams(t, 1)[0]); err != nil {
		t.Fatal(err)
	}
	o.read(func(err error) { t.Error(err) })
	o.keepRate(t.Context(), 50*time.Millisecond)
	if err := o.awaitAnswers(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.close()
	if out := o.outcome(time.Since(o.begin)); out.requests != 50 || out.p50 <= 0 || out.p99 < out.p50 {
		t.Errorf("50 ms at 1,000 a second gave %+v", out)
	}
}

func TestRateLoadFailsWithItsAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "full", http.StatusServiceUnavailable)
	}))
	defer server.Close()
	l := rateLoad{path: path1KiB, size: 1 << 10, connections: 2, rate: 100}
	_, err := l.run(context.Background(), server.Listener.Addr().String(), benchHost, time.Second)
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("answers of 503 give the error %v", err)
	}
}

func TestIdleConnectionsAreUsedAndKept(t *testing.T) {
	l := idleConnections{connections: 40}
	clients, err := l.open(t.Context(), startUpstreams(t, 1)[0], get(path1KiB, benchHost))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		if _, err := c.ask(get(path1KiB, benchHost)); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	if len(clients) != l.connections {
		t.Errorf("%d connections instead of %d", len(clients), l.connections)
	}
}
