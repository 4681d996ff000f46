package admin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/discovery"
)

func TestClientReadsWhatTheServerSays(t *testing.T) {
	addr := start(t, Options{Token: secret, Engines: []Engine{fixedEngine{verdicts: []discovery.Verdict{web(nil)}}}})
	client := NewClient(addr, secret)
	if err := client.Health(context.Background()); err != nil {
		t.Errorf("health: %v", err)
	}
	answer, err := client.Containers(context.Background())
	if err != nil || len(answer.Containers) != 1 || answer.Containers[0].Name != "shop-web-1" {
		t.Errorf("containers: %+v, %v", answer, err)
	}
}

func TestClientTellsAMissingTokenApart(t *testing.T) {
	addr := start(t, Options{Token: secret})
	for _, token := range []string{"", "wrong"} {
		if _, err := NewClient(addr, token).Containers(context.Background()); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("with token %q: %v, want ErrUnauthorized", token, err)
		}
	}
}

func TestClientDoesNotTakeStrangersForRota(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"404":        func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
		"a page":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
	}
	for name, handler := range answers {
		t.Run(name, func(t *testing.T) {
			stranger := httptest.NewServer(handler)
			defer stranger.Close()
			if err := NewClient(strings.TrimPrefix(stranger.URL, "http://"), "").Health(context.Background()); err == nil {
				t.Error("taken for a healthy rota")
			}
		})
	}
}

func TestWildcardIsDialledAsLoopback(t *testing.T) {
	for addr, want := range map[string]string{
		":9900":          "127.0.0.1:9900",
		"0.0.0.0:9900":   "127.0.0.1:9900",
		"[::]:9900":      "127.0.0.1:9900",
		"10.0.0.1:9900":  "10.0.0.1:9900",
		"[::1]:9900":     "[::1]:9900",
		"localhost:9900": "localhost:9900",
	} {
		if got := dialable(addr); got != want {
			t.Errorf("%s is dialled as %s, want %s", addr, got, want)
		}
	}
}
