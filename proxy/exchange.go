package proxy

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rota-proxy/rota/internal/lifetime"
	"github.com/rota-proxy/rota/proxy/h1"
	"github.com/rota-proxy/rota/proxy/spec"
)

// Why a request ends before its answer does.
var (
	errClientGone      = errors.New("the client is gone")
	errResponseTimeout = errors.New("the Upstream did not answer in time")
	errTotalTimeout    = errors.New("the request took longer than its Target allows")
)

// exchange is one request on its way through a Target: it picks, attempts,
// waits and picks again until there is an answer. One goroutine owns it.
type exchange struct {
	target *Target
	def    *spec.Target // as it was when the request came
	in     *inbound
	w      http.ResponseWriter
	r      *http.Request
	life   lifetime.Lifetime // ends when the client is gone or the time is up

	following h1.Following            // for the engine's client
	unfollow  func() bool             // where another server than the engine's has the client
	first     attempt                 // most requests need no other
	current   atomic.Pointer[attempt] // the last of the others
	request   h1.Request
	own       ownResponse

	tried   []*Upstream // in this pass
	failure error       // the last attempt's
	repeats int         // further Upstreams tried after an unanswered attempt
	spent   time.Duration
	total   *time.Timer // ends the request; nil: no bound
	hold    hold
	passes  int
}

// end says whether somebody may have kept the exchange: a timer, a context made of
// its own, or another server's notice that the client is gone.
func (x *exchange) end() {
	x.in.known = x.in.known || x.total != nil || x.in.client == nil || x.first.std || x.in.record.attempts > 1 ||
		x.life.Followed() || x.first.life.Followed()
}

// run serves the request. It returns errVanished, with nothing written, when
// the Target was forgotten meanwhile and the request must be matched again.
func (x *exchange) run() error {
	for {
		c, release, err := x.next()
		if err != nil {
			return x.giveUp(err)
		}
		x.in.record.attempts++
		out := x.attempt(c, release)
		if out.kind == answered {
			return nil
		}
		x.tried = append(x.tried, c.upstream)
		x.failure = out.err
		if !x.mayGoOn(c, out) {
			return x.giveUp(out.err)
		}
	}
}

// choice is an Upstream and how it is to be used.
type choice struct {
	upstream *Upstream
	// doubtful: a last resort, on a fresh connection. That it fails surprises
	// nobody and is not counted; how long a request is held bounds it.
	doubtful bool
	last     bool // nobody else is left to try
}

// next is where the request goes now: the next in rotation, or, when there is
// none or others were here first, whoever the room gives, who is told by
// release when the Upstream has answered or failed; nil for the others.
func (x *exchange) next() (choice, func(), error) {
	t := x.target
	if len(x.tried) > 0 || !t.room.occupied() {
		if u := t.upstreams.pick(x.tried); u != nil {
			return choice{upstream: u, last: t.upstreams.candidates(x.tried) <= 1}, nil, nil
		}
	}
	if err := x.mayWait(); err != nil {
		return choice{}, nil, err
	}
	return x.await()
}

// errWeightless: there are Upstreams, and all of weight 0.
var errWeightless = errors.New("every Upstream has weight 0")

// errHandshake is set apart from a failed connection: somebody is there, and
// waiting will not make them agree.
var errHandshake = errors.New("the Upstream accepts, but TLS with it fails")

// mayWait says why waiting makes no sense, if so.
func (x *exchange) mayWait() error {
	switch {
	case x.target.upstreams.weightless.Load():
		return errWeightless
	case errors.Is(x.failure, errHandshake):
		return x.failure
	}
	return nil
}

// passPause keeps requests from spinning while Upstreams come and go.
const passPause = 20 * time.Millisecond

// await holds the request, then starts a new pass.
func (x *exchange) await() (choice, func(), error) {
	if x.passes > 1 {
		if !sleep(&x.life, passPause) {
			return choice{}, nil, x.life.Err()
		}
		x.hold.spent += passPause
	}
	x.passes++
	if x.in.body != nil && !x.expectsContinue() {
		x.in.body.readAhead()
	}
	if x.hold.gone == nil {
		x.hold.gone = x.r.Context().Done()
	}
	u, doubtful, err := x.target.room.enter(&x.life, &x.hold)
	x.in.record.held = x.hold.spent
	if err != nil {
		return choice{}, nil, err
	}
	x.tried = x.tried[:0]
	var release func()
	if !doubtful {
		release = func() { x.target.room.done(u) }
	}
	return choice{upstream: u, doubtful: doubtful, last: !doubtful}, release, nil
}

func (x *exchange) expectsContinue() bool { return x.r.Header.Get("Expect") != "" }

// mayGoOn says whether the request may go to another Upstream after out.
func (x *exchange) mayGoOn(c choice, out outcome) bool {
	switch out.kind {
	case unsent:
		return x.reclaimBody()
	case rejected:
		return true
	case unansweredYet:
		return x.repeatable() && x.reclaimBody() && (c.doubtful || x.mayRepeat(c.upstream))
	}
	return false
}

func (x *exchange) reclaimBody() bool { return x.in.body == nil || x.in.body.reclaim() }

// mayRepeat counts a repeat and says whether the Target allows it. An Upstream
// that is leaving anyway, or was ejected meanwhile, is no reason to save: its
// requests are few and end.
func (x *exchange) mayRepeat(u *Upstream) bool {
	if x.repeats >= x.def.Retry.Attempts {
		return false
	}
	x.repeats++
	return u.left() || u.pulse.out.Load() || x.target.budget.allow(x.def.Retry.Budget)
}

// repeatable says whether the request may be sent again although an Upstream
// may have acted on it (RFC 9110, 9.2.2) and its body is still at hand.
func (x *exchange) repeatable() bool {
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return x.in.upgrade == "" && (x.in.body == nil || x.in.body.replayable())
	}
	return false
}

// giveUp answers for an error, or passes errVanished up.
func (x *exchange) giveUp(err error) error {
	if errors.Is(err, errVanished) {
		return err
	}
	x.in.record.failure = err
	if errors.Is(err, errClientGone) {
		panic(http.ErrAbortHandler)
	}
	x.in.answer(x.w, x.r, answerFor(err))
	return nil
}
