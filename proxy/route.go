package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/rota-proxy/rota/proxy/spec"
)

// restVar holds what a prefix template left over. No part of a template can be
// called that.
const restVar = "/"

// route leads from one match to its owner. It is immutable.
type route[T any] struct {
	id      string
	owner   T
	created time.Time
	index   int // place among the owner's matches
	match   spec.Match

	length     int // of the path, for the order
	conditions int // how many, for the order
	// host decides on a template host, nil for others. head and tail are its
	// literal ends: most hosts are told apart by them.
	host       *mux.Route
	head, tail string
	// start is the literal start of a template path.
	start string
	// rules decides on a template path, method, header and query; nil if there
	// are none.
	rules *mux.Route
}

// compileRoutes makes the routes of a registration, by the stage they belong to.
func compileRoutes[T any](r registration[T]) (map[spec.Host][]*route[T], error) {
	routes := map[spec.Host][]*route[T]{}
	for i, m := range r.matches {
		host, rules, err := compileMatch(m)
		if err != nil {
			return nil, fmt.Errorf("routing %v: %w", m, err)
		}
		made := &route[T]{
			id: r.id, owner: r.owner, created: r.created, index: i, match: m,
			length: pathLength(m.Path), conditions: conditionCount(m), host: host, rules: rules,
		}
		if host != nil {
			made.head = m.Host.Pattern[:strings.IndexByte(m.Host.Pattern, '{')]
			made.tail = m.Host.Pattern[strings.LastIndexByte(m.Host.Pattern, '}')+1:]
		}
		if m.Path.Template {
			made.start = m.Path.Pattern[:strings.IndexByte(m.Path.Pattern, '{')]
		}
		key := stageKey(m.Host)
		routes[key] = append(routes[key], made)
	}
	return routes, nil
}

// unconditional: whoever has the host has the request.
func (r *route[T]) unconditional() bool {
	return r.host == nil && r.rules == nil && r.conditions == 0 && !r.looksAtPath()
}

func (r *route[T]) looksAtPath() bool { return r.match.Path != (spec.Path{}) }

// mayTakeHost saves asking gorilla about hosts that a template cannot mean.
func (r *route[T]) mayTakeHost(host string) bool {
	return len(host) >= len(r.head)+len(r.tail) && strings.HasPrefix(host, r.head) && strings.HasSuffix(host, r.tail)
}

func (r *route[T]) takesEntry(entry string) bool {
	return r.match.TakesEntry(entry)
}

func (r *route[T]) takesClient(client netip.Addr) bool {
	return len(r.match.Clients) == 0 || inNetworks(r.match.Clients, client)
}

// takesPath compares literal paths. Of a template it looks at the start; the
// rest is left to gorilla.
func (r *route[T]) takesPath(path string) bool {
	p := r.match.Path
	switch {
	case p.Pattern == "", p.Pattern == "/" && !p.Exact:
		return true
	case p.Template:
		return strings.HasPrefix(path, r.start)
	case p.Exact:
		return path == p.Pattern
	}
	return strings.HasPrefix(path, p.Pattern) && (len(path) == len(p.Pattern) || path[len(p.Pattern)] == '/')
}

// ask asks gorilla.
func ask(r *mux.Route, standIn *http.Request) (mux.RouteMatch, bool) {
	var m mux.RouteMatch
	ok := r.Match(standIn, &m)
	return m, ok
}

// standInRequest is what gorilla gets to see: only normal forms. It reads the
// decoded path of a URL, so the normal form is put there; its own cleaning is
// never reached.
func standInRequest(q *inquiry) *http.Request {
	return &http.Request{
		Method: q.method,
		Host:   q.host,
		URL:    &url.URL{RawQuery: strings.TrimPrefix(q.query, "?")},
		Header: q.header,
	}
}

// compileMatch gives gorilla what is its own, nil where there is nothing. The
// match is held to the grammar first: gorilla takes names twice, compares the
// case of hosts, and panics on capturing groups.
func compileMatch(m spec.Match) (host, rules *mux.Route, err error) {
	if err := m.Validate(); err != nil {
		return nil, nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gorilla/mux: %v", p)
		}
	}()
	if m.Host.Kind == spec.TemplateHost {
		host = newRules().Host(m.Host.Pattern)
		err = host.GetError()
	}
	if m.Path.Template || len(m.Methods)+len(m.Headers)+len(m.Queries) > 0 {
		rules = compileRules(m)
		err = errors.Join(err, rules.GetError())
	}
	return host, rules, err
}

func newRules() *mux.Route { return mux.NewRouter().SkipClean(true).NewRoute() }

func compileRules(m spec.Match) *mux.Route {
	r := newRules()
	if m.Path.Template {
		r.Path(pathTemplate(m.Path))
	}
	if len(m.Methods) > 0 {
		r.Methods(m.Methods...)
	}
	for _, c := range m.Headers {
		addHeader(r, c)
	}
	for _, c := range m.Queries {
		addQuery(r, c)
	}
	return r
}

// pathTemplate adds the segment boundary that gorilla's own prefixes lack.
func pathTemplate(p spec.Path) string {
	if p.Exact {
		return p.Pattern
	}
	return p.Pattern + "{" + restVar + ":(?:/.*)?}"
}

func addHeader(r *mux.Route, c spec.Condition) {
	switch {
	case c.Regexp:
		r.HeadersRegexp(c.Name, c.Value)
	case c.Value == "":
		r.HeadersRegexp(c.Name, "^$") // an empty value would mean any
	default:
		r.Headers(c.Name, c.Value)
	}
}

// addQuery compares queries itself: gorilla would take braces in a value for a
// template and look at the first value only.
func addQuery(r *mux.Route, c spec.Condition) {
	holds := func(value string) bool { return value == c.Value }
	if c.Regexp {
		holds = regexp.MustCompile(c.Value).MatchString
	}
	r.MatcherFunc(func(req *http.Request, _ *mux.RouteMatch) bool {
		return queryHolds(req.URL.RawQuery, c.Name, holds)
	})
}

// queryHolds says whether a parameter of that name has a value for which holds
// is true. What cannot be decoded is no parameter.
func queryHolds(query, name string, holds func(string) bool) bool {
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(key); err != nil || key != name {
			continue
		}
		if value, err := url.QueryUnescape(value); err == nil && holds(value) {
			return true
		}
	}
	return false
}

// pathLength counts the literal bytes of a pattern, and each template part and
// an exact end as one more: the longer, the more is said about a path.
func pathLength(p spec.Path) int {
	length, depth := 0, 0
	for i := range len(p.Pattern) {
		switch p.Pattern[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				length++
			}
		default:
			if depth == 0 {
				length++
			}
		}
	}
	if p.Exact {
		length++
	}
	return length
}

func conditionCount(m spec.Match) int {
	count := len(m.Headers) + len(m.Queries)
	for _, given := range []bool{len(m.Entries) > 0, len(m.Methods) > 0, len(m.Clients) > 0} {
		if given {
			count++
		}
	}
	return count
}
