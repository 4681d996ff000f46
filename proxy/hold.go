package proxy

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// Why a request is not held, or not any longer.
var (
	errRoomClosed = errors.New("no Upstream is ready and none is expected")
	errRoomFull   = errors.New("too many requests are waiting")
	errHeldOut    = errors.New("no Upstream became ready in time")
	errVanished   = errors.New("the request must be matched anew")
)

const (
	// maxHeld bounds the requests held in one process.
	maxHeld = 20_000
	// gateStart is how many held requests a new Upstream is given at once; each
	// answer makes room for two more.
	gateStart = 16
	// gateStep doubles the same number in time, for Upstreams that are slow
	// but able.
	gateStep = 250 * time.Millisecond
	// gateOpen is when an Upstream is no longer new.
	gateOpen = time.Second
)

// room is where the requests of one Target wait while no Upstream is ready. It
// lets them out first in, first out, and not all at once. All methods may be
// called from any goroutine.
type room struct {
	total      *atomic.Int64 // held in the whole process
	lastResort func(held time.Duration, safe bool, tried []*Upstream) *Upstream

	waiting atomic.Int64 // length of queue, for those who pass by

	mu        sync.Mutex
	wait      spec.Wait
	queue     *list.List // of *waiter
	ready     *rotation
	turns     uint64
	gates     map[*Upstream]*gate
	starting  bool
	lastReady time.Time
	closing   *time.Timer // empties the room when hope is over
	widening  *time.Timer // widens the gates while somebody waits
	vanished  bool
}

// waiter is one held request. Its channel takes the one grant it is given.
type waiter struct{ granted chan grant }

type grant struct {
	upstream *Upstream
	err      error
}

// gate limits how many held requests are with a new Upstream.
type gate struct {
	limit, inside int
	since         time.Time
}

func (g *gate) open(now time.Time) bool {
	return g.inside < g.limit || now.Sub(g.since) >= gateOpen
}

func newRoom(total *atomic.Int64) *room {
	return &room{total: total, queue: list.New(), gates: map[*Upstream]*gate{}, ready: &rotation{}}
}

// configure sets how long and how many.
func (r *room) configure(wait spec.Wait) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wait = wait
	r.review()
}

// update tells the room who is ready now, whether somebody is on the way, and
// when the last ready one left (zero: there never was one).
func (r *room) update(ready *rotation, starting bool, lastReady time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready, r.starting, r.lastReady = ready, starting, lastReady
	gates := make(map[*Upstream]*gate, len(ready.members))
	for _, u := range ready.members {
		if g := r.gates[u]; g != nil {
			gates[u] = g
		} else {
			gates[u] = &gate{limit: gateStart, since: time.Now()}
		}
	}
	r.gates = gates
	r.dispatch()
	r.review()
}

// vanish sends everybody away: the Target is forgotten.
func (r *room) vanish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.vanished = true
	r.expel(errVanished)
}

// rematch sends those who wait now back to the Mux: somebody else may have what
// they ask for.
func (r *room) rematch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expel(errVanished)
}

// occupied says whether somebody waits, so that others do not push in.
func (r *room) occupied() bool { return r.waiting.Load() > 0 }

// hold is one request's stay, which may be broken off and taken up again.
type hold struct {
	gone   <-chan struct{} // the client has stopped sending: its place is free
	safe   bool            // GET, HEAD, OPTIONS: may go to one that is leaving
	spent  time.Duration   // held so far
	resort time.Duration   // spent at which a doubtful Upstream is tried next
	asked  []*Upstream     // doubtful ones that were tried, while there are others
}

// doubtful is the next doubtful Upstream for h. Those that were tried have their
// turn again when all were.
func (r *room) doubtful(h *hold, held time.Duration) *Upstream {
	u := r.lastResort(held, h.safe, h.asked)
	if u == nil && len(h.asked) > 0 {
		h.asked = h.asked[:0]
		u = r.lastResort(held, h.safe, nil)
	}
	if u != nil {
		h.asked = append(h.asked, u)
	}
	return u
}

// enter holds the request until it is given an Upstream. Those of last resort
// (doubtful is true) are reached on a fresh connection. After the answer, or
// the failure, of one that is not doubtful, done must be called.
func (r *room) enter(ctx context.Context, h *hold) (u *Upstream, doubtful bool, err error) {
	w, place, err := r.admit(h)
	if err != nil {
		return nil, false, err
	}
	begin, before := time.Now(), h.spent
	defer func() { h.spent = before + time.Since(begin) }()
	out := time.NewTimer(r.patience() - before)
	defer out.Stop()
	if h.resort == 0 {
		h.resort = resortSignalled
	}
	resort := time.NewTimer(h.resort - before)
	defer resort.Stop()
	for {
		select {
		case g := <-w.granted:
			return g.upstream, false, g.err
		case <-h.gone:
			return r.stepOut(w, place, grant{err: errClientGone})
		case <-ctx.Done():
			return r.stepOut(w, place, grant{err: context.Cause(ctx)})
		case <-out.C:
			return r.stepOut(w, place, grant{err: errHeldOut})
		case <-resort.C:
			now := h.resort
			h.resort = nextResort(now)
			resort.Reset(h.resort - now)
			if u := r.doubtful(h, before+time.Since(begin)); u != nil {
				return r.stepOut(w, place, grant{upstream: u})
			}
		}
	}
}

