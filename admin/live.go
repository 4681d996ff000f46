package admin

import (
	"slices"

	"github.com/rota-proxy/rota/proxy/spec"
)

// liveTargets is the proxy's side at one moment, indexed for joining it with
// Verdicts. An Upstream is looked up inside its Target: a container that plays
// a part in two Targets may have the same Upstream in both.
type liveTargets struct {
	upstreams map[inTarget]spec.UpstreamStatus
	counts    map[inTarget]uint64
	disputes  map[string][]spec.Conflict
	refusals  map[string]bool
	faults    map[string][]spec.Fault
	closed    map[string]bool
}

// inTarget is the id of an Upstream or a container within a Target.
type inTarget struct{ target, id string }

func watchTargets(targets []spec.TargetStatus) liveTargets {
	live := liveTargets{
		upstreams: map[inTarget]spec.UpstreamStatus{},
		counts:    map[inTarget]uint64{},
		disputes:  map[string][]spec.Conflict{},
		refusals:  map[string]bool{},
		faults:    map[string][]spec.Fault{},
		closed:    map[string]bool{},
	}
	for _, target := range targets {
		for _, upstream := range target.Upstreams {
			live.upstreams[inTarget{target.ID, upstream.ID}] = upstream
			// The count is the container's, so its earlier lives that are still
			// draining show the same.
			container := inTarget{target.ID, upstream.Container}
			live.counts[container] = max(live.counts[container], upstream.Requests)
		}
		live.disputes[target.ID] = target.Conflicts
		live.refusals[target.ID] = allRefused(target)
		live.faults[target.ID] = target.Faults
		live.closed[target.ID] = target.Closed != ""
	}
	return live
}

// allRefused says whether every match of a Target is held by others.
func allRefused(target spec.TargetStatus) bool {
	for _, match := range target.Matches {
		if !slices.ContainsFunc(target.Conflicts, func(c spec.Conflict) bool {
			return c.Loser == target.ID && c.Match.Equal(match)
		}) {
			return false
		}
	}
	return len(target.Matches) > 0
}

func (l liveTargets) upstream(target, id string) (spec.UpstreamStatus, bool) {
	status, ok := l.upstreams[inTarget{target, id}]
	return status, ok
}

// requests are those a container got as part of a Target.
func (l liveTargets) requests(target, container string) uint64 {
	return l.counts[inTarget{target, container}]
}

// unreachable says whether everything the Target asks for is held by others.
func (l liveTargets) unreachable(target string) bool { return l.refusals[target] }

// conflicts are the findings of a Target about matches it shares with others.
// ownHost is what to type where its host was derived, else empty.
func (l liveTargets) conflicts(target, ownHost string) []ReasonView {
	var reasons []ReasonView
	for _, conflict := range l.disputes[target] {
		reasons = append(reasons, conflictReason(conflict, target, ownHost, l.unreachable(target)))
	}
	return reasons
}
