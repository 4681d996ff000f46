package proxy

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/gorilla/mux"

	"github.com/rota-proxy/rota/proxy/spec"
)

// ReverseProxy puts known backends behind an http.Handler, without Docker:
//
//	r := &proxy.ReverseProxy{}
//	router := mux.NewRouter()
//	router.Host("api.example.com").PathPrefix("/v1")
//	err := r.AddTarget([]string{"http://localhost:8001", "http://localhost:8002"}, router)
//	err = r.AddTarget([]string{"http://localhost:9000/app?from=proxy"}, nil) // the rest
//	http.ListenAndServe(":8080", r)
//
// Requests rotate among the URLs of a Target. One that does not accept is left
// out until it does; when none does, the answer is 503 at once. The zero value
// is ready to use, and all methods may be called from any goroutine.
type ReverseProxy struct {
	mu     sync.RWMutex
	shared *shared
	routes []libraryRoute
	rest   *Target
}

type libraryRoute struct {
	router *mux.Router
	target *Target
}

// AddTarget routes what router matches to upstreams, absolute http or https
// URLs whose path and query go in front of the request's. Targets are asked in
// the order in which they were added; a router matches when its MatchErr is nil.
// The one Target with a nil router takes everything else. router must not be
// changed afterwards. An error names the URL and leaves the proxy as it was.
func (p *ReverseProxy) AddTarget(upstreams []string, router *mux.Router) error {
	if len(upstreams) == 0 {
		return fmt.Errorf("adding a target: no upstream URL was given")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	def := spec.NewTarget(fmt.Sprintf("library:%d", len(p.routes)))
	if router == nil {
		if p.rest != nil {
			return fmt.Errorf("adding a target: there is one without a router already")
		}
		def.ID = "library:rest"
	}
	def.Source = "library"
	def.Wait = spec.Wait{}
	for i, raw := range upstreams {
		u, err := libraryUpstream(raw)
		if err != nil {
			return fmt.Errorf("adding a target: upstream %q: %w", raw, err)
		}
		u.ID = fmt.Sprintf("%d %s", i, raw)
		def.Upstreams = append(def.Upstreams, u)
	}
	p.add(def, router)
	return nil
}

func (p *ReverseProxy) add(def spec.Target, router *mux.Router) {
	if p.shared == nil {
		p.shared = newShared(Options{})
	}
	t := newTarget(def, p.shared)
	if router == nil {
		p.rest = t
		return
	}
	p.routes = append(p.routes, libraryRoute{router, t})
}

// libraryUpstream reads a backend's URL.
func libraryUpstream(raw string) (spec.Upstream, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return spec.Upstream{}, err
	}
	scheme := spec.Scheme(u.Scheme)
	port := map[spec.Scheme]string{spec.HTTP: "80", spec.HTTPS: "443", spec.H2C: "80"}[scheme]
	if port == "" || u.Hostname() == "" {
		return spec.Upstream{}, fmt.Errorf("want an absolute URL such as http://localhost:8001")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	base := u.EscapedPath()
	if u.RawQuery != "" {
		base += "?" + u.RawQuery
	}
	return spec.Upstream{
		Container: raw, Name: u.Host, Scheme: scheme, Address: net.JoinHostPort(u.Hostname(), port),
		Base: base, Weight: 1, HostHeader: spec.HostKeep, Phase: spec.Assumed,
		TLS: spec.TLS{Name: u.Hostname()},
	}, nil
}

// Match is the Target that a request goes to, nil if none takes it.
func (p *ReverseProxy) Match(r *http.Request) *Target {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, route := range p.routes {
		var m mux.RouteMatch
		if route.router.Match(r, &m) && m.MatchErr == nil {
			return route.target
		}
	}
	return p.rest
}

// ServeHTTP sends the request to the Target that takes it.
func (p *ReverseProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := p.Match(r)
	p.mu.RLock()
	s := p.shared
	p.mu.RUnlock()
	if s == nil {
		s = newShared(Options{})
	}
	s.observe("", func(w http.ResponseWriter, r *http.Request, in *inbound) {
		if t == nil {
			in.answer(w, r, answer{code: codeNotFound})
			return
		}
		in.prepare(r, "")
		_ = t.serve(w, r, in) // such a Target does not vanish
	}).ServeHTTP(w, r)
}

// Close ends all requests and joins all goroutines. The proxy must not be used
// any more.
func (p *ReverseProxy) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, route := range p.routes {
		route.target.close()
	}
	if p.rest != nil {
		p.rest.close()
	}
	return nil
}
