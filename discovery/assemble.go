package discovery

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/proxy/spec"
)

// identity names the Target that one Target of a container's labels belongs
// to. Containers with the same identity are replicas; kinds never merge.
func identity(c container, d labels.Decoded, target string) string {
	id := "container:" + c.Name
	switch project, service := c.project(), c.Labels[labelService]; {
	case d.Name != "":
		id = "name:" + d.Name
	case project != "" && service != "":
		id = "compose:" + project + "/" + service
	}
	if target != "" {
		id += "/" + target
	}
	return id
}

// replica is one container's part in one Target.
type replica struct {
	container
	Owner     *container    // whose network it lives on; nil: its own
	Asked     labels.Target // what its labels say of this Target
	Signalled bool          // it was told to stop
}

// memory is what is remembered of a Target between two assemblies.
type memory struct {
	// Spec is the last definition, with the Upstreams of then in order of ID.
	Spec spec.Target
	// Defined is false until there has been a good definition.
	Defined bool
	// Guarded: the definition restricts access.
	Guarded bool
	// Closed is why the definition by itself lets nobody in. Spec.Closed may
	// come from labels that were passed over as well, and ends with them.
	Closed string
	// Derived: its host comes from the template, not from a label.
	Derived bool
	// Owner is the project whose labels define the Target.
	Owner string
}

// assembler turns containers into a Target. It is pure: the same input gives
// the same answer, nothing is asked, nothing is timed.
type assembler struct {
	Engine  string
	Hosts   hostTemplate
	Entries listeners
	Outlook outlook
}

// assemble describes one identity from its containers, whether running or not,
// and from what it was last. The verdicts are in the order of replicas.
func (a assembler) assemble(id string, replicas []replica, last memory) (memory, []TargetVerdict) {
	next := memory{Owner: ownerOf(replicas, last)}
	definition, found := a.define(next.Owner, replicas, last)
	next.Spec, next.Defined = definition.spec, definition.defined
	next.Guarded, next.Closed, next.Derived = definition.guarded, definition.closed, definition.derived
	next.Spec.ID, next.Spec.Source = id, a.Engine
	next.Spec.Upstreams = nil
	verdicts := make([]TargetVerdict, len(replicas))
	for i, r := range replicas {
		v := TargetVerdict{
			ID: id, Matches: matchTexts(next.Spec.Matches),
			Unmatched: a.Entries.unmatched(next.Spec.Matches), Closed: next.Spec.Closed != "",
		}
		// The label that is wrong first, then what follows from it.
		v.Reasons = append(targetProblems(r.Asked), definitionReasons(r, next.Owner, definition, found)...)
		v.Reasons = append(v.Reasons, a.entryReasons(r, next.Owner, next.Spec.Matches)...)
		if definition.derived && r.project() == next.Owner {
			v.OwnHost = a.ownHost(r, next.Spec.Matches[0].Host)
		}
		if u, usable := a.upstream(r, a.addressOf(r, last), &v); usable && next.Defined {
			next.Spec.Upstreams = append(next.Spec.Upstreams, u)
			v.Upstream = u.ID
		}
		verdicts[i] = v
	}
	next.Spec.Unreachable = len(next.Spec.Upstreams) == 0 && slices.ContainsFunc(replicas, replica.alive)
	slices.SortFunc(next.Spec.Upstreams, func(x, y spec.Upstream) int { return strings.Compare(x.ID, y.ID) })
	return next, verdicts
}

// ownerOf is the project whose labels count: the one it was, as long as it has
// a container, then that of the oldest container alive.
func ownerOf(replicas []replica, last memory) string {
	for _, r := range replicas {
		if last.Defined && r.project() == last.Owner {
			return last.Owner
		}
	}
	oldest := slices.SortedFunc(slices.Values(replicas), func(x, y replica) int { return -younger(x, y) })
	for _, r := range oldest {
		if r.alive() {
			return r.project()
		}
	}
	return last.Owner
}

// younger sorts the container that was created last to the front.
func younger(x, y replica) int {
	return cmp.Or(y.Created.Compare(x.Created), strings.Compare(y.ID, x.ID))
}

// definition is what a Target is to be, and where that comes from.
type definition struct {
	spec    spec.Target
	defined bool
	guarded bool
	closed  string // why the labels it is made of let nobody in
	derived bool   // no label names its host
	// bad are the containers whose own labels were passed over, and why.
	bad map[string]Reason
}