// nextResort is when, after so long a hold, a doubtful Upstream is tried again:
// ever less often, down to once a second, but in time for those that are only
// tried late.
func nextResort(held time.Duration) time.Duration {
	next := held + min(held, time.Second)
	if held < resortDoubtful && next > resortDoubtful {
		return resortDoubtful
	}
	return next
}

// admit lets a request in if there is hope and space.
func (r *room) admit(h *hold) (*waiter, *list.Element, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refusal(h.spent); err != nil {
		return nil, nil, err
	}
	w := &waiter{granted: make(chan grant, 1)}
	place := r.queue.PushBack(w)
	r.count(1)
	r.dispatch()
	return w, place, nil
}

// refusal is why a request that was held for so long already is not let in; nil: it is.
func (r *room) refusal(spent time.Duration) error {
	switch {
	case r.vanished:
		return errVanished
	case spent > 0 && spent >= r.wait.For:
		return errHeldOut
	case !r.hopeful(time.Now()):
		return errRoomClosed
	case r.wait.Max > 0 && r.queue.Len() >= r.wait.Max, r.total.Load() >= maxHeld:
		return errRoomFull
	}
	return nil
}

// prospect is why a request would not be held now; nil: it would.
func (r *room) prospect() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refusal(0)
}

// patience is how long one request is held in all.
func (r *room) patience() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wait.For
}

// stepOut takes a request out of the queue, unless it was just given its
// Upstream: then that is what it leaves with.
func (r *room) stepOut(w *waiter, place *list.Element, with grant) (*Upstream, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case g := <-w.granted:
		return g.upstream, false, g.err
	default:
	}
	r.queue.Remove(place)
	r.count(-1)
	return with.upstream, with.upstream != nil, with.err
}

// done is called when a released request was answered or failed.
func (r *room) done(u *Upstream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.gates[u]; g != nil {
		g.inside--
		g.limit++
		r.dispatch()
	}
}

// hopeful says whether it makes sense to wait: somebody is ready or on the way,
// or the last ready one has not been gone for long.
func (r *room) hopeful(now time.Time) bool {
	if r.wait.For <= 0 {
		return false
	}
	return len(r.ready.slots) > 0 || r.starting || (!r.lastReady.IsZero() && now.Sub(r.lastReady) < r.wait.For)
}

// review plans the end of hope, or makes it come true.
func (r *room) review() {
	if r.closing != nil {
		r.closing.Stop()
		r.closing = nil
	}
	now := time.Now()
	if !r.hopeful(now) {
		r.expel(errRoomClosed)
		return
	}
	if len(r.ready.slots) > 0 || r.starting {
		return
	}
	r.closing = time.AfterFunc(r.lastReady.Add(r.wait.For).Sub(now), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.hopeful(time.Now()) {
			r.expel(errRoomClosed)
		}
	})
}

// dispatch gives ready Upstreams to those who wait, as far as the gates allow.
func (r *room) dispatch() {
	now := time.Now()
	for r.queue.Len() > 0 {
		u := r.nextOpen(now)
		if u == nil {
			break
		}
		r.gates[u].inside++
		r.release(grant{upstream: u})
	}
	if r.queue.Len() > 0 && len(r.ready.slots) > 0 && r.widening == nil {
		r.widening = time.AfterFunc(gateStep, r.widen)
	}
}

// nextOpen is the next Upstream in rotation whose gate is open.
func (r *room) nextOpen(now time.Time) *Upstream {
	for range r.ready.slots {
		u := r.ready.turn(r.turns)
		r.turns++
		if r.gates[u].open(now) {
			return u
		}
	}
	return nil
}

// widen doubles the gates while somebody waits before them.
func (r *room) widen() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.widening = nil
	for _, g := range r.gates {
		g.limit *= 2
	}
	r.dispatch()
}

// expel ends everybody's stay.
func (r *room) expel(why error) {
	for r.queue.Len() > 0 {
		r.release(grant{err: why})
	}
}

// release lets the first in the queue go.
func (r *room) release(g grant) {
	w := r.queue.Remove(r.queue.Front()).(*waiter)
	r.count(-1)
	w.granted <- g
}

func (r *room) count(n int64) {
	r.waiting.Add(n)
	r.total.Add(n)
}
