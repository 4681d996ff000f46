package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/versions"
)

// The API versions that are understood. The reads that rota does have been the
// same in all of them.
const (
	newestAPI     = "1.47"
	oldestAPI     = "1.24"
	engineVersion = "stand-in"
)

// handler routes the reads; all else is an engine's 404.
func (e *Engine) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_ping", ping)
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { reply(w, version()) })
	mux.HandleFunc("GET /events", e.getEvents)
	mux.HandleFunc("GET /containers/json", e.getContainers)
	mux.HandleFunc("GET /containers/{id}/json", e.getContainer)
	mux.HandleFunc("GET /networks", func(w http.ResponseWriter, _ *http.Request) { reply(w, e.networks()) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, errors.New("page not found"))
	})
	return versioned(mux)
}

// versioned cuts /v1.47 off and refuses versions that are not understood.
func versioned(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", newestAPI)
		w.Header().Set("Ostype", "linux")
		w.Header().Set("Docker-Experimental", "false")
		w.Header().Set("Server", "rota stand-in engine")
		version, rest := cutVersion(r.URL.Path)
		switch {
		case version == "":
		case versions.GreaterThan(version, newestAPI):
			refuse(w, http.StatusBadRequest, fmt.Errorf("client version %s is too new. Maximum supported API version is %s", version, newestAPI))
			return
		case versions.LessThan(version, oldestAPI):
			refuse(w, http.StatusBadRequest, fmt.Errorf("client version %s is too old. Minimum supported API version is %s", version, oldestAPI))
			return
		}
		r.URL.Path, r.URL.RawPath = rest, ""
		h.ServeHTTP(w, r)
	})
}

func cutVersion(path string) (version, rest string) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if len(first) < 2 || first[0] != 'v' || first[1] < '0' || first[1] > '9' {
		return "", path
	}
	return first[1:], "/" + rest
}

func ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache, no-store, must-revalidate")
	_, _ = w.Write([]byte("OK"))
}

func version() types.Version {
	v := types.Version{
		Version: engineVersion, APIVersion: newestAPI, MinAPIVersion: oldestAPI,
		GoVersion: runtime.Version(), Os: "linux", Arch: runtime.GOARCH,
	}
	v.Platform.Name = "rota stand-in engine"
	return v
}

// getContainers does not know filters, and says so rather than to answer with
// too much.
func (e *Engine) getContainers(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if f := query.Get("filters"); f != "" && f != "{}" {
		refuse(w, http.StatusBadRequest, errors.New("the stand-in engine lists containers without filters only"))
		return
	}
	reply(w, e.list(isTrue(query.Get("all"))))
}

func (e *Engine) getContainer(w http.ResponseWriter, r *http.Request) {
	c, err := e.inspect(r.PathValue("id"))
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	reply(w, c)
}

// isTrue reads a boolean as an engine does.
func isTrue(text string) bool {
	switch strings.ToLower(text) {
	case "", "0", "no", "false", "none":
		return false
	}
	return true
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // the client is gone: nobody is left to tell
}

// refuse answers with an engine's error, whose messages begin in upper case.
func refuse(w http.ResponseWriter, status int, err error) {
	message := err.Error()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": strings.ToUpper(message[:1]) + message[1:]})
}