// define finds the youngest container of the owning project whose Target-wide
// labels hold. If none does, what was good before stays, but never in place of
// a check that the labels passed over ask for. found is false if nobody is
// there to define anything.
func (a assembler) define(owner string, replicas []replica, last memory) (d definition, found bool) {
	d = definition{
		spec: last.Spec, defined: last.Defined, guarded: last.Guarded, closed: last.Closed, derived: last.Derived, bad: map[string]Reason{},
	}
	closed, wantsGuard := "", false
	for _, r := range slices.SortedFunc(slices.Values(replicas), younger) {
		if r.project() != owner || !r.alive() {
			continue
		}
		found = true
		if r.Asked.AccessBad {
			closed = cmp.Or(r.Asked.Spec.Closed, "an access option cannot be understood")
		}
		asked, reason := a.asked(r)
		if reason == nil {
			d.spec, d.defined, d.guarded, d.closed, d.derived = asked, true, r.Asked.Guarded, asked.Closed, r.Asked.NeedsHost
			break
		}
		d.bad[r.ID] = *reason
		wantsGuard = wantsGuard || r.Asked.Guarded
	}
	if !found {
		return d, false
	}
	if wantsGuard && !d.guarded && closed == "" {
		closed = "newer labels restrict access, cannot be used because of another option, and the earlier definition is open"
	}
	d.spec.Closed = cmp.Or(closed, d.closed)
	d.spec.Created = firstCreated(replicas, last)
	return d, true
}

// asked is the Target as r's labels have it, with its host filled in, or the
// Reason why they do not count. Which labels are wrong is said by their Problems.
func (a assembler) asked(r replica) (spec.Target, *Reason) {
	if r.Asked.TargetBad {
		return spec.Target{}, &Reason{Code: CodeBadOption}
	}
	t := r.Asked.Spec
	if !r.Asked.NeedsHost {
		return t, nil
	}
	host, err := a.Hosts.host(r.container)
	if err != nil {
		return spec.Target{}, a.badHost(r, err)
	}
	t.Matches = withHost(t.Matches, host)
	return t, nil
}

// withHost gives a host to matches that have conditions only, or makes one.
func withHost(matches []spec.Match, host spec.Host) []spec.Match {
	if len(matches) == 0 {
		return []spec.Match{{Host: host}}
	}
	given := slices.Clone(matches)
	for i := range given {
		given[i].Host = host
	}
	return given
}

func (a assembler) badHost(r replica, err error) *Reason {
	return &Reason{
		Code: CodeBadHost, Severity: Error,
		Text: fmt.Sprintf("no host is given and none can be derived: %v", err),
		Fix:  a.label(r, "host", exampleHost),
	}
}

// firstCreated keeps a Target's age: it decides between Targets that claim the
// same requests, and scaling must not change it.
func firstCreated(replicas []replica, last memory) time.Time {
	if last.Defined {
		return last.Spec.Created
	}
	var first time.Time
	for _, r := range replicas {
		if first.IsZero() || r.Created.Before(first) {
			first = r.Created
		}
	}
	return first
}

// addressOf is where r has been reached so far in this life, invalid if it has
// not been.
func (a assembler) addressOf(r replica, last memory) netip.Addr {
	life := a.upstreamID(r, "")
	i, _ := slices.BinarySearchFunc(last.Spec.Upstreams, life, func(u spec.Upstream, id string) int { return strings.Compare(u.ID, id) })
	if i == len(last.Spec.Upstreams) || !strings.HasPrefix(last.Spec.Upstreams[i].ID, life) {
		return netip.Addr{}
	}
	at, _ := netip.ParseAddrPort(last.Spec.Upstreams[i].Address)
	return at.Addr()
}

// upstream is r's backend. kept is where it has been reached so far. What speaks against it, or is worth knowing, goes
// into the verdict.
func (a assembler) upstream(r replica, kept netip.Addr, v *TargetVerdict) (spec.Upstream, bool) {
	if !r.alive() {
		return spec.Upstream{}, false
	}
	if r.Asked.UpstreamBad {
		return spec.Upstream{}, false
	}
	w, noWay := a.Outlook.wayTo(r.container, r.Owner, r.Asked.Upstream, kept)
	if noWay != nil {
		v.Reasons = append([]Reason{*noWay}, v.Reasons...)
		return spec.Upstream{}, false
	}
	v.Address = w.Addr.String()
	v.Reasons = append(v.Reasons, ownerRestarted(r.container, r.Owner)...)
	v.Reasons = append(v.Reasons, w.Notes...)
	u := spec.Upstream{
		ID:         a.upstreamID(r, v.Address),
		Container:  r.ID,
		Name:       r.Name,
		Scheme:     r.Asked.Upstream.Scheme,
		Address:    v.Address,
		Local:      w.Local,
		Relayed:    w.Relayed,
		Base:       r.Asked.Upstream.Base,
		Weight:     r.Asked.Upstream.Weight,
		HostHeader: r.Asked.Upstream.HostHeader,
		TLS:        r.Asked.Upstream.TLS,
		Phase:      r.phase(),
	}
	if u.Scheme == spec.HTTPS && u.TLS.Name == "" {
		u.TLS.Name = r.service()
	}
	return u, true
}

