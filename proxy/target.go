package proxy

import (
	"cmp"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// Target routes requests to an available one of its Upstreams. It lives as long
// as somebody describes it and a while longer; its description may change under
// the requests it serves, each of which keeps the one it came under.
type Target struct {
	*shared
	id        string
	def       atomic.Pointer[spec.Target]
	room      *room
	upstreams *Upstreams
	budget    *budget
	requests  atomic.Uint64

	// owned by the Mux, under its lock
	conflicts  []spec.Conflict
	emptySince time.Time // when the last Upstream left; zero while there are some
	yielded    bool      // it has been empty for so long that others may have its matches
	yielding   *time.Timer
	forgetting *time.Timer
}

// newTarget makes def live.
func newTarget(def spec.Target, s *shared) *Target {
	t := &Target{shared: s, id: def.ID, room: newRoom(&s.held), budget: newBudget()}
	log := s.o.Log.With().Str("target", def.ID).Logger()
	t.upstreams = newUpstreams(log, s.o.Certificate, t.room, &s.dog, s.probes)
	t.apply(def)
	return t
}

// apply takes over a new description.
func (t *Target) apply(def spec.Target) {
	t.def.Store(&def)
	t.upstreams.apply(&def)
	t.room.configure(def.Wait)
}

// SelectUpstream is the URL of the Upstream whose turn it is, with its base
// path and query; nil when the Target has none at all. While none is ready it
// is one that might be. The turn counts as taken.
func (t *Target) SelectUpstream() *url.URL {
	u := t.upstreams.pick(nil)
	if u == nil {
		u = t.upstreams.any()
	}
	if u == nil {
		return nil
	}
	return u.url()
}

// serve sends the request to an Upstream and relays the answer. It returns
// errVanished, with nothing written, when the Target was forgotten meanwhile.
func (t *Target) serve(w http.ResponseWriter, r *http.Request, in *inbound) error {
	def := t.def.Load()
	in.record.target = t.id
	t.requests.Add(1)
	t.budget.request(in.record.begin)
	t.insistOnHTTPS(def, w, r, in.peer)
	if p := t.passage(def, &in.inquiry, in.peer, r.TLS); !p.free() {
		p.end(w, r, in)
		return nil
	}
	x := &in.exchange
	if x.target != nil {
		*x = exchange{} // it is matched anew
	}
	x.target, x.def, x.in, x.w, x.r = t, def, in, w, r
	x.hold.safe = isSafe(r.Method)
	defer x.end()
	x.followClient()
	defer x.unfollowClient()
	if def.Timeout.Total > 0 {
		x.total = time.AfterFunc(def.Timeout.Total, func() { x.cancel(errTotalTimeout) })
		defer x.total.Stop()
	}
	in.openBody(w, r, def.Timeout.Stall)
	return x.run()
}

// isSafe names the methods that a doubtful Upstream may be asked with early.
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func (t *Target) status() spec.TargetStatus {
	def := t.def.Load()
	faults, closed := t.faults(def), def.Closed
	for _, f := range faults {
		if f.Closes {
			closed = cmp.Or(closed, f.Text)
		}
	}
	return spec.TargetStatus{
		ID: t.id, Source: def.Source, Matches: def.Matches, Conflicts: t.conflicts, Closed: closed, TLS: def.TLS, Faults: faults,
		Upstreams: t.upstreams.status(), Held: int(t.room.waiting.Load()), Requests: t.requests.Load(),
	}
}

// close sends the held away and cuts what runs.
func (t *Target) close() {
	t.room.vanish()
	t.upstreams.close()
}
