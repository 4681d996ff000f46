// Package whoami is the sample upstream: an HTTP server that says who it is and
// what it was asked, so that rotation, headers and timeouts can be seen with
// curl alone. `rota whoami` runs it in a container, the stand-in engine runs it
// inside its own process.
package whoami

import (
	"net/http"
	"os"
	"strings"
)

// Handler answers every path with who it is, but for four that behave:
//
//	/health               200
//	/status/503           that status (200–599)
//	/sleep?for=2s         waits, 60 s at most, then answers as usual
//	/stream?ticks=10&every=1s   an event stream, 60 s at most
//
// name is what it calls itself; empty means the host name. It is safe for
// concurrent use and keeps nothing.
func Handler(name string) http.Handler {
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "unknown"
	}
	if name == "" {
		name = hostname
	}
	return server{hostname: hostname, name: name}
}

type server struct{ hostname, name string }

// ServeHTTP does without http.ServeMux, which would answer `//x` and `/a/../b`
// with a redirect: a sample upstream has to show the path it was sent.
func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/health":
		writeText(w, http.StatusOK, "ok\n")
	case r.URL.Path == "/sleep":
		s.sleep(w, r)
	case r.URL.Path == "/stream":
		s.stream(w, r)
	case strings.HasPrefix(r.URL.Path, "/status/"):
		status(w, r)
	default:
		s.identify(w, r)
	}
}

func (s server) identify(w http.ResponseWriter, r *http.Request) {
	a, err := s.answer(r)
	if err != nil {
		writeText(w, http.StatusBadRequest, "reading the body: "+err.Error()+"\n")
		return
	}
	if wantsJSON(r) {
		a.writeJSON(w)
		return
	}
	writeText(w, http.StatusOK, a.String())
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client is gone: nobody is left to tell
}
