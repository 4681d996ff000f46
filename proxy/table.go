package proxy

import (
	"cmp"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"github.com/rota-proxy/rota/proxy/spec"
)

// table finds the owner of a request: exact hosts first, then templates, then
// wildcards (more labels first), then routes without a host. Where no route of a
// stage fits, the next stage is tried.
//
// Looking up takes no lock. What stands behind a host is immutable; a change
// builds it anew for the hosts concerned and swaps it in, and touches no other.
type table[T any] struct {
	exact     sync.Map                 // host → *stage[T]
	wildcards sync.Map                 // host behind `*.` → *stage[T]
	wild      atomic.Int64             // how many wildcards there are
	templates atomic.Pointer[stage[T]] // all of them: they cannot be hashed
	hostless  atomic.Pointer[stage[T]] //
	mu        sync.Mutex               // one writer at a time
	known     map[string]registered[T] // by identity
}

// registration says which matches are to lead to an owner from now on; none:
// it is to be found no longer.
type registration[T any] struct {
	id      string
	owner   T
	created time.Time
	matches []spec.Match
}

// registered is what of an owner is in the table, by stage.
type registered[T any] struct {
	registration[T]
	routes map[spec.Host][]*route[T]
}

func newTable[T any]() *table[T] {
	return &table[T]{known: map[string]registered[T]{}}
}

// setAll puts registrations in the place of the earlier ones of the same identities.
// A match that moves from one to another within a call has an owner throughout,
// and what stands behind a host is built once. The returned map has those that
// cannot be made into routes, with their reasons; what the table had for such an
// identity stays. Of an identity that is there twice, the last counts.
func (t *table[T]) setAll(batch ...registration[T]) map[string]error {
	t.mu.Lock()
	defer t.mu.Unlock()
	failed := map[string]error{}
	fresh := map[string]registered[T]{}
	for _, r := range batch {
		routes, err := compileRoutes(r)
		if err != nil {
			failed[r.id] = err
			delete(fresh, r.id)
			continue
		}
		fresh[r.id] = registered[T]{registration: r, routes: routes}
		delete(failed, r.id)
	}
	t.swap(fresh)
	return failed
}

// remove lets nothing lead to id any more.
func (t *table[T]) remove(id string) { t.setAll(registration[T]{id: id}) }

// swap builds every stage that the registrations in fresh are or were part of.
func (t *table[T]) swap(fresh map[string]registered[T]) {
	concerned := map[spec.Host][]*route[T]{}
	for id, r := range fresh {
		for host := range t.known[id].routes {
			concerned[host] = nil
		}
		if t.known[id] = r; len(r.routes) == 0 {
			delete(t.known, id)
		}
	}
	for _, r := range fresh {
		for host, routes := range r.routes {
			concerned[host] = append(concerned[host], routes...)
		}
	}
	for host, routes := range concerned {
		if old := t.at(host); old != nil {
			for _, r := range old.routes {
				if _, replaced := fresh[r.id]; !replaced {
					routes = append(routes, r)
				}
			}
		}
		t.put(host, newStage(routes))
	}
}

// stageKey is where routes with this host pattern are kept.
func stageKey(h spec.Host) spec.Host {
	if h.Kind == spec.TemplateHost || h.Kind == spec.AnyHost {
		h.Pattern = ""
	}
	return h
}

func (t *table[T]) at(key spec.Host) *stage[T] {
	switch key.Kind {
	case spec.TemplateHost:
		return t.templates.Load()
	case spec.AnyHost:
		return t.hostless.Load()
	case spec.WildcardHost:
		return load[T](&t.wildcards, key.Pattern)
	}
	return load[T](&t.exact, key.Pattern)
}

// put swaps in a stage, nil for none.
func (t *table[T]) put(key spec.Host, s *stage[T]) {
	switch key.Kind {
	case spec.TemplateHost:
		t.templates.Store(s)
	case spec.AnyHost:
		t.hostless.Store(s)
	case spec.WildcardHost:
		if t.at(key) == nil && s != nil {
			t.wild.Add(1)
		}
		if t.at(key) != nil && s == nil {
			t.wild.Add(-1)
		}
		store(&t.wildcards, key.Pattern, s)
	default:
		store(&t.exact, key.Pattern, s)
	}
}

