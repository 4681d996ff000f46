// Package proxy carries requests to Upstreams: a [Mux] matches a request to a
// [Target], which routes it to an available [Upstream]. What Targets there are
// it is told as plain values (package spec) and may be told anew at any time;
// a change touches its own Target and no other connection.
//
// Programs that only want to put a handler in front of a few known backends use
// [ReverseProxy].
package proxy

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/proxy/spec"
)

// Options of a Mux. The zero value is usable.
type Options struct {
	// Log gets what happens to Targets and Upstreams, never single requests.
	Log zerolog.Logger
	// Access gets one event per request. nil: none.
	Access *zerolog.Logger
	// Linger is how long a Target without Upstreams stays known before its
	// requests are answered 404. 0: a minute.
	Linger time.Duration
	// TrustedProxies are the peers whose X-Forwarded-* fields are believed.
	TrustedProxies []netip.Prefix
	// DebugHeaders adds which Upstream answered, after how many attempts and
	// how long a hold, and container names in the proxy's own answers.
	DebugHeaders bool
	// Certificate finds the client certificate that an Upstream's scheme.cert
	// names.
	Certificate func(name string) (*tls.Certificate, error)
	// Certificates are those for clients. nil: no Target is served over https.
	Certificates Certificates
}

// DefaultLinger is Options.Linger when it is 0.
const DefaultLinger = time.Minute

// Mux matches requests to Targets. All methods may be called from any
// goroutine.
type Mux struct {
	o      Options
	shared *shared
	table  *table[*Target]
	synced atomic.Bool

	mu      sync.Mutex
	closed  bool
	targets map[string]*Target
	claims  *claims
	gone    *obituaries
}

// NewMux is a Mux without Targets.
func NewMux(o Options) *Mux {
	if o.Linger == 0 {
		o.Linger = DefaultLinger
	}
	return &Mux{
		o:       o,
		shared:  newShared(o),
		table:   newTable[*Target](),
		targets: map[string]*Target{},
		claims:  newClaims(),
		gone:    newObituaries(),
	}
}

// Synced says that all Targets there are have been applied once: from now on an
// unknown host is not found, rather than not known yet.
func (m *Mux) Synced() { m.synced.Store(true) }

// Apply makes Targets live, changes them, or, when one comes without Upstreams,
// lets it linger and then forgets it. Those not mentioned stay as they are. Of
// several in one call that claim the same match the oldest wins; against one
// that holds it already, all lose.
func (m *Mux) Apply(targets ...spec.Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	var batch []claimant
	left := map[string]*Target{}
	for _, def := range targets {
		if t := m.enact(def, left); t != nil {
			batch = append(batch, t.claimant())
		}
	}
	m.route(m.claims.define(batch...))
	m.followRenamed(targets, left)
}

// followRenamed lets a Target yield at once if its containers are another's now:
// a container that was renamed is not to wait for itself.
func (m *Mux) followRenamed(targets []spec.Target, left map[string]*Target) {
	for _, def := range targets {
		for _, u := range def.Upstreams {
			if t := left[u.Container]; t != nil && t.id != def.ID && !t.yielded {
				m.yield(t)
			}
		}
	}
}

// enact gives a description to its live Target, which is made if need be. It
// returns the Target if its claims must be looked at again, else nil. Who was
// the last to leave is added to left, by container.
func (m *Mux) enact(def spec.Target, left map[string]*Target) *Target {
	t := m.targets[def.ID]
	if t == nil {
		if len(def.Upstreams) == 0 && !def.Unreachable {
			return nil
		}
		t = newTarget(def, m.shared)
		m.targets[def.ID] = t
		t.yielded = len(def.Upstreams) == 0
		m.watchVacancy(t)
		t.logFaults()
		return t
	}
	before := t.def.Load()
	if before.Equal(def) {
		return nil
	}
	t.apply(def)
	if len(def.Upstreams) == 0 {
		for _, u := range before.Upstreams {
			left[u.Container] = t
		}
	}
	m.watchVacancy(t)
	switch redefined := !before.EqualDefinition(def); {
	case redefined:
		t.logFaults()
	case !t.yielded:
		return nil
	}
	t.yielded = t.yielded && len(def.Upstreams) == 0
	return t
}

func (t *Target) claimant() claimant {
	def := t.def.Load()
	return claimant{id: t.id, created: def.Created, matches: def.Matches, vacant: t.yielded}
}

