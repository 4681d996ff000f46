package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rota-proxy/rota/internal/lifetime"
	"github.com/rota-proxy/rota/proxy/h1"
	"github.com/rota-proxy/rota/proxy/spec"
)

// outcome is how an attempt ended.
type outcome struct {
	kind outcomeKind
	err  error
}

type outcomeKind uint8

const (
	answered      outcomeKind = iota // the client has its answer, or the start of one
	unsent                           // nothing of the request left: it may go anywhere
	unansweredYet                    // it was written, and no byte of an answer came
	rejected                         // the answer is one that the Target does not take, and another may be asked
	failed                           // it must not be tried again
)

// attempt is one try of one request at one Upstream.
type attempt struct {
	exchange *exchange
	life     lifetime.Lifetime // ends when the attempt is to be given up
	asked    time.Time         // when it began
	release  func()            // the room's; called once it is known whether there is an answer
	interim  interim
	answered atomic.Bool // a byte of the final answer has come

	held atomic.Pointer[h1.Conn] // what has to be interrupted for the attempt to end

	conn    atomic.Pointer[upstreamConn]
	wrote   bool        // some of the request was written by the engine
	std     bool        // the request went through net/http's Transport
	reached atomic.Bool // a connection was made and given the request

	before, after *attempt // in the Upstream's list, under its lock
}

// cancel gives the attempt up; the first reason counts.
func (a *attempt) cancel(why error) {
	a.life.End(why)
	if conn := a.held.Swap(nil); conn != nil {
		conn.Interrupt()
	}
}

// hold makes conn what cancel interrupts; false if it is too late for that.
func (a *attempt) hold(conn *h1.Conn) bool {
	a.held.Store(conn)
	if a.life.Err() == nil {
		return true
	}
	a.held.Store(nil)
	return false
}

// letGo ends what hold began; false if the connection was interrupted, or is just
// about to be: then it is of no use to others.
func (a *attempt) letGo() bool { return a.held.Swap(nil) != nil }

// reach notes, once, that the Upstream was given the request.
func (a *attempt) reach(u *Upstream) {
	if !a.reached.Load() && !a.reached.Swap(true) {
		u.requests.Add(1)
	}
}

// repeatable says whether the request may be sent elsewhere.
func (a *attempt) repeatable() bool { return a.exchange.repeatable() }

// settled tells the room, once, that the Upstream has answered or failed.
func (a *attempt) settled() {
	if a.release != nil {
		a.release()
		a.release = nil
	}
}

// attempt sends the request to one Upstream and relays the answer if there is
// one. release is called as soon as it is known whether there is.
func (x *exchange) attempt(c choice, release func()) outcome {
	a := x.newAttempt(release)
	defer a.settled()
	u := c.upstream
	x.in.record.upstream = u
	a.asked = x.now()
	u.begin(a)
	defer u.end(a)
	if u.unfit() && !c.doubtful {
		return outcome{unsent, errLeft}
	}
	res, err := x.ask(a, c)
	a.settled()
	if err != nil {
		out := x.classify(a, u, err)
		if !c.doubtful {
			x.blame(a, u, out.err)
		}
		return out
	}
	defer res.close()
	if len(x.def.Retry.Statuses) > 0 {
		x.spent += time.Since(a.asked)
	}
	if x.wantsAnother(u, res.status()) {
		return outcome{rejected, fmt.Errorf("the Upstream answered %d", res.status())}
	}
	return x.relay(a, res)
}

// now is the time, for the first attempt as good as when the request came.
func (x *exchange) now() time.Time {
	if x.in.record.attempts == 1 && x.passes == 0 {
		return x.in.record.begin
	}
	return time.Now()
}

// ask sends the request and waits for the head of the answer.
func (x *exchange) ask(a *attempt, c choice) (response, error) {
	u, all := c.upstream, x.target.upstreams
	w := u.carrier.Load()
	if w == nil {
		return nil, &dialError{u.spec.Load().Address, errors.New("not usable")}
	}
	followed := x.in.body == nil
	if followed {
		all.asked(u)
	}
	res, err := (*w).send(x, a, c)
	switch {
	case !followed:
	case err != nil:
		all.unheard(u, a.asked, a.life.Err() != nil)
	default:
		all.heard(u, a.asked)
	}
	if err != nil {
		x.spent += time.Since(a.asked)
		return nil, err
	}
	x.judge(u, res.status())
	return res, nil
}

// judge notes an answer, for or against the Upstream.
func (x *exchange) judge(u *Upstream, status int) {
	eject := &x.def.Eject
	if len(eject.Statuses) > 0 && spec.AnyHolds(eject.Statuses, status) {
		x.target.upstreams.failed(u, eject.Failures, ailment{declines, status})
		return
	}
	u.did()
}

// newAttempt begins an attempt, which ends when the request does.
func (x *exchange) newAttempt(release func()) *attempt {
	a := &x.first
	if x.in.record.attempts > 1 {
		a = &attempt{}
	}
	a.exchange, a.release = x, release
	a.interim.w, a.interim.wanted = x.w, x.r.ProtoAtLeast(1, 1)
	if a != &x.first {
		x.current.Store(a)
	}
	if why := x.life.Err(); why != nil {
		a.cancel(why)
	}
	return a
}

