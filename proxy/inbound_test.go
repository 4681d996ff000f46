package proxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestDebugHeaders(t *testing.T) {
	g := newRig(t, Options{DebugHeaders: true})
	a := newBackend(t, "a", nil)
	g.mux.Apply(target(a.upstream()))
	g.ready(1)
	got := g.get("/")
	if got.header.Get("Rota-Upstream") != "a" || got.header.Get("Rota-Attempts") != "1" || got.header.Get("Rota-Target") == "" {
		t.Errorf("the answer has %v", got.header)
	}
	r := g.request("GET", "/", nil)
	r.Host = "unknown.test"
	for name := range g.send(r).header {
		if strings.HasPrefix(name, "Rota-") && name != "Rota-Reason" {
			t.Errorf("an answer without a Target has %s", name)
		}
	}
}

// What the Upstream hears of the request's origin comes from the proxy alone.
func TestOriginIsTold(t *testing.T) {
	g := newRig(t, Options{})
	a := newBackend(t, "a", nil)
	g.mux.Apply(target(a.upstream()))
	r := g.request("GET", "/", nil)
	for _, name := range []string{"X-Forwarded-For", "x_forwarded_for", "X-Real-IP", "Forwarded", "X-Forwarded-Host"} {
		r.Header[name] = []string{"6.6.6.6"}
	}
	r.Header.Set("Connection", "X-Forwarded-For, close")
	wantReply(t, g.send(r), 200, "a")
	seen := a.last()
	if seen.Host != "t.test" || seen.Header.Get("X-Forwarded-For") != "127.0.0.1" || seen.Header.Get("X-Forwarded-Host") != "t.test" {
		t.Errorf("the Upstream saw host %q and %v", seen.Host, seen.Header)
	}
	for name, values := range seen.Header {
		if strings.Contains(strings.Join(values, ""), "6.6.6.6") {
			t.Errorf("the client's %s reached the Upstream", name)
		}
	}
}

func TestAccessLog(t *testing.T) {
	lines := make(lineWriter, 1)
	log := zerolog.New(lines)
	g := newRig(t, Options{Access: &log})
	a := newBackend(t, "a", nil)
	g.mux.Apply(target(a.upstream()))
	g.ready(1)
	r := g.request("GET", "/path?token=secret", nil)
	r.Header.Set("Authorization", "Bearer secret")
	r.Header.Set("Cookie", "secret")
	wantReply(t, g.send(r), 200, "a")
	out := <-lines
	var line map[string]any
	if err := json.Unmarshal([]byte(out), &line); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"entry": "http", "client": "127.0.0.1", "method": http.MethodGet, "host": "t.test", "path": "/path",
		"status": 200.0, "bytes": 1.0, "target": "compose:test/web", "upstream": "a", "attempts": 1.0,
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	if strings.Contains(out, "secret") {
		t.Errorf("the log tells a secret: %s", out)
	}
}

// lineWriter hands over what is logged, line by line.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}
