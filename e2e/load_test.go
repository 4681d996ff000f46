package e2e

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// serve runs a handler on loopback and gives its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// whenSent waits until the load has sent n requests, then stops it.
func whenSent(t *testing.T, l *load, n int) []*sent {
	t.Helper()
	eventually(t, 10*time.Second, func() string {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.sent) < n {
			return "too few requests sent"
		}
		return ""
	})
	return l.stop()
}

func TestLoadKeepsItsRateWhenNobodyAnswers(t *testing.T) {
	answer := make(chan struct{})
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) { <-answer })
	l := startLoad(loadPlan{addr: addr, host: "a.test", method: http.MethodGet, rate: 200, timeout: patient})
	eventually(t, 10*time.Second, func() string {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.sent) < 50 {
			return "too few requests sent while none was answered"
		}
		return ""
	})
	close(answer)
	all := l.stop()
	for i, s := range all {
		if s.failure != "" {
			t.Fatalf("request %d failed: %s", i, s.failure)
		}
		if due := time.Duration(i) * 5 * time.Millisecond; s.start.Sub(all[0].start) < due-all[0].late-time.Millisecond {
			t.Fatalf("request %d was sent after %s, before it was due", i, s.start.Sub(all[0].start))
		}
	}
}

func TestLoadCountsEveryFailureWithItsReason(t *testing.T) {
	var n atomic.Int64
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) % 3 {
		case 0:
			w.Header().Set("Rota-Reason", "no-ready-upstream")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 1:
			panic(http.ErrAbortHandler) // breaks the connection
		default:
			_, _ = io.WriteString(w, "web-1")
		}
	})
	all := whenSent(t, startLoad(loadPlan{addr: addr, host: "a.test", method: http.MethodGet, rate: 500, timeout: patient}), 30)
	kinds := map[string]int{}
	for _, s := range all {
		kinds[s.failure]++
		if (s.failure == "") != (s.instance == "web-1") {
			t.Errorf("%+v has both or neither an answer and a failure", *s)
		}
	}
	if int(n.Load()) != len(all) {
		t.Errorf("%d requests were received of %d sent: something repeats or holds back", n.Load(), len(all))
	}
	third := len(all) / 3
	for _, kind := range []string{"", "503 no-ready-upstream ", "reading the answer: unexpected EOF"} {
		if kinds[kind] < third {
			t.Errorf("%d requests ended with %q, %d at least expected: %v", kinds[kind], kind, third, kinds)
		}
	}
}

func TestLoadGivesEachPostItsOwnIDAndBody(t *testing.T) {
	bodies := make(chan string, 1000)
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body) + " of " + r.Header.Get("E2e-Id")
	})
	all := whenSent(t, startLoad(loadPlan{addr: addr, host: "a.test", method: http.MethodPost, rate: 500, timeout: patient}), 20)
	want := map[string]bool{}
	for _, s := range all {
		want["order "+s.id+" of "+s.id] = true
	}
	for range all {
		if body := <-bodies; !want[body] {
			t.Errorf("received %q, twice or never sent", body)
		} else {
			delete(want, body)
		}
	}
}

func TestClientSendsARequestOnlyOnce(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	var heads atomic.Int64
	go func() { // answers the first request of a connection, hangs up at the second; ends with the listener
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			buffer := make([]byte, 4096)
			for range 2 {
				if n, _ := conn.Read(buffer); n == 0 {
					break
				}
				if heads.Add(1)%2 == 1 {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}
			_ = conn.Close()
		}
	}()
	c := newClient(listener.Addr().String(), patient)
	defer c.close()
	for i, wantErr := range []bool{false, true, false, true} {
		r, _ := http.NewRequest(http.MethodGet, "http://a.test/", nil)
		if _, err := c.do(r); (err != nil) != wantErr {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if heads.Load() != 4 {
		t.Errorf("4 requests were received %d times", heads.Load())
	}
}