// cancel ends the request, and whichever attempt is at hand with it.
func (x *exchange) cancel(why error) {
	x.life.End(why)
	x.first.cancel(why)
	if a := x.current.Load(); a != nil {
		a.cancel(why)
	}
}

// patienceLeft is what the attempts before have left of the time for an answer; 0
// is no bound.
func (x *exchange) patienceLeft() time.Duration {
	if limit := x.def.Timeout.Response; limit > 0 {
		return max(time.Nanosecond, limit-x.spent)
	}
	return 0
}

func (x *exchange) dialLimit(c choice) time.Duration {
	return c.upstream.dialLimit(x.def.Timeout.Dial, c.last)
}

// mayHaveArrived says whether a byte of the request may have reached the
// Upstream.
func (a *attempt) mayHaveArrived() bool {
	switch conn := a.conn.Load(); {
	case !a.reached.Load():
		return false
	case conn != nil:
		return conn.wrote.Load()
	case a.std:
		return true
	}
	return a.wrote
}

// classify says what a failed round trip means for the request.
func (x *exchange) classify(a *attempt, u *Upstream, err error) outcome {
	var dial *dialError
	var unwritable *requestError
	cause := a.life.Err()
	switch {
	case errors.As(err, &unwritable):
		return outcome{failed, err}
	case cause != nil && !isLeaving(cause):
		return outcome{failed, cause}
	case x.in.body != nil && x.in.body.failure() != nil:
		return outcome{failed, &bodyError{x.in.body.failure()}}
	case errors.As(err, &dial):
		if !errors.Is(err, errLeft) {
			x.target.upstreams.refused(u)
		}
		return outcome{unsent, err}
	case !a.reached.Load() && cause == nil && isVerdict(err):
		return outcome{unsent, fmt.Errorf("%w: %w", errHandshake, err)}
	case !a.reached.Load() && cause == nil:
		x.target.upstreams.refused(u) // it hung up while we shook hands
		return outcome{unsent, err}
	case !a.mayHaveArrived():
		return outcome{unsent, err}
	case a.answered.Load() && cause == nil:
		return outcome{failed, fmt.Errorf("reading the answer: %w", err)}
	}
	return outcome{unansweredYet, err}
}

// blame counts an attempt that failed against its Upstream, if that is to blame.
// One that does not accept connections is out already.
func (x *exchange) blame(a *attempt, u *Upstream, err error) {
	var dial *dialError
	var unwritable *requestError
	var body *bodyError
	cause := a.life.Err()
	ill := ailment{kind: breaks}
	switch {
	case errors.As(err, &dial), errors.As(err, &unwritable), errors.As(err, &body):
		return
	case errors.Is(cause, errResponseTimeout):
		// Little of the time may have been left for this attempt.
		if time.Since(a.asked) < x.def.Timeout.Response/2 {
			return
		}
		ill.kind = dawdles
	case cause != nil:
		return
	case errors.Is(err, errHandshake):
		ill.kind = quarrels
	}
	x.target.upstreams.failed(u, x.def.Eject.Failures, ill)
}

// isVerdict tells TLS that the two sides cannot agree on from a connection that
// ended, or stood still, in the middle of the handshake.
func isVerdict(err error) bool {
	var alert tls.AlertError
	if errors.As(err, &alert) {
		return true
	}
	var network net.Error
	return !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &network)
}

// isLeaving says whether an attempt was cut because its Upstream leaves, or might
// as well have left.
func isLeaving(cause error) bool {
	return errors.Is(cause, errUpstreamGone) || errors.Is(cause, errUpstreamPaused) || errors.Is(cause, errDrained) || errors.Is(cause, errHung)
}

// bodyError is a client that failed while sending its body.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "reading the client's body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// wantsAnother says whether the answer's status is one that this Target treats
// like no answer, and another Upstream may be asked and is there.
func (x *exchange) wantsAnother(u *Upstream, status int) bool {
	if len(x.def.Retry.Statuses) == 0 {
		return false
	}
	return spec.AnyHolds(x.def.Retry.Statuses, status) && x.target.upstreams.candidates(x.tried) > 1 && x.repeatable() && x.mayRepeat(u) && x.reclaimBody()
}

// maxInterim bounds the interim responses of one attempt.
const maxInterim = 32

var errInterim = errors.New("too many interim responses")

// interim passes 103 Early Hints on to the client. The transport calls it from
// a goroutine of its own, so it must know when the handler has moved on.
type interim struct {
	wanted bool // the client knows of interim responses

	mu    sync.Mutex
	w     http.ResponseWriter // nil when the handler has moved on
	count int
}

// Interim hands an interim response on; 100 is between us and each side (RFC 9110,
// 10.1.1) and stays here.
func (i *interim) Interim(code int, header http.Header) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.count++; i.count > maxInterim {
		return errInterim
	}
	if i.w == nil || code != http.StatusEarlyHints || !i.wanted {
		return nil
	}
	stripHopByHop(header)
	own := i.w.Header()
	for name, values := range header {
		own[name] = values
	}
	i.w.WriteHeader(code)
	for name := range header {
		delete(own, name)
	}
	return nil
}

func (i *interim) end() {
	i.mu.Lock()
	i.w = nil
	i.mu.Unlock()
}
