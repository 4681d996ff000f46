package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"testing"

	"github.com/rota-proxy/rota/proxy/spec"
)

// BenchmarkRequest is a request of 1 KiB through real sockets: by the Mux with
// its defaults, and by the standard library's reverse proxy for comparison.
// Compare within one run only.
func BenchmarkRequest(b *testing.B) {
	body := make([]byte, 1<<10)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }))
	defer backend.Close()
	b.Run("rota", func(b *testing.B) {
		m := NewMux(Options{})
		u := upstream("a", backend.URL)
		u.Phase = spec.Assumed
		m.Apply(target(u))
		defer m.Close(b.Context())
		benchmarkHandler(b, m.Handler("http"))
	})
	b.Run("stdlib", func(b *testing.B) {
		transport := &http.Transport{MaxIdleConnsPerHost: maxIdle, DisableCompression: true}
		defer transport.CloseIdleConnections()
		benchmarkHandler(b, &httputil.ReverseProxy{
			Transport: transport,
			Rewrite: func(r *httputil.ProxyRequest) {
				r.Out.URL.Scheme, r.Out.URL.Host = "http", backend.Listener.Addr().String()
				r.SetXForwarded()
			},
		})
	})
}

func benchmarkHandler(b *testing.B, h http.Handler) {
	front := httptest.NewServer(h)
	defer front.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r, _ := http.NewRequest(http.MethodGet, front.URL, nil)
		r.Host = "t.test"
		for pb.Next() {
			res, err := client.Do(r)
			if err != nil || res.StatusCode != http.StatusOK {
				b.Errorf("got %v, error %v", res, err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	})
}
