package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"
)

// copyBuffer is what bodies are copied through.
const copyBuffer = 32 << 10

// copyBuffers saves the allocation; what is in them is never read again.
type copyBuffers struct{ pool sync.Pool }

func (p *copyBuffers) get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, copyBuffer)
	return &b
}

func (p *copyBuffers) put(b *[]byte) { p.pool.Put(b) }

// relay hands an Upstream's answer to the client. Once it has begun there is no
// way back: a failure cuts the client's connection, so that the cut is seen.
func (x *exchange) relay(ctx context.Context, a *attempt, u *Upstream, res *http.Response) outcome {
	if res.StatusCode == http.StatusSwitchingProtocols {
		return x.switchProtocols(ctx, u, res)
	}
	if res.StatusCode < 200 || res.StatusCode > 999 {
		return outcome{failed, fmt.Errorf("the Upstream answered with the status %03d", res.StatusCode)}
	}
	header := x.w.Header()
	stripHopByHop(res.Header)
	for name, values := range res.Header {
		header[name] = values
	}
	if _, typed := header["Content-Type"]; !typed {
		header["Content-Type"] = nil // or net/http would guess one
	}
	x.in.debugHeaders(header)
	announced := announceTrailers(header, res.Trailer)
	x.w.WriteHeader(res.StatusCode)
	if err := x.copyBody(a, res); err != nil {
		x.in.record.failure = err
		panic(http.ErrAbortHandler)
	}
	setTrailers(header, res.Trailer, announced)
	return outcome{kind: answered}
}

// copyBody streams the body. Every piece is sent on as it comes: whoever sends
// slowly does so for a reason.
func (x *exchange) copyBody(a *attempt, res *http.Response) error {
	buf := x.target.buffers.get()
	defer x.target.buffers.put(buf)
	stall := x.bodyStall(res)
	out := clientWriter{x.w, http.NewResponseController(x.w), stall}
	if res.ContentLength < 0 {
		// A stream may stay silent for long after its head.
		if err := out.send(nil, true); err != nil {
			return err
		}
	}
	watch := newWatch(stall, func() { a.cancel(errStalled) })
	defer watch.stop()
	for {
		watch.start()
		n, err := res.Body.Read(*buf)
		watch.stop() // the client's slowness is not the Upstream's
		if werr := out.send((*buf)[:n], err == nil); werr != nil {
			return werr
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &upstreamBodyError{causeOr(a, err)}
		}
	}
}

// clientWriter writes to a client that may not stand still longer than stall;
// 0 is for ever. The last deadline is left for what net/http itself has yet to
// write; the next request on the connection begins without.
type clientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

// send writes a piece, and with flush sees to it that it leaves.
func (w clientWriter) send(p []byte, flush bool) error {
	if w.stall > 0 {
		_ = w.control.SetWriteDeadline(time.Now().Add(w.stall))
	}
	if len(p) > 0 {
		if _, err := w.Write(p); err != nil {
			return &clientError{err}
		}
	}
	if !flush {
		return nil
	}
	if err := w.control.Flush(); err != nil {
		return &clientError{err}
	}
	return nil
}

// bodyStall is how long a body may stand still: for ever where silence is part
// of the protocol.
func (x *exchange) bodyStall(res *http.Response) time.Duration {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if media == "text/event-stream" || strings.HasPrefix(media, "application/grpc") {
		return 0
	}
	return x.def.Timeout.Stall
}

var errStalled = errors.New("no byte came for too long")

// clientError is a client that could not be written to.
type clientError struct{ err error }

func (e *clientError) Error() string { return "writing to the client: " + e.err.Error() }
func (e *clientError) Unwrap() error { return e.err }

// upstreamBodyError is an answer that broke off.
type upstreamBodyError struct{ err error }

func (e *upstreamBodyError) Error() string { return "reading the answer's body: " + e.err.Error() }
func (e *upstreamBodyError) Unwrap() error { return e.err }

// causeOr prefers the reason why we ended an attempt to what its connection
// made of that.
func causeOr(a *attempt, err error) error {
	if cause := context.Cause(a.ctx); cause != nil {
		return cause
	}
	return err
}

// watch calls late when it was started and not stopped for limit. A limit of 0
// is for ever.
type watch struct {
	timer *time.Timer
	limit time.Duration
}

func newWatch(limit time.Duration, late func()) watch {
	if limit <= 0 {
		return watch{}
	}
	return watch{time.AfterFunc(limit, late), limit}
}

func (w watch) start() {
	if w.timer != nil {
		w.timer.Reset(w.limit)
	}
}

func (w watch) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

// announceTrailers names the trailers that are known before the body and says
// how many there are.
func announceTrailers(header, trailer http.Header) int {
	names := make([]string, 0, len(trailer))
	for name := range trailer {
		if mayTrail(name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		header.Set("Trailer", strings.Join(names, ", "))
	}
	return len(names)
}

// setTrailers sends the trailers on; those that were not announced need
// net/http's prefix.
func setTrailers(header, trailer http.Header, announced int) {
	all := announced == len(trailer)
	for name, values := range trailer {
		if !mayTrail(name) {
			continue
		}
		if !all {
			name = http.TrailerPrefix + name
		}
		header[name] = values
	}
}
