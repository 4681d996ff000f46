package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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
	ctx        context.Context
	cancel     context.CancelCauseFunc
	repeatable func() bool // whether the request may be sent elsewhere
	answered   atomic.Bool // a byte of the final answer has come

	mu        sync.Mutex  // the body is sent by another goroutine than the one that waits
	patience  *time.Timer // ends the wait for the answer's head; nil: no bound, or it is there
	allowance time.Duration
	waiting   time.Time // since when

	conn    atomic.Pointer[upstreamConn]
	reached atomic.Bool // a connection was made and handed to the request

	interim *interim
}

// attempt sends the request to one Upstream and relays the answer if there is
// one. release is called as soon as it is known whether there is.
func (x *exchange) attempt(c choice, release func()) outcome {
	release = sync.OnceFunc(release)
	defer release()
	ctx, cancel := context.WithCancelCause(x.ctx)
	defer cancel(nil)
	a := &attempt{ctx: ctx, cancel: cancel, repeatable: x.repeatable, interim: newInterim(x.w, x.r)}
	u := c.upstream
	x.in.record.upstream = u.name()
	u.begin(a)
	defer u.end(a)
	if u.unfit() && !c.doubtful {
		return outcome{unsent, errLeft}
	}
	defer x.beginPatience(a)()
	res, err := u.roundTrip(x.outgoing(a.traced(ctx, u, x.dialLimit(c)), a, c))
	a.interim.end()
	release()
	if err != nil {
		return x.classify(ctx, a, u, err)
	}
	a.answered.Store(true)
	x.spent += a.endPatience()
	defer res.Body.Close()
	if x.wantsAnother(u, res) {
		return outcome{rejected, fmt.Errorf("the Upstream answered %d", res.StatusCode)}
	}
	return x.relay(ctx, a, u, res)
}

func (u *Upstream) roundTrip(r *http.Request) (*http.Response, error) {
	t := u.transport.Load()
	if t == nil {
		return nil, &dialError{u.spec.Load().Address, errors.New("not usable")}
	}
	return t.RoundTrip(r)
}

func (x *exchange) dialLimit(c choice) time.Duration {
	return c.upstream.dialLimit(x.def.Timeout.Dial, c.last)
}

// beginPatience bounds the wait for the head of the answer by what the attempts
// before have left of it. The function it returns accounts for this one.
func (x *exchange) beginPatience(a *attempt) func() {
	limit := x.def.Timeout.Response
	if limit <= 0 {
		return func() {}
	}
	a.allowance = max(0, limit-x.spent)
	a.waiting = time.Now()
	a.patience = time.AfterFunc(a.allowance, func() { a.cancel(errResponseTimeout) })
	return func() { x.spent += a.endPatience() }
}

// endPatience: the head is there, or nothing is waited for any more. It answers
// how long was waited.
func (a *attempt) endPatience() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.patience == nil {
		return 0
	}
	a.patience.Stop()
	a.patience = nil
	return time.Since(a.waiting)
}

// progress is called while the client's body is sent on: an Upstream cannot be
// expected to answer before it has it all, so the wait begins anew.
func (a *attempt) progress() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.patience != nil {
		a.patience.Reset(a.allowance)
		a.waiting = time.Now()
	}
}

// traced makes the transport tell how far the request gets.
func (a *attempt) traced(ctx context.Context, u *Upstream, limit time.Duration) context.Context {
	return httptrace.WithClientTrace(withDialLimit(ctx, limit), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if !a.reached.Swap(true) {
				u.requests.Add(1)
			}
			if conn := alone(info.Conn); conn != nil {
				conn.begin()
				a.conn.Store(conn)
			}
		},
		GotFirstResponseByte: func() { a.answered.Store(true) },
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			a.answered.Store(false) // that was not the answer
			return a.interim.pass(code, http.Header(header))
		},
	})
}

// wrote says whether a byte of the request may have reached the Upstream.
func (a *attempt) wrote() bool {
	if !a.reached.Load() {
		return false
	}
	conn := a.conn.Load()
	return conn == nil || conn.wrote.Load()
}

// classify says what a failed round trip means for the request.
func (x *exchange) classify(ctx context.Context, a *attempt, u *Upstream, err error) outcome {
	var dial *dialError
	cause := context.Cause(ctx)
	switch {
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
	case !a.wrote():
		return outcome{unsent, err}
	case a.answered.Load() && cause == nil:
		return outcome{failed, fmt.Errorf("reading the answer: %w", err)}
	}
	return outcome{unansweredYet, err}
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

// isLeaving says whether an attempt was cut because its Upstream leaves.
func isLeaving(cause error) bool {
	return errors.Is(cause, errUpstreamGone) || errors.Is(cause, errUpstreamPaused) || errors.Is(cause, errDrained)
}

// bodyError is a client that failed while sending its body.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "reading the client's body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// wantsAnother says whether the answer's status is one that this Target treats
// like no answer, and another Upstream may be asked and is there.
func (x *exchange) wantsAnother(u *Upstream, res *http.Response) bool {
	rejects := slices.ContainsFunc(x.def.Retry.Statuses, func(s spec.StatusRange) bool { return s.Holds(res.StatusCode) })
	return rejects && x.target.upstreams.candidates(x.tried) > 1 && x.repeatable() && x.mayRepeat(u) && x.reclaimBody()
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

func newInterim(w http.ResponseWriter, r *http.Request) *interim {
	return &interim{w: w, wanted: r.ProtoAtLeast(1, 1)}
}

// pass hands an interim response on; 100 is between us and each side (RFC 9110,
// 10.1.1) and stays here.
func (i *interim) pass(code int, header http.Header) error {
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
