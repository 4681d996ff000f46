package labels

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rota-proxy/rota/internal/spelling"
	"github.com/rota-proxy/rota/proxy/spec"
)

// Decode reads the labels of one container. It takes anything: whatever is wrong
// with a label comes out as a Problem and, in the Bad fields, as what it spoils.
// Equal labels give equal results, in the same order.
func Decode(o Options, labels map[string]string) Decoded {
	prefix := o.Prefix
	if prefix == "" {
		prefix = DefaultPrefix
	}
	keys := ownKeys(prefix, labels)
	if n := len(keys); n > MaxLabels {
		return tooMuch(prefix, fmt.Sprintf("are %d labels on one container; at most %d are read, so none was", n, MaxLabels))
	}
	if n := textSize(keys, labels); n > MaxText {
		return tooMuch(prefix, fmt.Sprintf("have %d bytes on one container; at most %d are read, so none was", n, MaxText))
	}
	d := newDecoder(prefix)
	d.readAll(keys, labels)
	asked := len(keys) > 0 || o.ExposeAll
	return d.result(asked)
}

// ownKeys are the keys that start with the prefix, sorted.
func ownKeys(prefix string, labels map[string]string) []string {
	var keys []string
	for key := range labels {
		if isOwn(prefix, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func isOwn(prefix, key string) bool {
	return key == prefix || len(key) > len(prefix) && key[len(prefix)] == '.' && strings.HasPrefix(key, prefix)
}

// textSize is how many bytes are to be read. A value that is too long by itself
// is refused by itself, unread.
func textSize(keys []string, labels map[string]string) int {
	size := 0
	for _, key := range keys {
		size += len(key)
		if n := len(labels[key]); n <= MaxValue {
			size += n
		}
	}
	return size
}

// tooMuch refuses the container as a whole: reading a part of its labels might
// leave out a check.
func tooMuch(prefix, reason string) Decoded {
	return Decoded{Exposed: true, Problems: []Problem{{Label: prefix + ".*", Reason: reason}}}
}

// decoder sorts the labels of one container to their Targets.
type decoder struct {
	prefix    string
	allowance *allowance
	container *draft // takes what belongs to no single Target
	targets   map[string]*draft
	anybodys  []label // checks that cannot be placed
	strays    []label // labels that are almost ours
	// named: a label speaks of a Target by name, be it one that cannot be.
	named bool
}

func newDecoder(prefix string) *decoder {
	d := &decoder{prefix: prefix, allowance: newAllowance(), targets: map[string]*draft{}}
	d.container = newDraft("", d.allowance)
	return d
}

func (d *decoder) readAll(keys []string, labels map[string]string) {
	behind := make([]string, len(keys))
	for i, key := range keys {
		behind[i] = strings.TrimPrefix(strings.TrimPrefix(key, d.prefix), ".")
	}
	reader := theGrammar.newReader(d.prefix, behind)
	for i, key := range keys {
		l := label{key: key, value: labels[key], prefix: d.prefix}
		if behind[i] == "" {
			l.reading = reading{fault: "names no option", right: join(d.prefix, "enable"), spoils: ContainerWide, meant: "enable"}
		} else {
			l.reading = reader.read(behind[i])
		}
		d.named = d.named || l.nowhere || l.target != ""
		d.place(l).take(l)
		if l.anybodys {
			d.anybodys = append(d.anybodys, l)
		}
	}
	d.strays = reader.strays(labels)
}

// place is the draft that a label is for.
func (d *decoder) place(l label) *draft {
	if l.nowhere || l.spoils == ContainerWide || l.option != nil && l.option.Scope == ContainerWide {
		return d.container
	}
	return d.target(l.target)
}

func (d *decoder) target(name string) *draft {
	if d.targets[name] == nil {
		d.targets[name] = newDraft(name, d.allowance)
	}
	return d.targets[name]
}

// result finishes the drafts. asked: the container is to be exposed.
func (d *decoder) result(asked bool) Decoded {
	if asked && !d.named {
		d.target("")
	}
	d.guardNeighbours()
	d.guardStrays()
	d.guardAll()
	out := Decoded{
		Exposed: asked && !d.container.hidden,
		Hidden:  d.container.hidden,
		Name:    d.container.name,
	}
	for _, name := range slices.Sorted(maps.Keys(d.targets)) {
		t := d.targets[name].finish(d.prefix)
		t.TargetBad = t.TargetBad || d.container.TargetBad
		out.Targets = append(out.Targets, t)
	}
	out.Problems = d.container.Problems
	return out
}

// guardNeighbours closes a Target whose check seems to stand under a mistyped
// name: `rota.admn.allow` beside `rota.admin.host`.
func (d *decoder) guardNeighbours() {
	for _, name := range slices.Sorted(maps.Keys(d.targets)) {
		stray := d.targets[name]
		if name == "" || !stray.onlyGuards() {
			continue
		}
		for neighbour, t := range d.targets {
			if neighbour != "" && !t.Guarded && !t.AccessBad && spelling.Nearest(name, []string{neighbour}) != "" {
				l := stray.taken[0]
				l.spoils = Access
				right := join(d.prefix, neighbour, strings.TrimPrefix(l.key, join(d.prefix, name)+"."))
				t.refuse(l, "guards a Target that nothing else describes, and "+quote(neighbour)+" is almost its name", right)
			}
		}
	}
}

// draft is a Target while its labels are read.
type draft struct {
	Target
	hosts []hostRule
	paths []spec.Path
	match spec.Match // the conditions, for every host and path
	taken []label    // all labels seen, in order

	allowance *allowance // shared by all drafts of a container
	static    bool       // of a file, where options of containers are said otherwise

	// Of the container as a whole.
	name   string
	hidden bool
}

// newDraft has every option at its default.
func newDraft(name string, a *allowance) *draft {
	return &draft{allowance: a, Target: Target{
		Name:     name,
		Spec:     spec.NewTarget(""),
		Upstream: Upstream{Scheme: spec.HTTP, Weight: 1, HostHeader: spec.HostKeep},
	}}
}

// take reads one label into the draft.
func (d *draft) take(l label) {
	if l.option != nil {
		l.spoils = l.option.Scope
	}
	d.taken = append(d.taken, l)
	d.Guarded = d.Guarded || l.spoils == Access
	d.hidden = d.hidden || l.hides()
	if l.fault != "" {
		d.refuse(l, l.fault, l.right)
		return
	}
	if err := d.set(l); err != nil {
		d.spoil(l, l.wrongValue(err))
		return
	}
	if l.doubt != "" {
		d.warn(l, l.doubt, l.right)
	}
}

// hides says whether the label hides the container. Whoever mistyped `enable` or
// its value rather wanted that.
func (l label) hides() bool {
	isEnable := l.meant == "enable" || l.option != nil && l.option.Key == "enable"
	return isEnable && l.spoils == ContainerWide && strings.TrimSpace(l.value) != "true"
}

// set puts a label's value where its option wants it.
func (d *draft) set(l label) error {
	if !l.option.Available() {
		return refuse("", "is not in this version of rota")
	}
	if err := checkValue(l.value); err != nil {
		return err
	}
	if err := d.allowance.spendPatterns(l); err != nil {
		return err
	}
	return l.option.set(d, l)
}

// checkValue refuses what is wrong in any value.
func checkValue(s string) error {
	switch {
	case len(s) > MaxValue:
		return refuse("", "is %d bytes long; at most %d are read", len(s), MaxValue)
	case strings.TrimSpace(s) == "":
		return refuse("", "is empty")
	case !utf8.ValidString(s):
		return refuse("", "is not UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return refuse("", "holds a control character, such as a line break")
	}
	return nil
}

// refuse reports what is wrong with a label and marks what that spoils.
func (d *draft) refuse(l label, reason, nearest string) { d.spoil(l, l.problem(reason, nearest)) }

func (d *draft) spoil(l label, p Problem) {
	d.Problems = append(d.Problems, p)
	switch l.spoils {
	case Access:
		d.AccessBad = true
		d.Spec.Closed = cmp.Or(d.Spec.Closed, p.Label+" "+p.Reason)
	case PerUpstream:
		d.UpstreamBad = true
	case TargetWide, ContainerWide:
		d.TargetBad = true
	}
}

func (d *draft) warn(l label, reason, nearest string) {
	p := l.problem(reason, nearest)
	p.Warning = true
	d.Problems = append(d.Problems, p)
}

// finish works out what follows from several labels together.
func (d *draft) finish(prefix string) Target {
	d.guardByTLS(prefix)
	d.warnOrphans(prefix)
	d.warnIdleTLS(prefix)
	d.claim()
	slices.SortStableFunc(d.Problems, func(a, b Problem) int { return strings.Compare(a.Label, b.Label) })
	return d.Target
}

// label is the first label that set, or failed to set, the option.
func (d *draft) label(key string) *label {
	for i, l := range d.taken {
		if l.option != nil && l.option.Key == key {
			return &d.taken[i]
		}
	}
	return nil
}

// onlyGuards says whether all that is said of the Target is who may come in.
func (d *draft) onlyGuards() bool {
	return !slices.ContainsFunc(d.taken, func(l label) bool {
		return l.spoils != Access
	})
}

// warnOrphans reports sub-options without their option, where that is off: they
// refine what is not there.
func (d *draft) warnOrphans(prefix string) {
	for _, l := range d.taken {
		if l.option == nil || !l.option.Available() || l.option.Parent == "" || l.option.Scope == Access || d.label(l.option.Parent) != nil {
			continue
		}
		parent := theGrammar.byKey[l.option.Parent]
		if parent.Default != "off" && parent.Default != "http" || d.static && parent.Instead != "" {
			continue
		}
		d.warn(l, fmt.Sprintf("refines %s, which is not set and so has its default, %s", parent.Key, parent.Default), join(prefix, d.Name, parent.Key))
	}
}

// warnIdleTLS reports options of https on an Upstream that speaks something else.
func (d *draft) warnIdleTLS(prefix string) {
	if d.Upstream.Scheme == spec.HTTPS || d.label("scheme") == nil {
		return
	}
	for _, l := range d.taken {
		if l.option != nil && l.option.Parent == "scheme" {
			d.warn(l, "has no effect without https", join(prefix, d.Name, "scheme")+": https")
		}
	}
}

// guardByTLS shuts a Target whose clients are to show certificates, and cannot,
// because it is not served over https.
func (d *draft) guardByTLS(prefix string) {
	if d.Spec.TLS.ClientCA != "" && !d.Spec.TLS.On() {
		d.refuse(*d.label("tls.client-ca"), "needs https, and tls is off", join(prefix, d.Name, "tls"))
		d.Spec.TLS.ClientCA = ""
	}
}
