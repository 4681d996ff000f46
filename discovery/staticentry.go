package discovery

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/proxy/spec"
)

// SourceFile is the Source of static Targets, and the kind of their identities:
// `file:NAME`.
const SourceFile = "file"

// staticMemory is what is remembered of a static Target while its entry is in
// the file.
type staticMemory struct {
	spec    spec.Target // the last good definition, Upstreams in order of ID
	defined bool        // there has been one
	guarded bool        // it restricts access
	closed  string      // why it lets nobody in; spec.Closed may come from a later entry
}

// staticFinding is a Reason and the place in the file that it is about.
type staticFinding struct {
	at labels.Place
	Reason
}

// staticAssembler turns entries of a file into Targets. It is pure.
type staticAssembler struct {
	hosts     hostTemplate
	listeners listeners
	around    surroundings
}

// askedTarget is what an entry says now.
type askedTarget struct {
	labels.Target
	upstreams []spec.Upstream
	// bad: a part of it cannot be used, so the whole does not hold. A wrong check
	// alone is no such part: it holds, and lets nobody in.
	bad bool
}

// assemble describes one entry from what the file says now and from what it said
// when that was good last. An entry holds as a whole or not at all.
func (a staticAssembler) assemble(e staticEntry, last staticMemory) (staticMemory, []staticFinding) {
	asked := a.decode(e)
	next := last
	if !asked.bad {
		next = staticMemory{spec: asked.Spec, defined: true, guarded: asked.Guarded, closed: asked.Spec.Closed}
		next.spec.Source, next.spec.Upstreams = SourceFile, asked.upstreams
	}
	next.spec.Closed = cmp.Or(closedBy(asked, last), next.closed)
	found := problemFindings(e, asked)
	if next.defined {
		found = append(found, a.entryFindings(e, next.spec.Matches)...)
	}
	return next, append(found, consequences(e, next, asked.bad)...)
}

// decode reads the entry's URLs and options. Whatever is wrong is in Problems.
func (a staticAssembler) decode(e staticEntry) askedTarget {
	var problems []labels.Problem
	addresses := make([]staticAddress, len(e.upstreams))
	settings := make([]labels.StaticUpstream, len(e.upstreams))
	for i, u := range e.upstreams {
		address, err := a.address(u)
		if err != nil {
			problems = append(problems, urlProblem(u, err))
		}
		addresses[i] = address
		settings[i] = labels.StaticUpstream{Scheme: address.scheme, Settings: u.settings}
	}
	target, each := labels.DecodeStatic(e.settings, settings)
	asked := askedTarget{Target: target}
	for i, address := range addresses {
		u := a.around.upstream(address, each[i])
		if slices.ContainsFunc(asked.upstreams, func(o spec.Upstream) bool { return o.ID == u.ID }) && u.Scheme != "" {
			problems = append(problems, urlProblem(e.upstreams[i], urlFault{reason: "is there twice; a greater share is said by `weight`"}))
		}
		asked.upstreams = append(asked.upstreams, u)
	}
	slices.SortFunc(asked.upstreams, func(x, y spec.Upstream) int { return strings.Compare(x.ID, y.ID) })
	asked.bad = len(e.problems)+len(problems) > 0 || target.TargetBad || target.UpstreamBad
	asked.Problems = slices.Concat(e.problems, problems, target.Problems)
	if target.NeedsHost && !asked.bad {
		a.deriveHost(e, &asked)
	}
	return asked
}

func (a staticAssembler) address(u staticUpstream) (staticAddress, error) {
	address, err := parseStaticURL(u.url)
	if err == nil && a.around.isOwn(address.host, address.port) {
		err = urlFault{reason: "is rota's own listener"}
	}
	return address, err
}

// urlProblem shows a URL only if it cannot hold a password.
func urlProblem(u staticUpstream, err error) labels.Problem {
	var fault urlFault
	_ = errors.As(err, &fault)
	p := labels.Problem{Label: shown(u.url), Reason: fault.reason, Nearest: shown(fault.nearest), At: u.at}
	if strings.Contains(u.url, "@") {
		p.Label, p.Nearest = "the URL", ""
	}
	if p.Fix = "write a URL like http://10.0.0.7:8080"; p.Nearest != "" {
		p.Fix = "write " + p.Nearest
	}
	return p
}

