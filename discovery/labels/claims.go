package labels

import (
	"cmp"
	"fmt"

	"github.com/rota-proxy/rota/proxy/spec"
)

// claim fills in the requests that the Target claims: each host with its own
// path or, if it was written without one, with each of `path`. A Target that is
// described wrongly claims nothing, lest a lost condition make it claim more.
func (d *draft) claim() {
	hosts, hostLabel, pathLabel := d.hosts, d.label("host"), d.label("path")
	d.NeedsHost = hostLabel == nil && pathLabel == nil
	if hostLabel == nil && (pathLabel != nil || d.conditional()) {
		hosts = []hostRule{{host: spec.Host{Kind: spec.AnyHost}}}
	}
	own, cost := 0, d.cost(hosts)
	for _, rule := range hosts {
		if rule.hasPath {
			own++
		}
	}
	switch n := own + (len(hosts)-own)*max(1, len(d.paths)); {
	case pathLabel != nil && own > 0 && own == len(hosts):
		d.refuse(*pathLabel, "applies to no host, because each has a path of its own", "")
	case n > MaxMatches:
		d.refuse(d.widest(), fmt.Sprintf("makes %d matches of hosts and paths; a Target may claim %d", n, MaxMatches), "")
	case d.TargetBad:
	case !d.allowance.spendMatches(cost):
		d.refuse(d.widest(), fmt.Sprintf("makes matches of hosts, paths and conditions that cost %d, and all Targets of a container may cost %d together: leave some out, or write + or * instead of large counts in regular expressions",
			cost, MaxCost), "")
	default:
		d.Spec.Matches = d.combine(hosts)
	}
}

// widest is the label that most of a Target's matches come from: one of host
// and path, or without those the longest condition. That there are too many is
// never taken for a slip in a check, for the check itself is understood.
func (d *draft) widest() label {
	host, path := d.label("host"), d.label("path")
	widest := cmp.Or(host, path)
	switch {
	case widest == nil:
		widest = d.longestCondition()
	case path != nil && len(d.paths) > len(d.hosts):
		widest = path
	}
	l := *widest
	l.spoils = TargetWide
	return l
}

func (d *draft) longestCondition() *label {
	var longest *label
	for i, l := range d.taken {
		if l.option != nil && l.option.Section == Matching && (longest == nil || len(l.value) > len(longest.value)) {
			longest = &d.taken[i]
		}
	}
	return longest
}

// cost is what the Matches of hosts and paths will cost, worked out without
// making them.
func (d *draft) cost(hosts []hostRule) int {
	each, paths := d.match.Cost(), 0
	for _, p := range d.paths {
		paths += p.Cost()
	}
	cost := 0
	for _, rule := range hosts {
		if rule.hasPath || len(d.paths) == 0 {
			cost += each + rule.host.Cost() + rule.path.Cost()
		} else {
			cost += len(d.paths)*(each+rule.host.Cost()) + paths
		}
	}
	return cost
}

// conditional says whether there is a condition besides host and path.
func (d *draft) conditional() bool { return !d.match.Equal(spec.Match{}) }

// combine pairs hosts and paths, in the order they were written, each once.
func (d *draft) combine(hosts []hostRule) []spec.Match {
	type place struct {
		host spec.Host
		path spec.Path
	}
	var all []spec.Match
	seen := map[place]bool{}
	for _, rule := range hosts {
		for _, path := range d.pathsOf(rule) {
			if at := (place{rule.host, path}); !seen[at] {
				seen[at] = true
				match := d.match
				match.Host, match.Path = rule.host, path
				all = append(all, match)
			}
		}
	}
	return all
}

func (d *draft) pathsOf(rule hostRule) []spec.Path {
	if rule.hasPath || len(d.paths) == 0 {
		return []spec.Path{rule.path}
	}
	return d.paths
}
