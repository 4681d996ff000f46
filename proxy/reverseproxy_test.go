package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"github.com/rota-proxy/rota/internal/testrig"
)

// library serves a ReverseProxy and asks it.
func library(t *testing.T, p *ReverseProxy) func(host, path string) reply {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(func() {
		server.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(host, path string) reply {
		g := &rig{t: t, base: server.URL}
		r := g.request(http.MethodGet, path, nil)
		r.Host = host
		return g.send(r)
	}
}

func TestAddTargetRoutes(t *testing.T) {
	a, b, rest := newBackend(t, "a", nil), newBackend(t, "b", nil), newBackend(t, "rest", nil)
	api := mux.NewRouter()
	api.Host("api.test").PathPrefix("/v1")
	api.NewRoute().Host("api.test").Methods("DELETE")
	p := &ReverseProxy{}
	if err := p.AddTarget([]string{a.URL, b.URL}, api); err != nil {
		t.Fatal(err)
	}
	if err := p.AddTarget([]string{rest.URL}, nil); err != nil {
		t.Fatal(err)
	}
	get := library(t, p)
	for range 6 {
		if got := get("api.test", "/v1/x"); got.status != 200 {
			t.Fatalf("got %d %q, error %v", got.status, got.body, got.err)
		}
	}
	if a.count() != 3 || b.count() != 3 {
		t.Errorf("6 requests went %d and %d times, want 3 and 3", a.count(), b.count())
	}
	wantReply(t, get("other.test", "/"), 200, "rest")
	// Only the method is wrong: gorilla reports that in MatchErr, and the match
	// does not count.
	wantReply(t, get("api.test", "/v2"), 200, "rest")
}

func TestAddTargetWithoutTheRest(t *testing.T) {
	a := newBackend(t, "a", nil)
	router := mux.NewRouter()
	router.Host("a.test")
	p := &ReverseProxy{}
	if err := p.AddTarget([]string{a.URL}, router); err != nil {
		t.Fatal(err)
	}
	wantReply(t, library(t, p)("b.test", "/"), 404, "rota: not-found")
	wantReply(t, library(t, &ReverseProxy{})("b.test", "/"), 404, "rota: not-found")
}

func TestAddTargetRefuses(t *testing.T) {
	p := &ReverseProxy{}
	for _, c := range []struct {
		urls []string
		want string
	}{
		{nil, "no upstream URL"},
		{[]string{"localhost:8001"}, "absolute URL"},
		{[]string{"ftp://x"}, "absolute URL"},
		{[]string{"http://"}, "absolute URL"},
		{[]string{"http://a:b:c"}, "http://a:b:c"},
	} {
		if err := p.AddTarget(c.urls, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("AddTarget(%q) = %v, want %q in it", c.urls, err, c.want)
		}
	}
	if err := p.AddTarget([]string{"http://localhost:1"}, nil); err != nil {
		t.Error(err)
	}
	if err := p.AddTarget([]string{"http://localhost:2"}, nil); err == nil {
		t.Error("a second Target without a router was accepted")
	}
	p.Close()
}

// Path and query of an Upstream's URL go in front of the request's.
func TestAddTargetJoinsBase(t *testing.T) {
	a := newBackend(t, "a", nil)
	p := &ReverseProxy{}
	if err := p.AddTarget([]string{a.URL + "/base/?from=proxy"}, nil); err != nil {
		t.Fatal(err)
	}
	wantReply(t, library(t, p)("x.test", "/path?x=1"), 200, "a")
	if got := a.last().RequestURI; got != "/base/path?from=proxy&x=1" {
		t.Errorf("the Upstream was asked for %q", got)
	}
}

func TestEmptyUserAgentStaysEmpty(t *testing.T) {
	a := newBackend(t, "a", nil)
	p := &ReverseProxy{}
	if err := p.AddTarget([]string{a.URL}, nil); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://x.test/", nil))
	if agent, there := a.last().Header["User-Agent"]; there {
		t.Errorf("the Upstream saw User-Agent %q", agent)
	}
	p.Close()
}

func TestSelectUpstream(t *testing.T) {
	p := &ReverseProxy{}
	urls := []string{"http://localhost:8001", "https://localhost:8002/base%20a?x=1"}
	if err := p.AddTarget(urls, nil); err != nil {
		t.Fatal(err)
	}
	target := p.Match(httptest.NewRequest(http.MethodGet, "/", nil))
	for i := range 4 {
		if got, want := target.SelectUpstream().String(), urls[i%2]; got != want {
			t.Errorf("turn %d is %s, want %s", i, got, want)
		}
	}
	p.Close()
}

// With nobody there, the answer comes at once; when somebody is, it is used.
func TestLibraryTargetDown(t *testing.T) {
	address := testrig.FreeAddress(t)
	p := &ReverseProxy{}
	if err := p.AddTarget([]string{"http://" + address}, nil); err != nil {
		t.Fatal(err)
	}
	get := library(t, p)
	wantReply(t, get("x.test", "/"), 503, "rota: no-ready-upstream")
	server := listenOn(t, address, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "back") })
	defer server.Close()
	testrig.Eventually(t, "the Upstream to be back", func() bool { return get("x.test", "/").body == "back" })
}
