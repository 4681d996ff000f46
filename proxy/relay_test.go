package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/internal/testrig"
)

// raw is a Target whose Upstream answers every request with the same bytes.
func (g *rig) raw(answer string) {
	g.t.Helper()
	address := testrig.RawServer(g.t, func(c *net.TCPConn) {
		for testrig.ReadHead(c) {
			io.WriteString(c, answer)
		}
	})
	g.mux.Apply(target(upstream("raw", address)))
	g.ready(1)
}

func TestRelayKeepsWhatTheUpstreamSaid(t *testing.T) {
	g := newRig(t, Options{})
	g.raw("HTTP/1.1 299 Odd\r\nContent-Length: 6\r\nX-Twice: 1\r\nX-Twice: 2\r\nConnection: X-Hop\r\nX-Hop: gone\r\n\r\n<html>")
	got := g.get("/")
	if got.status != 299 || got.body != "<html>" {
		t.Errorf("got %d %q", got.status, got.body)
	}
	if twice := got.header["X-Twice"]; len(twice) != 2 {
		t.Errorf("a field in two lines arrived as %q", twice)
	}
	if _, guessed := got.header["Content-Type"]; guessed || got.header.Get("X-Hop") != "" {
		t.Errorf("header arrived as %v", got.header)
	}
}

func TestRelayPassesTrailersOn(t *testing.T) {
	g := newRig(t, Options{})
	g.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n2\r\nhi\r\n0\r\nSum: 7\r\n\r\n")
	res, err := http.DefaultClient.Do(g.request("GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if string(body) != "hi" || err != nil || res.Trailer.Get("Sum") != "7" {
		t.Errorf("body %q, trailer %v, error %v", body, res.Trailer, err)
	}
}

func TestRelayPassesEarlyHintsOnAndSwallowsContinue(t *testing.T) {
	g := newRig(t, Options{})
	g.raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	c, r := g.dialRaw()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: t.test\r\n\r\n")
	hints, err := http.ReadResponse(r, nil)
	if err != nil || hints.StatusCode != 103 || hints.Header.Get("Link") != "</a>" {
		t.Fatalf("first came %v, error %v", hints, err)
	}
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 200 || res.Header.Get("Link") != "" {
		t.Errorf("then came %v, error %v", res, err)
	}
}

func TestRelayRefusesBadAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"no HTTP":              "hello\r\n\r\n",
		"two lengths":          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
		"head too large":       "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxResponseHead+1) + "\r\n\r\n",
		"endless interim":      strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxInterim+1),
		"unasked 101":          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"control byte in head": "HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, Options{})
			g.raw(answer)
			c, r := g.dialRaw()
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: t.test\r\n\r\n")
			for {
				res, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatalf("no final answer: %v", err)
				}
				if res.StatusCode != 103 {
					if res.StatusCode != 502 {
						t.Errorf("got %d, want 502", res.StatusCode)
					}
					return
				}
			}
		})
	}
}

// The head of a stream is not kept back until there is something in it.
func TestRelayFlushesTheHeadOfAStream(t *testing.T) {
	finish := make(chan struct{})
	defer close(finish)
	a := newBackend(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		http.NewResponseController(w).Flush()
		<-finish
	})
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream()))
	c, r := g.dialRaw()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: t.test\r\n\r\n")
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 200 {
		t.Errorf("got %v, error %v", res, err)
	}
}

// An answer that comes before the request's body has been sent is passed on.
func TestRelayPassesAnEarlyAnswerOn(t *testing.T) {
	address := testrig.RawServer(t, func(c *net.TCPConn) {
		if testrig.ReadHead(c) {
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			io.Copy(io.Discard, c)
		}
	})
	g := newRig(t, Options{})
	g.mux.Apply(target(upstream("early", address)))
	g.ready(1)
	c, r := g.dialRaw()
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: t.test\r\nContent-Length: 1000\r\n\r\nstart")
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 413 {
		t.Errorf("got %v, error %v", res, err)
	}
}

func TestRequestTrailersArePassedOn(t *testing.T) {
	got := make(chan http.Header, 1)
	a := newBackend(t, "a", func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		got <- r.Trailer
	})
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream()))
	c, r := g.dialRaw()
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: t.test\r\nTransfer-Encoding: chunked\r\nTrailer: Sum, X-Forwarded-For\r\n\r\n"+
		"2\r\nhi\r\n0\r\nSum: 7\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	trailer := <-got
	if trailer.Get("Sum") != "7" || trailer.Get("X-Forwarded-For") != "" {
		t.Errorf("the Upstream saw the trailer %v", trailer)
	}
}

func TestPanicIsContained(t *testing.T) {
	s := newShared(Options{})
	broken := s.observe("x", func(http.ResponseWriter, *http.Request, *inbound) { panic("oops") })
	w := httptest.NewRecorder()
	broken.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://t.test/", nil))
	if w.Code != 500 || !strings.Contains(w.Body.String(), "rota: internal") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}

func TestSilentByNature(t *testing.T) {
	for media, want := range map[string]bool{
		"text/event-stream": true, "Text/Event-Stream; charset=utf-8": true, "text/event-stream ;x=1": true,
		"application/grpc": true, "application/grpc+proto": true, "APPLICATION/GRPC-web": true,
		"text/event-streams": false, "text/html": false, "text/plain, text/event-stream": false, "application/grp": false, "": false,
	} {
		if silentByNature(media) != want || silentByNature([]byte(media)) != want {
			t.Errorf("%q: %v, want %v", media, !want, want)
		}
	}
}
