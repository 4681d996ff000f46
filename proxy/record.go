package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/proxy/h1"
)

// record is what the access log says of one request. Every layer fills in what
// it knows; it is written once, when the request is over.
type record struct {
	begin    time.Time
	entry    string
	client   netip.Addr
	target   string
	upstream *Upstream // the last that was tried
	reason   string    // code of the proxy's own answer
	status   int
	bytes    int64
	attempts int
	held     time.Duration
	failure  error
}

// log writes the record. Query strings and fields that may carry secrets are
// left out; what the client sent is quoted by the log's encoder.
func (c *record) log(log *zerolog.Logger, r *http.Request) {
	e := log.Log().
		Str("entry", c.entry).Stringer("client", c.client).Str("method", r.Method).Str("host", r.Host).
		Str("path", r.URL.EscapedPath()).Str("proto", r.Proto).Int("status", c.status).Int64("bytes", c.bytes).
		Dur("ms", time.Since(c.begin))
	if c.target != "" {
		e = e.Str("target", c.target).Str("upstream", c.upstreamName()).Int("attempts", c.attempts)
	}
	if c.held > 0 {
		e = e.Dur("held_ms", c.held)
	}
	if c.reason != "" {
		e = e.Str("reason", c.reason)
	}
	if c.failure != nil && !errors.Is(c.failure, context.Canceled) {
		e = e.AnErr("error", c.failure)
	}
	e.Str("agent", r.UserAgent()).Msg("request")
}

func (c *record) upstreamName() string {
	if c.upstream == nil {
		return ""
	}
	return c.upstream.name()
}

// recorder counts what is written to the client.
type recorder struct {
	http.ResponseWriter
	record *record
}

// Unwrap lets http.ResponseController find what the writer beneath can do.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// relayRecorder is a recorder for a writer that can relay answers.
type relayRecorder struct {
	recorder
	relayer h1.Relayer
}

// newRecorder puts one in front of w.
func (in *inbound) newRecorder(w http.ResponseWriter) http.ResponseWriter {
	in.writer.recorder = recorder{w, &in.record}
	if relayer, ok := w.(h1.Relayer); ok {
		in.writer.relayer = relayer
		return &in.writer
	}
	return &in.writer.recorder
}

// Relay counts as well.
func (w *relayRecorder) Relay(a *h1.Answer, mayTrail func(string) bool) (int64, error) {
	w.record.status = a.Status()
	n, err := w.relayer.Relay(a, mayTrail)
	w.record.bytes += n
	return n, err
}

// WriteHeader notes the first final status.
func (w *recorder) WriteHeader(status int) {
	if w.record.status == 0 && status >= 200 {
		w.record.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts the body.
func (w *recorder) Write(p []byte) (int, error) {
	if w.record.status == 0 {
		w.record.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.record.bytes += int64(n)
	return n, err
}
