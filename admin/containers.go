package admin

import (
	"net/http"
	"time"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy/spec"
)

// ContainersAnswer is the answer of /api/v1/containers: every container of
// every engine, what its labels ask for and what has become of that.
type ContainersAnswer struct {
	Engines    []EngineView    `json:"engines"`
	Files      []FileView      `json:"files"`
	Containers []ContainerView `json:"containers"` // by engine, then name
}

// ContainerView is one container: its Verdict joined with what the proxy sees.
type ContainerView struct {
	Engine      string    `json:"engine"`
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Image       string    `json:"image"`
	Project     string    `json:"project,omitempty"` // of compose
	Service     string    `json:"service,omitempty"` // of compose
	Created     time.Time `json:"created"`
	EngineState string    `json:"engine_state"`     // created running paused restarting exited dead
	Health      string    `json:"health,omitempty"` // starting healthy unhealthy
	// Outcome sums up: routed, partly, "not routed", hidden.
	Outcome  string       `json:"outcome"`
	Requests uint64       `json:"requests"`
	Targets  []TargetPart `json:"targets"`
	// Reasons hold for the container as a whole, the decisive one first.
	Reasons []ReasonView `json:"reasons"`
}

// TargetPart is the part one container plays in one Target.
type TargetPart struct {
	Target   string   `json:"target"` // identity: compose:shop/web
	Hosts    []string `json:"hosts"`  // as a person would type them: shop.test/api
	Upstream string   `json:"upstream,omitempty"`
	Address  string   `json:"address,omitempty"`
	// State is the proxy's (starting, ready, ejected, resting, draining) while
	// it has the container as an Upstream, but "closed" if the Target lets nobody
	// in. Otherwise it is the engine's for one that does not run, and "not routed"
	// for one that does.
	State    string       `json:"state"`
	Since    *time.Time   `json:"since,omitempty"` // in the proxy's state
	Weight   int          `json:"weight"`
	InFlight int64        `json:"in_flight"`
	Requests uint64       `json:"requests"` // restarts included; 0 while the proxy does not have it
	Reasons  []ReasonView `json:"reasons"`  // the decisive one first
}

// The states that are neither the proxy's nor the engine's.
const (
	stateNotRouted = "not routed" // it runs, and no request can reach it
	stateClosed    = "closed"     // requests reach its Target and are refused there
)

// healthStarting is the engine's word for a HEALTHCHECK without a result.
const healthStarting = "starting"

func (s *Server) containers(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	live := watchTargets(s.options.Targets.Targets())
	answer := ContainersAnswer{Engines: s.engines(now), Files: s.files(), Containers: []ContainerView{}}
	for _, engine := range s.options.Engines {
		name := engine.Status().Name
		for _, verdict := range engine.Containers() {
			answer.Containers = append(answer.Containers, viewContainer(verdict, name, live, now))
		}
	}
	s.answer(w, http.StatusOK, answer)
}

func viewContainer(verdict discovery.Verdict, engine string, live liveTargets, now time.Time) ContainerView {
	view := ContainerView{
		Engine:      engine,
		ID:          verdict.ID,
		Name:        verdict.Name,
		Image:       verdict.Image,
		Project:     verdict.Project,
		Service:     verdict.Service,
		Created:     verdict.Created,
		EngineState: verdict.State,
		Health:      verdict.Health,
		Outcome:     string(verdict.Outcome),
		Targets:     []TargetPart{},
		Reasons:     viewReasons(verdict.Reasons),
	}
	refused := 0
	for _, target := range verdict.Targets {
		part := viewPart(verdict, target, live, now)
		if (live.unreachable(target.ID) || live.closed[target.ID]) && target.Routed() {
			refused++
		}
		view.Requests += part.Requests
		view.Targets = append(view.Targets, part)
	}
	view.Outcome = outcomeWithout(verdict, refused)
	return view
}

// outcomeWithout corrects a Verdict by what discovery cannot know: how many of
// the Targets it counts as routed get no request, because every match they
// claim is held by others or because they are closed.
func outcomeWithout(verdict discovery.Verdict, refused int) string {
	routed := -refused
	for _, target := range verdict.Targets {
		if target.Routed() {
			routed++
		}
	}
	switch {
	case refused == 0:
		return string(verdict.Outcome)
	case routed > 0:
		return string(discovery.Partly)
	}
	return string(discovery.NotRouted)
}

func viewPart(verdict discovery.Verdict, target discovery.TargetVerdict, live liveTargets, now time.Time) TargetPart {
	part := TargetPart{
		Target:   target.ID,
		Hosts:    append([]string{}, target.Matches...),
		Upstream: target.Upstream,
		Address:  target.Address,
		State:    stateWithoutProxy(verdict),
		Requests: live.requests(target.ID, verdict.ID),
		Reasons:  viewReasons(target.Reasons),
	}
	if upstream, ok := live.upstream(target.ID, target.Upstream); ok {
		part.join(upstream, verdict.Health == healthStarting, target.OwnHost, live, now)
	}
	if target.Upstream != "" {
		part.State = stateInTarget(target, live, part.State)
	}
	decisiveFirst(part.Reasons)
	return part
}

// stateInTarget is the state of an Upstream, unless its Target gets no requests:
// then it does not matter how the Upstream is.
func stateInTarget(target discovery.TargetVerdict, live liveTargets, state string) string {
	switch {
	case target.Unmatched || live.unreachable(target.ID):
		return stateNotRouted
	case target.Closed || live.closed[target.ID]:
		return stateClosed
	}
	return state
}

// join adds what the proxy knows of the Upstream. Conflicts and faults are said of
// those in it alone: what does not run has a nearer reason.
func (p *TargetPart) join(upstream spec.UpstreamStatus, checking bool, ownHost string, live liveTargets, now time.Time) {
	p.State, p.Since = upstream.State.String(), moment(upstream.Since)
	p.Weight, p.InFlight = upstream.Weight, upstream.InFlight
	p.Reasons = append(p.Reasons, reasonsOfUpstream(upstream, checking, p.Reasons, now)...)
	p.Reasons = append(p.Reasons, live.conflicts(p.Target, ownHost)...)
	p.Reasons = append(p.Reasons, viewFaults(live.faults[p.Target])...)
}

func stateWithoutProxy(verdict discovery.Verdict) string {
	if verdict.State == "" || verdict.State == "running" {
		return stateNotRouted
	}
	return verdict.State
}