func load[T any](m *sync.Map, host string) *stage[T] {
	if s, ok := m.Load(host); ok {
		return s.(*stage[T])
	}
	return nil
}

func store[T any](m *sync.Map, host string, s *stage[T]) {
	if s == nil {
		m.Delete(host)
		return
	}
	m.Store(host, s)
}

// stage is everything behind one host, or all template hosts, or no host.
type stage[T any] struct {
	routes []*route[T] // first one first
	// plain is the only route, if that is all there is to say.
	plain *route[T]
	// paths: a route here looks at the path, so it has to be unambiguous.
	paths bool
}

func newStage[T any](routes []*route[T]) *stage[T] {
	if len(routes) == 0 {
		return nil
	}
	slices.SortFunc(routes, (*route[T]).before)
	s := &stage[T]{routes: routes}
	for _, r := range routes {
		s.paths = s.paths || r.looksAtPath()
	}
	if len(routes) == 1 && routes[0].unconditional() {
		s.plain = routes[0]
	}
	return s
}

// before orders the routes of a stage: priority, longer path, more conditions,
// older. The rest only makes the order total.
func (r *route[T]) before(o *route[T]) int {
	return cmp.Or(
		-cmp.Compare(r.match.Priority, o.match.Priority),
		-cmp.Compare(r.length, o.length),
		-cmp.Compare(r.conditions, o.conditions),
		r.created.Compare(o.created),
		cmp.Compare(r.id, o.id),
		cmp.Compare(r.index, o.index),
	)
}

// lookupResult is what a lookup can come to, the better the greater.
type lookupResult uint8

const (
	unknownHost   lookupResult = iota // nobody has a route for the host
	unmatched                         // no route of the host fits
	wrongMethod                       // one would, but for the method
	ambiguousPath                     // a path rule is in force, and the path has no single meaning
	matched
)

// found is what a lookup came to.
type found[T any] struct {
	result lookupResult
	owner  T
	// path is the normalised path, to be sent on instead of the received one. It
	// is empty where no path rule is in force: then the target goes on as it is.
	path string
	// allow are the methods that would have fitted, sorted.
	allow []string
	// reason is why the path is ambiguous.
	reason error
}

// lookup finds the owner of a request. For a host with one unconditional route
// it allocates nothing.
func (t *table[T]) lookup(q *inquiry) found[T] {
	exact := load[T](&t.exact, q.host)
	if exact != nil && exact.plain != nil {
		return found[T]{result: matched, owner: exact.plain.owner}
	}
	s := search[T]{inquiry: q}
	t.walk(&s, exact)
	return s.found
}

// trace is lookup for who wants to know how it came about: what was tried, in order.
func (t *table[T]) trace(q *inquiry) (found[T], []trial[T]) {
	s := search[T]{inquiry: q, traced: true}
	t.walk(&s, load[T](&t.exact, q.host))
	return s.found, s.trials
}

// walk goes through the stages until one of their routes fits.
func (t *table[T]) walk(s *search[T], exact *stage[T]) {
	if s.try(exact) || s.try(t.templates.Load()) || t.tryWildcards(s) || s.try(t.hostless.Load()) {
		return
	}
	if len(s.found.allow) > 0 {
		s.found.result = wrongMethod
	}
}

func (t *table[T]) tryWildcards(s *search[T]) bool {
	if t.wild.Load() == 0 {
		return false
	}
	for st := range t.wildcardStages(s.host) {
		if s.try(st) {
			return true
		}
	}
	return false
}

// wildcardStages are those whose wildcard a host may fall under, the longest first.
func (t *table[T]) wildcardStages(host string) iter.Seq[*stage[T]] {
	return func(yield func(*stage[T]) bool) {
		for _, rest, more := strings.Cut(host, "."); more; _, rest, more = strings.Cut(rest, ".") {
			if st := load[T](&t.wildcards, rest); st != nil && !yield(st) {
				return
			}
		}
	}
}

