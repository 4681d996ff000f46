package proxy

import (
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// Upstream is one backend of a Target. Its description and counters may be read
// from any goroutine; the fields below "owned" belong to the Upstreams it is in
// and are guarded by their lock.
type Upstream struct {
	spec     atomic.Pointer[spec.Upstream]
	dialer   *dialer
	carrier  atomic.Pointer[carrier] // nil: there is no way
	pulse    pulse
	requests *atomic.Uint64 // sent to this container in all its lives
	departed atomic.Bool    // no description names it any more

	mu      sync.Mutex
	running *attempt // first of those running now
	count   int
	drained chan struct{} // if set, closed when the last attempt ends

	// owned
	state     spec.State
	since     time.Time // of state
	stopProbe func()    // ends the probe if one runs
	drain     *time.Timer
	idle      time.Duration // what carrier was made for
	fault     error         // why there is no carrier
	ailment   ailment       // why it is ejected
	returned  time.Time     // when it was last tried again after that
	relapses  int           // how often that was in vain, in a row
}

func (u *Upstream) name() string { return u.spec.Load().Name }

func (u *Upstream) weight() int { return u.spec.Load().Weight }

// url is the Upstream as the library shows it.
func (u *Upstream) url() *url.URL {
	s := u.spec.Load()
	base, query, _ := strings.Cut(s.Base, "?")
	shown := &url.URL{Scheme: urlScheme(s.Scheme), Host: s.Address, Path: base, RawPath: base, RawQuery: query}
	if plain, err := url.PathUnescape(base); err == nil {
		shown.Path = plain
	}
	return shown
}

// left says whether the engine has told of the Upstream's end.
func (u *Upstream) left() bool {
	return u.departed.Load() || u.spec.Load().Phase == spec.Signalled
}

// unfit says whether a request that picked the Upstream a moment ago should
// rather go elsewhere.
func (u *Upstream) unfit() bool { return u.left() || u.spec.Load().Phase == spec.Paused }

// dialLimit is how long one connection attempt may take. The last candidate of
// a request is given the time that a distant or busy one may need.
func (u *Upstream) dialLimit(configured time.Duration, last bool) time.Duration {
	switch {
	case configured > 0:
		return configured
	case u.spec.Load().Local && !last:
		return spec.LocalDial
	}
	return spec.RemoteDial
}

// begin notes an attempt that is about to be made.
func (u *Upstream) begin(a *attempt) {
	u.mu.Lock()
	defer u.mu.Unlock()
	a.before, a.after = nil, u.running
	if u.running != nil {
		u.running.before = a
	}
	u.running = a
	u.count++
}

// end notes that an attempt, its body included, is over.
func (u *Upstream) end(a *attempt) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if a.before != nil {
		a.before.after = a.after
	} else {
		u.running = a.after
	}
	if a.after != nil {
		a.after.before = a.before
	}
	u.count--
	if u.count == 0 && u.drained != nil {
		close(u.drained)
		u.drained = nil
	}
}

func (u *Upstream) inFlight() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.count
}

// whenDrained is closed once no attempt runs. It is called once in a life.
func (u *Upstream) whenDrained() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	done := make(chan struct{})
	if u.count == 0 {
		close(done)
	} else {
		u.drained = done
	}
	return done
}

// cut cancels the running attempts that which picks, with why as the cause. It
// does so under the lock: one that has ended may be somebody else's memory.
func (u *Upstream) cut(why error, which func(*attempt) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for a := u.running; a != nil; a = a.after {
		if which(a) {
			a.cancel(why)
		}
	}
}

// The attempts a cut may be for.
func every(*attempt) bool        { return true }
func unanswered(a *attempt) bool { return !a.answered.Load() }
func repeatable(a *attempt) bool { return unanswered(a) && a.repeatable() }

// closeIdle closes the connections that no request uses.
func (u *Upstream) closeIdle() {
	if w := u.carrier.Load(); w != nil {
		(*w).closeIdle()
	}
}

// retire closes the connections for good, each when no request uses it.
func (u *Upstream) retire() {
	if w := u.carrier.Load(); w != nil {
		(*w).retire()
	}
}
