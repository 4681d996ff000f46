package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rota-proxy/rota/proxy/h1"
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
func (x *exchange) relay(a *attempt, res response) outcome {
	status := res.status()
	if status == http.StatusSwitchingProtocols {
		return x.switchProtocols(a, res)
	}
	if status < 200 || status > 999 {
		return outcome{failed, fmt.Errorf("the Upstream answered with the status %03d", status)}
	}
	x.in.debugHeaders(x.w.Header)
	err := x.relayWhole(a, res)
	if err != nil {
		x.in.record.failure = err
		panic(http.ErrAbortHandler)
	}
	return outcome{kind: answered}
}

// relayWhole sends head and body: as they are if both sides are the engine's.
func (x *exchange) relayWhole(a *attempt, res response) error {
	own, ours := res.(*ownResponse)
	relayer, able := x.w.(h1.Relayer)
	if !ours || !able {
		return x.relayCopy(a, res)
	}
	own.answer.Stall = x.bodyStall(res)
	_, err := relayer.Relay(own.answer, mayTrail)
	if err != nil {
		return a.relayError(err)
	}
	return nil
}

// relayError says in our words which side failed.
func (a *attempt) relayError(err error) error {
	var client *h1.ClientError
	if errors.As(err, &client) {
		return &clientError{client.Err}
	}
	return &upstreamBodyError{a.causeOr(err)}
}

// relayCopy sends head and body through the interface that every server has.
func (x *exchange) relayCopy(a *attempt, res response) error {
	header := x.w.Header()
	received := res.header()
	stripHopByHop(received)
	for name, values := range received {
		if _, own := header[name]; !own {
			header[name] = values
		}
	}
	if res.status() == http.StatusNoContent {
		delete(header, "Content-Length") // RFC 9110 section 8.6; HTTP/1.1 servers see to it themselves
	}
	if _, typed := header["Content-Type"]; !typed {
		header["Content-Type"] = nil // or net/http would guess one
	}
	announced := announceTrailers(header, res.trailer())
	x.w.WriteHeader(res.status())
	if err := x.copyBody(a, res); err != nil {
		return err
	}
	setTrailers(header, res.trailer(), announced)
	return nil
}

// copyBody streams the body. Every piece is sent on as it comes: whoever sends
// slowly does so for a reason.
func (x *exchange) copyBody(a *attempt, res response) error {
	stall := x.bodyStall(res)
	out := clientWriter{x.w, http.NewResponseController(x.w), stall}
	if res.length() < 0 {
		// A stream may stay silent for long after its head.
		if err := out.send(nil, true); err != nil {
			return err
		}
	}
	for {
		p, err := res.next(stall)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &upstreamBodyError{a.causeOr(err)}
		}
		if err := out.send(p, true); err != nil {
			return err
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
func (x *exchange) bodyStall(res response) time.Duration {
	if x.def.Timeout.Stall <= 0 || res.silent() {
		return 0
	}
	return x.def.Timeout.Stall
}

// silentByNature says whether a Content-Type is that of an event stream or gRPC.
func silentByNature[T string | []byte](contentType T) bool {
	const events = "text/event-stream"
	if hasPrefixFold(contentType, events) {
		return len(contentType) == len(events) || strings.IndexByte("; \t", contentType[len(events)]) >= 0
	}
	return hasPrefixFold(contentType, grpcType)
}

// hasPrefixFold compares with a prefix in lower case.
func hasPrefixFold[T string | []byte](s T, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
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
func (a *attempt) causeOr(err error) error {
	if cause := a.life.Err(); cause != nil {
		return cause
	}
	return err
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

// announcedTrailers are the names in Trailer fields, for the values to come.
func announcedTrailers(lists []string) http.Header {
	trailer := http.Header{}
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			trailer[http.CanonicalHeaderKey(strings.TrimSpace(name))] = nil
		}
	}
	return trailer
}
