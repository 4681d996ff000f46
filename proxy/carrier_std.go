package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// stdCarrier sends by net/http's Transport: for TLS and HTTP/2.
type stdCarrier struct {
	upstream  *Upstream
	transport *http.Transport
}

func (w *stdCarrier) closeIdle() { w.transport.CloseIdleConnections() }
func (w *stdCarrier) retire()    { w.transport.CloseIdleConnections() }

func (w *stdCarrier) send(x *exchange, a *attempt, c choice) (response, error) {
	a.std = true
	patience := &stdPatience{attempt: a, limit: x.patienceLeft()}
	patience.begin()
	defer patience.end()
	defer a.interim.end()
	res, err := w.transport.RoundTrip(x.stdRequest(a, c, patience))
	if err != nil {
		return nil, err
	}
	a.answered.Store(true)
	return &stdResponse{res: res, attempt: a, buffers: &x.target.buffers}, nil
}

// ask implements carrier.
func (w *stdCarrier) ask(ctx context.Context) error {
	u := w.upstream.spec.Load()
	r := (&http.Request{
		Method: http.MethodHead, URL: destination(u, "/", ""), Host: u.Address, Header: http.Header{"User-Agent": {askingAgent}},
	}).WithContext(withDialLimit(ctx, w.upstream.dialLimit(0, false)))
	res, err := w.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// stdRequest is the request as the Transport gets it.
func (x *exchange) stdRequest(a *attempt, c choice, patience *stdPatience) *http.Request {
	u := c.upstream.spec.Load()
	out := (&http.Request{
		Method: x.r.Method,
		URL:    destination(u, x.in.path, x.in.query),
		Host:   hostHeader(u, x.in),
		Header: x.in.stdHeader(),
		Close:  c.doubtful,
	}).WithContext(a.traced(withDialLimit(&a.life, x.dialLimit(c)), c.upstream))
	switch {
	case x.in.whole != nil:
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(x.in.whole)), int64(len(x.in.whole))
	case x.in.body != nil:
		view := x.in.body.view()
		view.progress = patience.renew
		out.Body, out.ContentLength = view, x.r.ContentLength
		if len(x.in.trailer) > 0 {
			trailer := maps.Clone(x.in.trailer)
			out.Trailer = trailer
			view.ended = func() { fillTrailers(trailer, x.r.Trailer) }
		}
	}
	return out
}

// stdHeader is the header for the Transport. Two things it would do by itself are
// prevented: it gives a request without User-Agent its own, and repeats a POST that
// carries an idempotency key, which it looks for in the canonical spelling only.
func (in *inbound) stdHeader() http.Header {
	h := make(http.Header, len(in.fields)+2)
	for _, f := range in.fields {
		name := f.Name
		switch name {
		case "Idempotency-Key", "X-Idempotency-Key":
			name = strings.ToLower(name)
		}
		h[name] = append(h[name], f.Value)
	}
	if _, named := h["User-Agent"]; !named {
		h["User-Agent"] = nil
	}
	if in.upgrade != "" {
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{in.upgrade}
	}
	return h
}

// traced makes the Transport tell how far the request gets.
func (a *attempt) traced(ctx context.Context, u *Upstream) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			a.reach(u)
			if conn := alone(info.Conn); conn != nil {
				conn.begin()
				a.conn.Store(conn)
			}
		},
		GotFirstResponseByte: func() { a.answered.Store(true) },
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			a.answered.Store(false) // that was not the answer
			return a.interim.Interim(code, http.Header(header))
		},
	})
}

// stdPatience ends an attempt whose answer does not come.
type stdPatience struct {
	attempt *attempt
	limit   time.Duration // 0: no bound
	timer   *time.Timer
}

func (p *stdPatience) begin() {
	if p.limit > 0 {
		p.timer = time.AfterFunc(p.limit, func() { p.attempt.cancel(errResponseTimeout) })
	}
}

// renew is called while the client's body is sent on: an Upstream cannot be
// expected to answer before it has it all.
func (p *stdPatience) renew() {
	if p.timer != nil && p.timer.Stop() {
		p.timer.Reset(p.limit)
	}
}

func (p *stdPatience) end() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// stdResponse is an answer that the Transport brought.
type stdResponse struct {
	res     *http.Response
	attempt *attempt
	buffers *copyBuffers
	buf     *[]byte
	late    *time.Timer
}

func (r *stdResponse) status() int          { return r.res.StatusCode }
func (r *stdResponse) header() http.Header  { return r.res.Header }
func (r *stdResponse) silent() bool         { return silentByNature(r.res.Header.Get("Content-Type")) }
func (r *stdResponse) length() int64        { return r.res.ContentLength }
func (r *stdResponse) trailer() http.Header { return r.res.Trailer }

func (r *stdResponse) next(stall time.Duration) ([]byte, error) {
	if r.buf == nil {
		r.buf = r.buffers.get()
	}
	r.watch(stall)
	n, err := r.res.Body.Read(*r.buf)
	if r.late != nil {
		r.late.Stop()
	}
	if n > 0 {
		return (*r.buf)[:n], nil // the error comes again
	}
	return nil, err
}

func (r *stdResponse) watch(stall time.Duration) {
	switch {
	case stall <= 0:
	case r.late == nil:
		r.late = time.AfterFunc(stall, func() { r.attempt.cancel(errStalled) })
	default:
		r.late.Reset(stall)
	}
}

func (r *stdResponse) hijack() (io.ReadWriteCloser, error) {
	backend, ok := r.res.Body.(io.ReadWriteCloser)
	if !ok {
		return nil, errors.New("the connection cannot be taken over")
	}
	return backend, nil
}

func (r *stdResponse) close() {
	_ = r.res.Body.Close()
	if r.buf != nil {
		r.buffers.put(r.buf)
		r.buf = nil
	}
}

// newStdCarrier is a carrier for schemes that the engine does not speak itself.
func (s *Upstreams) newStdCarrier(u *Upstream, d spec.Upstream, idle time.Duration) (carrier, error) {
	t, err := newTransport(d, u.dialer, idle, s.certificate)
	if err != nil {
		return nil, err
	}
	return &stdCarrier{u, t}, nil
}
