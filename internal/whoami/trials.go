package whoami

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longest bounds what one request may ask for: a sample on the open internet
// must not be a way to pile up connections.
const longest = time.Minute

// sleep answers as usual after `for` (default 1 s).
func (s server) sleep(w http.ResponseWriter, r *http.Request) {
	wait, err := duration(r, "for", time.Second)
	if err != nil {
		writeText(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	if Pause(r.Context(), wait) {
		s.identify(w, r)
	}
}

// status answers with the status that the path asks for.
func status(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/status/"))
	if err != nil || code < 200 || code > 599 {
		writeText(w, http.StatusBadRequest, "want /status/N with N from 200 to 599\n")
		return
	}
	if code == http.StatusNoContent || code == http.StatusNotModified {
		w.WriteHeader(code) // these have no body
		return
	}
	writeText(w, code, fmt.Sprintf("%d %s\n", code, http.StatusText(code)))
}

// stream sends `ticks` (default 10) events, one `every` (default 1 s).
func (s server) stream(w http.ResponseWriter, r *http.Request) {
	ticks, every, err := rhythm(r)
	if err != nil {
		writeText(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	for n := 1; n <= ticks; n++ {
		if n > 1 && !Pause(r.Context(), every) {
			return
		}
		if _, err := fmt.Fprintf(w, "id: %d\ndata: tick %d of %d from %s\n\n", n, n, ticks, s.name); err != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
	}
}

func rhythm(r *http.Request) (ticks int, every time.Duration, err error) {
	every, err = duration(r, "every", time.Second)
	if err != nil {
		return 0, 0, err
	}
	ticks = 10
	if text := r.URL.Query().Get("ticks"); text != "" {
		ticks, err = strconv.Atoi(text)
	}
	if err != nil || ticks < 1 || ticks > 10_000 {
		return 0, 0, fmt.Errorf("ticks must be a number from 1 to 10000")
	}
	if time.Duration(ticks)*every > longest {
		return 0, 0, fmt.Errorf("a stream may last %s at most", longest)
	}
	return ticks, every, nil
}

func duration(r *http.Request, name string, or time.Duration) (time.Duration, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return or, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > longest {
		return 0, fmt.Errorf("%s must be a duration from 0s to %s, such as 2s", name, longest)
	}
	return d, nil
}

// Pause waits for d, and says whether ctx lasted that long.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
