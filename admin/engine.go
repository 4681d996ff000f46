package admin

import (
	"net/url"
	"time"

	"github.com/rota-proxy/rota/discovery"
)

// EngineView is an engine as operators see it.
type EngineView struct {
	EngineReadiness
	Host       string `json:"host"`
	Version    string `json:"version,omitempty"`     // of the engine
	APIVersion string `json:"api_version,omitempty"` // spoken with it
	Error      string `json:"error,omitempty"`       // why it is not reachable
	Reconnects uint64 `json:"reconnects"`            // how often it was lost and found again
	Drift      uint64 `json:"drift"`                 // containers that events had not told of; should be 0
}

func (s *Server) engines(now time.Time) []EngineView {
	views := []EngineView{}
	for _, engine := range s.options.Engines {
		views = append(views, viewEngine(engine.Status(), now))
	}
	return views
}

func viewEngine(status discovery.EngineStatus, now time.Time) EngineView {
	view := EngineView{
		EngineReadiness: EngineReadiness{
			Name:      status.Name,
			Reachable: status.Reachable,
			Synced:    status.Synced,
			LastSync:  moment(status.LastSync),
		},
		Host:       withoutPassword(status.Host),
		Version:    status.EngineVersion,
		APIVersion: status.APIVersion,
		Error:      status.Error,
		Reconnects: status.Reconnects,
		Drift:      status.Drift,
	}
	if !status.Reachable && !status.StaleSince.IsZero() {
		view.StaleSince = moment(status.StaleSince)
		view.StaleSeconds = max(0, now.Sub(status.StaleSince).Round(time.Millisecond).Seconds())
	}
	return view
}

// moment is nil for a time that has not come, so that it is left out.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// withoutPassword hides what may stand before the host of a URL.
func withoutPassword(address string) string {
	if u, err := url.Parse(address); err == nil && u.User != nil {
		return u.Redacted()
	}
	return address
}
