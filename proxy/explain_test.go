package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"github.com/rota-proxy/rota/proxy/h1"
	"github.com/rota-proxy/rota/proxy/spec"
)

// explained is a Mux with all kinds of Targets, each of which answers or refuses at
// once.
func explained(t testing.TB) *secureRig {
	t.Helper()
	g := newSecureRig(t, Options{DebugHeaders: true, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	backend := g.back.upstream()
	backend.Phase = spec.Assumed
	add := func(id string, edit func(*spec.Target), matches ...spec.Match) {
		def := spec.NewTarget(id)
		def.Matches, def.Wait.For, def.Upstreams = matches, 0, []spec.Upstream{backend}
		if edit != nil {
			edit(&def)
		}
		g.mux.Apply(def)
	}
	secured := func(how spec.ServerTLS) func(*spec.Target) {
		return func(def *spec.Target) {
			def.TLS = how
			def.TLS.Certificate, def.TLS.Min = "web", max(how.Min, spec.TLS12)
		}
	}
	add("plain", nil, rule(t, "a.test"))
	add("api", nil, rule(t, "b.test/api"), rule(t, "b.test=/ping"), rule(t, "b.test/u/{id:[0-9]+}"))
	add("post", nil, rule(t, "b.test/post", onMethods("POST")), rule(t, "m.test", onMethods("GET", "PUT")))
	add("fields", nil, rule(t, "b.test/fields", onHeader("X-Env", "beta", false), onQuery("v", "^[12]$", true)))
	add("near", nil, rule(t, "n.test", onClients("10.0.0.0/8")))
	add("elsewhere", nil, rule(t, "e.test", onEntries("https", "internal")))
	add("tenant", nil, rule(t, "{tenant:[a-z]+}.t.test"), rule(t, "{tenant:[a-z]+}.t.test/v2"))
	add("wild", nil, rule(t, "*.w.test"), rule(t, "*.t.test/wide"))
	add("rest", nil, rule(t, "/rest"))
	add("closed", func(def *spec.Target) { def.Closed = "allow cannot be understood" }, rule(t, "closed.test"))
	add("weightless", func(def *spec.Target) { def.Upstreams[0].Weight = 0 }, rule(t, "zero.test"))
	add("away", func(def *spec.Target) { def.Upstreams, def.Unreachable = nil, true }, rule(t, "away.test"))
	add("secure", secured(spec.ServerTLS{}), rule(t, "s.test"))
	add("both", secured(spec.ServerTLS{Plain: true}), rule(t, "p.test"))
	add("guarded", secured(spec.ServerTLS{ClientCA: "staff"}), rule(t, "g.test"))
	add("unreadable", secured(spec.ServerTLS{ClientCA: "nobody"}), rule(t, "u.test"))
	add("unreached", func(def *spec.Target) { secured(spec.ServerTLS{ClientCA: "staff"})(def) }, rule(t, "x.test", onEntries("http")))
	return g
}

// questions are requests to all of it, some of them nearly right.
func questions() []spec.Question {
	var all []spec.Question
	client := netip.MustParseAddr("127.0.0.1")
	for _, entry := range []string{"http", "https"} {
		for _, target := range strings.Fields(`
			a.test/ a.test//x a.test//x|y A.Test.:8080/%2f a.test/x?y=1 www.a.test/ b.test/ b.test/api b.test/api/ b.test/apix b.test/API b.test/%61pi
			b.test/api;v=1/x b.test/x/../api b.test//api b.test/%2fapi b.test/..;/api b.test/ping b.test/ping/ b.test/u/7 b.test/u/bob
			b.test/post b.test/fields b.test/fields?v=1 b.test/fields?v=3 m.test/ n.test/ e.test/ shop.t.test/ SHOP.t.test/v2/x shop1.t.test/
			shop1.t.test/wide x.y.t.test/wide w.test/ k.w.test/ k.l.w.test/x nobody.test/ nobody.test/rest nobody.test/restx [::1]/rest
			closed.test/ zero.test/ away.test/ s.test/a?b s.test/.well-known/acme-challenge/x p.test/ g.test/ u.test/ x.test/ -/ a..test/`) {
			for _, method := range []string{"GET", "POST", "OPTIONS", "CONNECT"} {
				host, path, _ := strings.Cut(target, "/")
				all = append(all, spec.Question{Entry: entry, Method: method, Authority: host, Path: "/" + path, Client: client})
			}
		}
	}
	q := spec.Question{Entry: "http", Method: "GET", Authority: "b.test", Path: "/fields?v=2", Client: client, Header: http.Header{"X-Env": {"beta"}}}
	proxied := spec.Question{Entry: "http", Method: "GET", Authority: "n.test", Path: "/", Client: netip.MustParseAddr("192.0.2.1"),
		Header: http.Header{"X-Forwarded-For": {"10.1.2.3"}}}
	ended := spec.Question{Entry: "http", Method: "GET", Authority: "s.test", Path: "/", Client: netip.MustParseAddr("192.0.2.1"),
		Header: http.Header{"X-Forwarded-Proto": {"https"}}}
	return append(all, q, proxied, ended)
}

// asked sends the request that a Question is about to the same Mux.
func asked(m *Mux, q spec.Question) *http.Response {
	r := httptest.NewRequest("GET", "/", nil)
	r.Method, r.Host, r.RequestURI, r.RemoteAddr = q.Method, q.Authority, q.Path, netip.AddrPortFrom(q.Client, 4711).String()
	for name, values := range q.Header {
		r.Header[name] = values
	}
	in, _ := m.inquire(q)
	r.TLS = m.assumedTLS(&in)
	w := httptest.NewRecorder()
	m.Handler(q.Entry).ServeHTTP(w, r)
	return w.Result()
}

// outcomes of a request, as an Explanation has it and as it was.
func outcomeExplained(e spec.Explanation) string {
	target, upstream := "", ""
	if e.Target != nil {
		target = e.Target.ID
	}
	switch {
	case e.Answer != nil:
		return fmt.Sprintf("%s: %d %s %q", target, e.Answer.Status, e.Answer.Code, e.Answer.Allow)
	case e.Location != "":
		return fmt.Sprintf("%s: to %s", target, e.Location)
	case e.Next == "":
		return target + ": waits"
	}
	for _, u := range e.Target.Upstreams {
		if u.ID == e.Next {
			upstream = u.Name
		}
	}
	return fmt.Sprintf("%s: %s", target, upstream)
}

func outcomeSeen(r *http.Response) string {
	target := r.Header.Get("Rota-Target")
	switch {
	case r.Header.Get("Rota-Reason") != "":
		var allow []string
		if a := r.Header.Get("Allow"); a != "" {
			allow = strings.Split(a, ", ")
		}
		return fmt.Sprintf("%s: %d %s %q", target, r.StatusCode, r.Header.Get("Rota-Reason"), allow)
	case r.Header.Get("Location") != "":
		return fmt.Sprintf("%s: to %s", target, r.Header.Get("Location"))
	}
	return fmt.Sprintf("%s: %s", target, r.Header.Get("Rota-Upstream"))
}

func TestExplanationsAreWhatRequestsSee(t *testing.T) {
	g, seen := explained(t), map[string]bool{}
	for _, q := range questions() {
		said := outcomeExplained(g.mux.Explain(q))
		if got := outcomeSeen(asked(g.mux, q)); got != said {
			t.Errorf("%s %s%s at %s: %s, and explained it is %s", q.Method, q.Authority, q.Path, q.Entry, got, said)
		}
		seen[said] = true
	}
	if len(seen) < 30 {
		t.Errorf("only %d different outcomes were compared: %v", len(seen), seen)
	}
}

// Whatever is asked, the answer is what a request gets, and the way to it is looked
// up as it is for requests.
func FuzzExplanationsAreWhatRequestsSee(f *testing.F) {
	for _, q := range questions() {
		f.Add(q.Entry, q.Method, q.Authority, q.Path, "Env", "beta")
	}
	g := explained(f)
	f.Fuzz(func(t *testing.T, entry, method, host, path, name, value string) {
		q := spec.Question{
			Entry: entry, Method: method, Authority: host, Path: path, Client: netip.MustParseAddr("10.0.0.1"),
			Header: http.Header{http.CanonicalHeaderKey("X-" + name): {value}},
		}
		if !h1.ValidToken(name) || !httpguts.ValidHeaderFieldValue(value) {
			return // no listener lets that through
		}
		said := outcomeExplained(g.mux.Explain(q))
		if !h1.ValidRequest(method, path, host) {
			if said != ": 400 bad-request []" {
				t.Errorf("%+v, which no listener lets through, is explained as %s", q, said)
			}
			return
		}
		if got := outcomeSeen(asked(g.mux, q)); got != said {
			t.Errorf("%+v: %s, and explained it is %s", q, got, said)
		}
	})
}

func TestExplanationsNameTheObstacle(t *testing.T) {
	g := explained(t)
	for target, want := range map[string]string{
		"GET b.test/apix":     "/apix begins with /api, and that ends inside a segment there",
		"GET b.test/API/x":    "/API/x differs from /api in the case of letters",
		"GET b.test/else":     "/else is not below /api",
		"GET b.test/ping/":    "/ping/ is below /ping, and it takes exactly that",
		"GET b.test/u/bob":    "/u/bob is not below /u/{id:[0-9]+}",
		"GET b.test/post":     "it takes POST, not GET",
		"GET b.test/fields":   "the field X-Env is not as asked for; the parameter v is not as asked for",
		"GET n.test/":         "it does not take the client 192.0.2.9",
		"GET e.test/":         "it takes requests of the listener https, internal, not of http",
		"GET shop.t.test/v3":  "", // taken
		"GET nobody.test/the": "/the is not below /rest",
	} {
		method, rest, _ := strings.Cut(target, " ")
		host, path, _ := strings.Cut(rest, "/")
		e := g.mux.Explain(spec.Question{Entry: "http", Method: method, Authority: host, Path: "/" + path, Client: netip.MustParseAddr("192.0.2.9")})
		var texts []string
		for _, trial := range e.Trials {
			texts = append(texts, trial.Text)
		}
		if !slices.Contains(texts, want) {
			t.Errorf("%s: the obstacles are %q, want %q among them", target, texts, want)
		}
	}
}

func TestExplanationsNameTheNearest(t *testing.T) {
	g := explained(t)
	g.serve(spec.ServerTLS{}, "shop.example.com", "*.shops.example.com", "{n:[0-9]+}.number.test")
	for host, want := range map[string]string{
		"shop.exmaple.com":      "shop.example.com: it looks much like shop.exmaple.com",
		"www.shop.example.com":  "shop.example.com: it is shop.example.com, not www.shop.example.com; *.shops.example.com: it looks much like www.shop.example.com",
		"shops.example.com":     "*.shops.example.com: it takes hosts below shops.example.com, not that one itself; shop.example.com: it looks much like shops.example.com",
		"a.shosp.example.com":   "*.shops.example.com: it looks much like a.shosp.example.com",
		"one.number.test":       "{n:[0-9]+}.number.test: one.number.test has the ends of it, and between them something else",
		"quite.something.other": "",
	} {
		e := g.mux.Explain(spec.Question{Entry: "http", Method: "GET", Authority: host, Path: "/"})
		var texts []string
		for _, near := range e.Near {
			texts = append(texts, near.Match.String()+": "+near.Text)
		}
		if got := strings.Join(texts, "; "); got != want {
			t.Errorf("%s: near are %q, want %q", host, got, want)
		}
	}
}
