package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/rota-proxy/rota/proxy/h1"
	"github.com/rota-proxy/rota/proxy/spec"
)

// ownCarrier sends by the HTTP/1.1 engine.
type ownCarrier struct {
	upstream *Upstream
	pool     *h1.Pool
}

func (w *ownCarrier) closeIdle() { w.pool.CloseIdle() }
func (w *ownCarrier) retire()    { w.pool.Close() }

// send uses the connection that was used last. One that turns out to be closed
// is no attempt: the next is taken, or a new one made. If that is found out only
// after the request was written, it is done once, and not if the request must not
// be repeated.
func (w *ownCarrier) send(x *exchange, a *attempt, c choice) (response, error) {
	request := x.ownRequest(a, c)
	for fresh := c.doubtful; ; {
		conn, used, err := w.connect(x, a, c, fresh)
		if err != nil {
			return nil, err
		}
		if !a.hold(conn) {
			conn.Close()
			return nil, a.life.Err()
		}
		a.reach(w.upstream)
		if x.in.body != nil {
			request.Stream = x.in.body.view()
		}
		answer, err := conn.RoundTrip(request)
		if err == nil {
			a.answered.Store(true)
			x.own.answer, x.own.attempt, x.own.announced = answer, a, nil
			return &x.own, nil
		}
		a.letGo()
		again, failure := w.assess(x, a, err, used && !fresh)
		if !again {
			return nil, failure
		}
		fresh = fresh || a.wrote
	}
}

// assess says what has become of an attempt that failed with err, and whether it
// may go on with another connection, stale telling that this one was used before.
func (w *ownCarrier) assess(x *exchange, a *attempt, err error, stale bool) (again bool, failure error) {
	var e *h1.ExchangeError
	if !errors.As(err, &e) {
		return false, &requestError{err}
	}
	a.wrote = e.Stage != h1.Unsent
	a.answered.Store(e.Stage == h1.Answering)
	if a.wrote && errors.Is(err, h1.ErrTimeout) {
		a.cancel(errResponseTimeout)
		return false, errResponseTimeout
	}
	again = stale && a.life.Err() == nil && e.Stage != h1.Answering && (!a.wrote || x.repeatable()) && x.reclaimBody()
	return again, err
}

// ask uses a connection of its own.
func (w *ownCarrier) ask(ctx context.Context) error {
	u := w.upstream
	made, err := u.dialer.dial(ctx, u.dialLimit(0, false))
	if err != nil {
		return err
	}
	conn := w.pool.Adopt(made)
	stop := context.AfterFunc(ctx, conn.Interrupt)
	answer, err := conn.RoundTrip(&h1.Request{Head: h1.RequestHead{
		Method: http.MethodHead, Target: joinTarget(u.spec.Load().Base, "/", ""), Host: u.spec.Load().Address, Close: true,
		Fields: []h1.Field{{Name: "User-Agent", Value: askingAgent}},
	}})
	stop()
	if err != nil {
		return err
	}
	answer.Close()
	return nil
}

// askingAgent is how the proxy calls itself when it asks on its own account.
const askingAgent = "rota (is anybody there?)"

// connect gives a connection to the Upstream, and says whether it was used
// before.
func (w *ownCarrier) connect(x *exchange, a *attempt, c choice, fresh bool) (conn *h1.Conn, used bool, err error) {
	if !fresh {
		if conn := w.pool.Get(); conn != nil {
			return conn, true, nil
		}
	}
	made, err := w.upstream.dialer.forRequest(&a.life, x.dialLimit(c))
	if err != nil {
		return nil, false, err
	}
	return w.pool.Adopt(made), false, nil
}

// ownRequest is the request as the engine gets it.
func (x *exchange) ownRequest(a *attempt, c choice) *h1.Request {
	u := c.upstream.spec.Load()
	r := &x.request
	*r = h1.Request{}
	head := &r.Head
	head.Method, head.Target, head.Host, head.Fields = x.r.Method, x.in.target(u), hostHeader(u, x.in), x.in.fields
	head.Upgrade, head.Close, head.Length = x.in.upgrade, c.doubtful, int64(len(x.in.whole))
	r.Body, r.Timeout, r.Interim = x.in.whole, x.patienceLeft(), &a.interim
	if x.in.body == nil {
		return r
	}
	r.Head.Length = x.r.ContentLength
	r.AwaitContinue = x.expectsContinue()
	if len(x.in.trailer) > 0 && r.Head.Length < 0 {
		for name := range x.in.trailer {
			r.Head.Trailer = append(r.Head.Trailer, name)
		}
		slices.Sort(r.Head.Trailer)
		r.Trailer = func() http.Header {
			trailer := permittedTrailers(x.in.trailer)
			fillTrailers(trailer, x.r.Trailer)
			return trailer
		}
	}
	return r
}

// target is what the request line asks the Upstream for.
func (in *inbound) target(u *spec.Upstream) string {
	if u.Base == "" || u.Base == "/" {
		return in.path + in.query
	}
	return joinTarget(u.Base, in.path, in.query)
}

// requestError is a request that cannot be written down.
type requestError struct{ err error }

func (e *requestError) Error() string { return "writing the request: " + e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

// ownResponse is an answer that the engine brought.
type ownResponse struct {
	answer    *h1.Answer
	attempt   *attempt
	announced http.Header
}

func (r *ownResponse) status() int   { return r.answer.Status() }
func (r *ownResponse) silent() bool  { return silentByNature(r.answer.Value("content-type")) }
func (r *ownResponse) length() int64 { return r.answer.Length() }
func (r *ownResponse) header() http.Header {
	header := r.answer.Header()
	if lists := header["Trailer"]; len(lists) > 0 && r.length() < 0 {
		r.announced = announcedTrailers(lists)
	}
	return header
}

func (r *ownResponse) next(stall time.Duration) ([]byte, error) {
	r.answer.Stall = stall
	p, err := r.answer.Next()
	if errors.Is(err, h1.ErrTimeout) {
		r.attempt.cancel(errStalled)
	}
	return p, err
}

func (r *ownResponse) trailer() http.Header {
	if received := r.answer.Trailer(); received != nil {
		return received
	}
	return r.announced
}

func (r *ownResponse) hijack() (io.ReadWriteCloser, error) { return r.answer.Hijack() }

// close gives the connection back. From then on it is not the attempt's to
// interrupt.
func (r *ownResponse) close() {
	if r.attempt.letGo() {
		r.answer.Close()
	} else {
		r.answer.Discard()
	}
}

// newOwnCarrier is a carrier for plain HTTP/1.1.
func (s *Upstreams) newOwnCarrier(u *Upstream, idle time.Duration) carrier {
	return &ownCarrier{u, h1.NewPool(s.dog, idle)}
}
