package admin

import (
	"crypto/tls"
	"net/http"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// TargetsAnswer is the answer of /api/v1/targets: what the proxy serves now,
// sorted by id, wherever it was described, and how the files it comes from are.
type TargetsAnswer struct {
	Targets []TargetView `json:"targets"`
	Files   []FileView   `json:"files"`
}

// TargetView is a live Target.
type TargetView struct {
	ID        string         `json:"id"`               // compose:shop/web
	Source    string         `json:"source"`           // docker, file, library
	Matches   []MatchView    `json:"matches"`          // what it is asked for
	Closed    string         `json:"closed,omitempty"` // why every request is answered with 503
	TLS       *TLSView       `json:"tls,omitempty"`    // absent: it is not served over https
	Reasons   []ReasonView   `json:"reasons"`          // what is wrong with how it is served over https
	Conflicts []ConflictView `json:"conflicts"`        // matches that another Target claims too
	Upstreams []UpstreamView `json:"upstreams"`
	Held      int            `json:"held"`     // requests waiting for a ready Upstream
	Requests  uint64         `json:"requests"` // matched to it so far
}

// TLSView is how a Target is served over https.
type TLSView struct {
	Certificate string `json:"certificate"` // as the label has it
	Min         string `json:"min"`         // TLS 1.2, TLS 1.3
	ClientCA    string `json:"client_ca,omitempty"`
	HSTS        string `json:"hsts,omitempty"`  // Strict-Transport-Security
	Plain       bool   `json:"plain,omitempty"` // http is served as well
}

// MatchView is one claim on requests.
type MatchView struct {
	Text    string   `json:"text"` // as a person would type it
	Host    string   `json:"host"`
	Path    string   `json:"path,omitempty"`
	Entries []string `json:"entries,omitempty"` // listeners; absent: all for HTTP
	// Priority orders among the Targets of one host, higher first.
	Priority int `json:"priority,omitempty"`
}

// ConflictView is a match that two Targets claim.
type ConflictView struct {
	Match  string `json:"match"`
	Holder string `json:"holder"` // Target that has it
	Loser  string `json:"loser"`  // Target that was refused
}

// UpstreamView is one backend of a Target.
type UpstreamView struct {
	ID        string     `json:"id"`
	Container string     `json:"container,omitempty"`
	Name      string     `json:"name"`
	Address   string     `json:"address"`
	State     string     `json:"state"` // starting ready ejected resting draining gone
	Reason    string     `json:"reason,omitempty"`
	Since     *time.Time `json:"since,omitempty"` // in this state
	Weight    int        `json:"weight"`
	InFlight  int64      `json:"in_flight"`
	Requests  uint64     `json:"requests"` // restarts of the container included
}

func (s *Server) targets(w http.ResponseWriter, _ *http.Request) {
	answer := TargetsAnswer{Targets: []TargetView{}, Files: s.files()}
	for _, status := range s.options.Targets.Targets() {
		answer.Targets = append(answer.Targets, viewTarget(status))
	}
	s.answer(w, http.StatusOK, answer)
}

func viewTarget(status spec.TargetStatus) TargetView {
	view := TargetView{
		ID:        status.ID,
		Source:    status.Source,
		Matches:   []MatchView{},
		Closed:    status.Closed,
		Conflicts: []ConflictView{},
		Upstreams: []UpstreamView{},
		Held:      status.Held,
		Requests:  status.Requests,
		TLS:       viewTLS(status.TLS),
		Reasons:   viewFaults(status.Faults),
	}
	for _, match := range status.Matches {
		view.Matches = append(view.Matches, viewMatch(match))
	}
	for _, conflict := range status.Conflicts {
		view.Conflicts = append(view.Conflicts,
			ConflictView{Match: conflict.Match.String(), Holder: conflict.Holder, Loser: conflict.Loser})
	}
	for _, upstream := range status.Upstreams {
		view.Upstreams = append(view.Upstreams, viewUpstream(upstream))
	}
	return view
}

func viewTLS(s spec.ServerTLS) *TLSView {
	if !s.On() {
		return nil
	}
	return &TLSView{Certificate: s.Certificate, Min: tls.VersionName(s.Min), ClientCA: s.ClientCA, HSTS: s.HSTS, Plain: s.Plain}
}

func viewMatch(match spec.Match) MatchView {
	return MatchView{
		Text:     match.String(),
		Host:     match.Host.String(),
		Path:     match.Path.String(),
		Entries:  match.Entries,
		Priority: match.Priority,
	}
}

func viewUpstream(status spec.UpstreamStatus) UpstreamView {
	return UpstreamView{
		ID:        status.ID,
		Container: status.Container,
		Name:      status.Name,
		Address:   status.Address,
		State:     status.State.String(),
		Reason:    status.Reason,
		Since:     moment(status.Since),
		Weight:    status.Weight,
		InFlight:  status.InFlight,
		Requests:  status.Requests,
	}
}
