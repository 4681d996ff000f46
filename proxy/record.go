package proxy

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// record is what the access log says of one request. Every layer fills in what
// it knows; it is written once, when the request is over.
type record struct {
	begin    time.Time
	entry    string
	client   string
	target   string
	upstream string
	reason   string // code of the proxy's own answer
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
		Str("entry", c.entry).Str("client", c.client).Str("method", r.Method).Str("host", r.Host).
		Str("path", r.URL.EscapedPath()).Str("proto", r.Proto).Int("status", c.status).Int64("bytes", c.bytes).
		Dur("ms", time.Since(c.begin))
	if c.target != "" {
		e = e.Str("target", c.target).Str("upstream", c.upstream).Int("attempts", c.attempts)
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

// recorder counts what is written to the client.
type recorder struct {
	http.ResponseWriter
	record *record
}

// Unwrap lets http.ResponseController find what the writer beneath can do.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

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