// deriveHost gives the Target the default host, as if it were a service.
func (a staticAssembler) deriveHost(e staticEntry, asked *askedTarget) {
	host, err := a.hosts.host(container{Name: e.name})
	if err != nil {
		asked.bad = true
		asked.Problems = append(asked.Problems, labels.Problem{
			Reason: fmt.Sprintf("no host is given and none can be derived: %v", err), Fix: "host: " + exampleHost, At: e.at,
		})
		return
	}
	asked.Spec.Matches = withHost(asked.Spec.Matches, host)
}

// closedBy is why an entry shuts whatever definition is used: a check of its own
// is wrong, or an earlier definition would stay open in place of one.
func closedBy(asked askedTarget, last staticMemory) string {
	switch {
	case asked.AccessBad:
		return cmp.Or(asked.Spec.Closed, "an access option cannot be understood")
	case asked.bad && asked.Guarded && !last.guarded:
		return "the entry restricts access now, cannot be used because of another option, and the earlier definition is open"
	}
	return ""
}

// problemFindings are what is wrong with an entry, in the order of the file.
func problemFindings(e staticEntry, asked askedTarget) []staticFinding {
	reasons := targetProblems(labels.Target{Problems: asked.Problems, AccessBad: asked.AccessBad})
	all := make([]staticFinding, len(reasons))
	for i, p := range asked.Problems {
		all[i] = staticFinding{p.At, reasons[i]}
		all[i].Text = e.name + ": " + problemText(p)
		if p.Fix == "" && p.Label == "" {
			all[i].Fix = ""
		}
	}
	slices.SortStableFunc(all, func(x, y staticFinding) int {
		return cmp.Or(cmp.Compare(x.at.Line, y.at.Line), cmp.Compare(x.at.Column, y.at.Column))
	})
	return all
}

// problemText is a Problem as one line, of which each part may be missing.
func problemText(p labels.Problem) string {
	text := p.Reason
	switch {
	case p.Value != "":
		return p.String()
	case p.Label != "":
		text = fmt.Sprintf("%s %s", p.Label, p.Reason)
	}
	if p.Nearest != "" {
		text += " (nearest: " + p.Nearest + ")"
	}
	return text
}

// entryFindings name listeners that are asked for and do not exist.
func (a staticAssembler) entryFindings(e staticEntry, matches []spec.Match) []staticFinding {
	missing := a.listeners.missing(matches)
	if len(missing) == 0 {
		return nil
	}
	reason := a.listeners.noSuch(missing)
	if a.listeners.unmatched(matches) {
		reason.Severity = Error
	}
	reason.Text = e.name + ": " + reason.Text
	return []staticFinding{{e.placeOf("entry"), reason}}
}

// placeOf is where the entry sets an option, or where it begins.
func (e staticEntry) placeOf(key string) labels.Place {
	for _, s := range e.settings {
		if s.Key == key {
			return s.At
		}
	}
	return e.at
}

// consequences say what follows from an entry's problems.
func consequences(e staticEntry, next staticMemory, bad bool) []staticFinding {
	var all []staticFinding
	add := func(r Reason) {
		r.Text = e.name + ": " + r.Text
		all = append(all, staticFinding{e.at, r})
	}
	switch {
	case bad && next.defined:
		add(Reason{
			Code: CodeKeptLastGood, Severity: Warning,
			Text: "it keeps its last good definition; that will not survive a restart of rota",
			Fix:  "mend the entry before that",
		})
	case bad:
		add(Reason{
			Code: CodeNoDefinition, Severity: Error,
			Text: "the Target is not created: its entry is wrong, and there is no earlier definition",
		})
	}
	if next.defined && next.spec.Closed != "" {
		add(Reason{
			Code: CodeClosed, Severity: Error,
			Text: "every request is answered with 503: " + next.spec.Closed,
			Fix:  "mend that option, or remove it to open the Target to everybody",
		})
	}
	return all
}