// upstreamID changes with everything that ends a backend's life: a restart of
// the container or of the one whose network it lives on, another address.
func (a assembler) upstreamID(r replica, address string) string {
	started := r.StartedAt
	if r.Owner != nil && r.Owner.StartedAt.After(started) {
		started = r.Owner.StartedAt
	}
	return fmt.Sprintf("%s/%s@%d/%s", a.Engine, short(r.ID), started.UnixNano(), address)
}

// phase is what the engine knows of a living container. Frozen wins, because a
// frozen process answers nobody, not even in need.
func (r replica) phase() spec.Phase {
	switch {
	case r.State == statePaused:
		return spec.Paused
	case r.Signalled:
		return spec.Signalled
	case r.Health == "starting":
		return spec.Checking
	case r.Health == "unhealthy":
		return spec.Unhealthy
	}
	return spec.Running
}

// definitionReasons say how r's labels and the Target's definition relate.
func definitionReasons(r replica, owner string, d definition, found bool) []Reason {
	if !found || !r.alive() {
		return nil
	}
	var all []Reason
	if bad, is := d.bad[r.ID]; is {
		all = append(all, standIn(bad, d)...)
	}
	if d.spec.Closed != "" {
		all = append(all, Reason{
			Code: CodeClosed, Severity: Error,
			Text: "every request is answered with 503: " + d.spec.Closed,
			Fix:  "mend that option, or remove it to open the service to everybody",
		})
	}
	if r.project() != owner {
		all = append(all, Reason{
			Code: CodeForeign, Severity: Note,
			Text: fmt.Sprintf("the Target is defined by the project %q: of these labels only those of the upstream count", owner),
		})
	}
	return all
}

// standIn says what a container whose labels do not count serves under. What is
// wrong with them stands before it.
func standIn(bad Reason, d definition) []Reason {
	var all []Reason
	if bad.Code == CodeBadHost {
		all = append(all, bad)
	}
	switch {
	case d.defined:
		all = append(all, Reason{
			Code: CodeKeptLastGood, Severity: Warning,
			Text: "it keeps its last good definition; that will not survive a restart of rota",
			Fix:  "mend the label before that, and create the container anew",
		})
	case bad.Code != CodeBadHost:
		all = append(all, Reason{
			Code: CodeNoDefinition, Severity: Error,
			Text: "the Target is not created: its labels are wrong, and there is no earlier definition",
		})
	}
	return all
}

// problemReasons turns what is wrong with labels into Reasons.
func problemReasons(problems []labels.Problem) []Reason {
	all := make([]Reason, len(problems))
	for i, p := range problems {
		all[i] = problemReason(p)
	}
	return all
}

// targetProblems is problemReasons for one Target, where a label may guard.
func targetProblems(asked labels.Target) []Reason {
	all := problemReasons(asked.Problems)
	if asked.AccessBad {
		for i, p := range asked.Problems {
			if p.Fix == "" && !p.Warning {
				all[i].Fix += " (if it guards the service, that opens it to everybody)"
			}
		}
	}
	return all
}

// problemReason is one of them. Where there is nothing right to write, as for an
// option that is still to come, the remedy is to do without.
func problemReason(p labels.Problem) Reason {
	if p.Fix == "" && !p.Warning {
		p.Fix = "remove " + p.Label
	}
	r := Reason{Code: CodeBadOption, Severity: Error, Text: p.String(), Fix: p.Fix, Label: p.Key, OfValue: p.OfValue}
	if p.Warning {
		r.Code, r.Severity = CodeOddOption, Warning
	}
	return r
}

func matchTexts(matches []spec.Match) []string {
	texts := make([]string, len(matches))
	for i, m := range matches {
		texts[i] = m.String()
	}
	return texts
}
