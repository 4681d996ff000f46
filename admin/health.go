package admin

import (
	"net/http"
	"time"
)

// Health is the answer of /healthz: the process is alive and answers. It says
// nothing of engines: a proxy that has lost its engine goes on serving what it
// knows, and restarting it would only lose that.
type Health struct {
	Status string `json:"status"` // "ok"
}

// Readiness is the answer of /readyz: 200 once every engine has been read in
// full, 503 before. It stays 200 when an engine is lost later; the body says so.
type Readiness struct {
	Ready   bool              `json:"ready"`
	Engines []EngineReadiness `json:"engines"`
}

// EngineReadiness is what anybody may know of an engine.
type EngineReadiness struct {
	Name      string `json:"name"`
	Reachable bool   `json:"reachable"`
	Synced    bool   `json:"synced"` // has been read in full since rota started
	// StaleSince is when the engine was lost; what is served since then is the
	// last known state. Absent while it is reachable.
	StaleSince   *time.Time `json:"stale_since,omitempty"`
	StaleSeconds float64    `json:"stale_seconds,omitempty"`
	LastSync     *time.Time `json:"last_sync,omitempty"` // when all of it was read last
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, http.StatusOK, Health{Status: "ok"})
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	readiness := s.readiness(time.Now())
	status := http.StatusOK
	if !readiness.Ready {
		status = http.StatusServiceUnavailable
	}
	s.answer(w, status, readiness)
}

func (s *Server) readiness(now time.Time) Readiness {
	readiness := Readiness{Ready: true, Engines: []EngineReadiness{}}
	for _, engine := range s.options.Engines {
		one := viewEngine(engine.Status(), now).EngineReadiness
		readiness.Engines = append(readiness.Engines, one)
		readiness.Ready = readiness.Ready && one.Synced
	}
	return readiness
}