// route puts what the claimants were granted into the table.
func (m *Mux) route(changed []string) {
	var batch []registration[*Target]
	for _, id := range changed {
		t := m.targets[id]
		if t == nil {
			continue
		}
		before := t.conflicts
		t.conflicts = m.claims.conflicts(id)
		m.logConflicts(t, before)
		batch = append(batch, registration[*Target]{
			id: id, owner: t, created: t.def.Load().Created, matches: m.claims.granted(id),
		})
	}
	for id, err := range m.table.setAll(batch...) {
		m.o.Log.Error().Err(err).Str("target", id).Msg("target cannot be routed")
	}
}

// logConflicts says once what a Target was refused.
func (m *Mux) logConflicts(t *Target, before []spec.Conflict) {
	for _, c := range t.conflicts {
		known := slices.ContainsFunc(before, func(b spec.Conflict) bool {
			return b.Holder == c.Holder && b.Loser == c.Loser && b.Match.Equal(c.Match)
		})
		if c.Loser == t.id && !known {
			m.o.Log.Warn().Str("target", c.Loser).Str("holder", c.Holder).Stringer("match", c.Match).
				Msg("match refused: another target holds it")
		}
	}
}

// yieldAhead is how long before its room closes a Target yields: who waits there
// is to be matched anew, not sent away.
const yieldAhead = 100 * time.Millisecond

// watchVacancy starts or stops the clocks of a Target without Upstreams: after
// its wait it yields what others claim; after the linger it is forgotten, unless
// somebody still asks for it.
func (m *Mux) watchVacancy(t *Target) {
	def := t.def.Load()
	if len(def.Upstreams) > 0 {
		t.stopClocks()
		t.emptySince = time.Time{}
		return
	}
	if t.emptySince.IsZero() {
		t.emptySince = time.Now()
		t.yielding = time.AfterFunc(def.Wait.For-yieldAhead, func() { m.ifVacant(t, m.yield) })
	}
	stopTimer(t.forgetting)
	if !def.Unreachable {
		left := time.Until(t.emptySince.Add(m.o.Linger))
		t.forgetting = time.AfterFunc(left, func() { m.ifVacant(t, m.forget) })
	}
}

func (t *Target) stopClocks() {
	stopTimer(t.yielding)
	stopTimer(t.forgetting)
}

func stopTimer(timer *time.Timer) {
	if timer != nil {
		timer.Stop()
	}
}

// ifVacant calls do, under the lock, unless the Target has come back.
func (m *Mux) ifVacant(t *Target, do func(*Target)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed && m.targets[t.id] == t && !t.emptySince.IsZero() {
		do(t)
	}
}

func (m *Mux) yield(t *Target) {
	t.yielded = true
	m.route(m.claims.yield(t.id))
	if len(m.claims.granted(t.id)) < len(t.def.Load().Matches) {
		t.room.rematch()
	}
}

// forget drops a Target for good. Its Upstreams, all gone, are joined aside.
func (m *Mux) forget(t *Target) {
	if t.def.Load().Unreachable || time.Since(t.emptySince) < m.o.Linger {
		return // the clock was set anew when it had just run out
	}
	m.gone.note(t.def.Load().Matches, t.emptySince)
	delete(m.targets, t.id)
	m.route(m.claims.release(t.id)) // the heirs first: no match is without an owner
	m.table.remove(t.id)
	m.shared.closing.Go(t.close)
	m.o.Log.Info().Str("target", t.id).Msg("target forgotten: its last container went away")
}

// Targets describes all live Targets, in order of ID.
func (m *Mux) Targets() []spec.TargetStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]spec.TargetStatus, 0, len(m.targets))
	for _, t := range m.targets {
		list = append(list, t.status())
	}
	slices.SortFunc(list, func(a, b spec.TargetStatus) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Handler serves the requests of one entry: a listener's name, as labels use it.
func (m *Mux) Handler(entry string) http.Handler {
	return m.shared.observe(entry, m.serve)
}

// Close ends held and running requests and joins all goroutines. Listeners
// should have drained before. It returns ctx's error if that took too long.
func (m *Mux) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	targets := m.targets
	m.targets = map[string]*Target{}
	m.mu.Unlock()
	for id, t := range targets {
		t.stopClocks()
		m.table.remove(id)
		m.shared.closing.Go(t.close)
	}
	done := make(chan struct{})
	go func() { m.shared.closing.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