// owners are those of all routes that a host has at an entry, in the order in
// which they are tried.
func (t *table[T]) owners(host, entry string) iter.Seq[T] {
	s := search[T]{inquiry: &inquiry{identity: identity{host: host}}}
	return func(yield func(T) bool) {
		for st := range t.stages(host) {
			routes := st.routes
			if routes[0].host != nil {
				routes, _ = s.ofHost(routes)
			}
			for _, r := range routes {
				if r.takesEntry(entry) && !yield(r.owner) {
					return
				}
			}
		}
	}
}

// stages are those that may have routes for a host, in order.
func (t *table[T]) stages(host string) iter.Seq[*stage[T]] {
	return func(yield func(*stage[T]) bool) {
		try := func(s *stage[T]) bool { return s == nil || yield(s) }
		if !try(load[T](&t.exact, host)) || !try(t.templates.Load()) {
			return
		}
		for st := range t.wildcardStages(host) {
			if !yield(st) {
				return
			}
		}
		try(t.hostless.Load())
	}
}

// search is one lookup that needs more than a host.
type search[T any] struct {
	*inquiry
	found found[T]
	// bare is found.path without parameters: what path rules are compared with.
	bare string
	// request is a stand-in in normal form for the routes that gorilla decides.
	request *http.Request
	// traced: what is tried is noted in trials.
	traced bool
	trials []trial[T]
}

// trial is a route that was looked at, and what kept it from taking the request.
type trial[T any] struct {
	route    *route[T]
	obstacle spec.Obstacle
}

// try says whether the search is over after this stage.
func (s *search[T]) try(st *stage[T]) bool {
	if st == nil {
		return false
	}
	routes, paths := st.routes, st.paths
	if routes[0].host != nil {
		routes, paths = s.ofHost(routes)
	}
	if paths && s.bare == "" {
		path, err := spec.NormalizePath(s.path)
		if err != nil {
			s.found = found[T]{result: ambiguousPath, reason: err}
			return true
		}
		s.found.path, s.bare = path, withoutParameters(path)
	}
	for _, r := range routes {
		if r.match.Host.Kind != spec.AnyHost {
			s.found.result = unmatched
		}
		if s.tryRoute(r) {
			return true
		}
	}
	return false
}

// ofHost picks from the template hosts, which share a stage, those that this
// request is for; rules on paths are in force for them alone.
func (s *search[T]) ofHost(routes []*route[T]) (mine []*route[T], paths bool) {
	for _, r := range routes {
		if !r.mayTakeHost(s.inquiry.host) {
			continue
		}
		if _, ok := ask(r.host, s.standIn()); ok {
			mine = append(mine, r)
			paths = paths || r.looksAtPath()
		}
	}
	return mine, paths
}

func (s *search[T]) tryRoute(r *route[T]) bool {
	obstacle := s.obstacle(r)
	if s.traced {
		s.trials = append(s.trials, trial[T]{r, obstacle})
	}
	switch obstacle {
	case spec.NoObstacle:
		s.found.result, s.found.owner, s.found.allow = matched, r.owner, nil
		return true
	case spec.OtherMethod:
		s.allow(r.match.Methods)
	}
	return false
}

// obstacle is what keeps a route of the request's host from taking it.
func (s *search[T]) obstacle(r *route[T]) spec.Obstacle {
	switch {
	case !r.takesEntry(s.entry):
		return spec.OtherEntry
	case !r.takesClient(s.client):
		return spec.OtherClient
	case !r.takesPath(s.bare):
		return spec.OtherPath
	case r.rules == nil:
		return spec.NoObstacle
	}
	m, ok := ask(r.rules, s.standIn())
	switch {
	case ok:
		return spec.NoObstacle
	case errors.Is(m.MatchErr, mux.ErrMethodMismatch):
		return spec.OtherMethod
	}
	return spec.OtherConditions
}

func (s *search[T]) allow(methods []string) {
	s.found.allow = append(s.found.allow, methods...)
	slices.Sort(s.found.allow)
	s.found.allow = slices.Compact(s.found.allow)
}

// standIn is made once per lookup, and only when a route asks for it.
func (s *search[T]) standIn() *http.Request {
	if s.request == nil {
		s.request = standInRequest(s.inquiry)
	}
	s.request.URL.Path = s.bare
	return s.request
}
