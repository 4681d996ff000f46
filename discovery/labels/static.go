package labels

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rota-proxy/rota/proxy/spec"
)

// Place is where something stands in a file; both count from 1.
type Place struct{ Line, Column int }

// Setting is one option of a static Target as a file has it: the key without
// prefix and Target, `timeout.dial`.
type Setting struct {
	Key   string
	Value string
	// List, unless it is nil, stands in place of Value: the items of a list.
	List []string
	// Fault, unless it is empty, is why the file has no value for the key.
	Fault string
	At    Place
}

// StaticUpstream is what a file says of one Upstream.
type StaticUpstream struct {
	Scheme   spec.Scheme // of its URL
	Settings []Setting   // beside its URL
}

// DecodeStatic reads one Target of a file by the same table as labels. What the
// Target says of Upstreams holds for each one that does not say otherwise; they
// are returned in the order given. Whatever is wrong comes out as a Problem and,
// in the Bad fields, as what it spoils. Settings in another order mean the same.
func DecodeStatic(settings []Setting, upstreams []StaticUpstream) (Target, []Upstream) {
	d := newStaticDraft(newAllowance())
	d.takeSettings(settings, theGrammar.readStatic)
	all := make([]Upstream, len(upstreams))
	anyTLS := false
	for i, u := range upstreams {
		all[i] = d.takeUpstream(u)
		anyTLS = anyTLS || u.Scheme == spec.HTTPS
	}
	if !anyTLS {
		d.warnUnusedTLS()
	}
	return d.finish(""), all
}

func newStaticDraft(a *allowance) *draft {
	d := newDraft("", a)
	d.static = true
	return d
}

// takeUpstream reads the settings of one Upstream on top of the Target's.
func (d *draft) takeUpstream(u StaticUpstream) Upstream {
	own := newStaticDraft(d.allowance)
	own.Upstream = d.Upstream
	own.Upstream.Scheme = u.Scheme
	own.takeSettings(u.Settings, theGrammar.readOfUpstream)
	if u.Scheme != spec.HTTPS {
		own.warnUnusedTLS()
	}
	d.Problems = append(d.Problems, own.Problems...)
	d.Guarded = d.Guarded || own.Guarded
	d.AccessBad = d.AccessBad || own.AccessBad
	d.TargetBad = d.TargetBad || own.TargetBad
	d.UpstreamBad = d.UpstreamBad || own.UpstreamBad
	d.Spec.Closed = cmp.Or(d.Spec.Closed, own.Spec.Closed)
	return own.Upstream
}

// takeSettings reads settings in order of key, so that their order in the file
// is nobody's business.
func (d *draft) takeSettings(settings []Setting, read func(key string) reading) {
	if n := len(settings); n > MaxLabels {
		d.TargetBad, d.Guarded = true, true // there may be a check among them
		d.Problems = append(d.Problems, Problem{
			Label: "*", At: settings[0].At,
			Reason: fmt.Sprintf("are %d options of one Target; at most %d are read, so none was", n, MaxLabels),
		})
		return
	}
	settings = slices.Clone(settings)
	slices.SortStableFunc(settings, func(a, b Setting) int { return strings.Compare(a.Key, b.Key) })
	for i, s := range settings {
		l := label{key: s.Key, value: s.Value, at: s.At, reading: read(s.Key)}
		if s.List != nil {
			l.join(s.List)
		}
		l.fault = cmp.Or(l.fault, s.Fault)
		if i > 0 && settings[i-1].Key == s.Key {
			l.fault = cmp.Or(l.fault, fmt.Sprintf("is there twice, first in line %d", settings[i-1].At.Line))
		}
		d.take(l)
	}
}

// join makes the items of a list one value, as a label would have it.
func (l *label) join(items []string) {
	trimmed := make([]string, len(items))
	for i, item := range items {
		trimmed[i] = strings.TrimSpace(item)
	}
	l.value = strings.Join(trimmed, ", ")
	switch {
	case l.fault != "" || !l.option.Available():
	case len(items) > 0 && !l.option.List():
		l.fault = "takes one value, not a list"
	case len(items) > 0 && !slices.Equal(splitList(l.value), trimmed):
		l.fault = "has an item with a comma or unbalanced braces in it; each item is one value"
	}
}

// readStatic understands a key of a static Target. There is no Target in it, and
// what it says of containers has no meaning.
func (g *grammar) readStatic(key string) reading {
	if bare, found := strings.CutPrefix(key, DefaultPrefix+"."); found {
		m := g.readStatic(bare)
		if m.option != nil {
			m.spoils = m.option.Scope
		}
		m.fault, m.right = "is written without "+quote(DefaultPrefix+".")+" in a file", cmp.Or(m.right, bare)
		return m
	}
	m := reader{grammar: g}.readOption("", key)
	switch meant := g.byKey[m.meant]; {
	case m.option != nil && m.option.Instead != "":
		m.fault = "is an option of containers: " + m.option.Instead
	case m.option == nil && meant != nil && meant.Instead != "":
		m.fault, m.right = "is no option; if "+quote(meant.Key)+" is meant: "+meant.Instead, ""
	case m.option == nil && meant == nil && g.ofTarget(key):
		m.fault = "is no option; a further Target is an entry of its own"
	}
	return m
}

// ofTarget says whether a label of this key would be one of a named Target.
func (g *grammar) ofTarget(key string) bool {
	first, rest, _ := strings.Cut(key, ".")
	o, _ := g.find(rest)
	return o != nil && !g.groups[first]
}

// readOfUpstream is readStatic for what stands beside an Upstream's URL.
func (g *grammar) readOfUpstream(key string) reading {
	m := g.readStatic(key)
	if m.option != nil && m.fault == "" && m.option.Scope != PerUpstream {
		m.fault = "is an option of the whole Target: it stands beside `upstreams`"
	}
	return m
}

// warnUnusedTLS reports options of https where nothing speaks it.
func (d *draft) warnUnusedTLS() {
	for _, l := range d.taken {
		if l.option != nil && l.option.Parent == "scheme" && l.fault == "" {
			d.warn(l, "has no effect without an https:// upstream", "")
		}
	}
}
