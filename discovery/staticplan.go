package discovery

import (
	"time"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/proxy/spec"
)

// Placed is a Reason and the place in a file that it is about.
type Placed struct {
	Reason
	At labels.Place
}

// StaticPlan is what a [Static] would make of a file that it has not read before.
type StaticPlan struct {
	Targets  []spec.Target // in the order of the file
	Findings []Placed      // about single entries
	entries  []staticEntry
}

// PlanStatic works out the plan of a file with this text. An error is a
// [FileError], or says that the options are wrong, of which only DefaultHost,
// Entries and OwnAddrs are looked at.
func PlanStatic(text []byte, o StaticOptions) (StaticPlan, error) {
	hosts, err := newHostTemplate(o.DefaultHost)
	if err != nil {
		return StaticPlan{}, err
	}
	file, err := parseStaticFile(text)
	if err != nil {
		return StaticPlan{}, err
	}
	a := staticAssembler{hosts: hosts, listeners: o.Entries, around: surroundings{own: o.OwnAddrs, interfaces: localInterfaces()}}
	p := StaticPlan{entries: file.entries}
	if file.presets != nil {
		p.add(presetsFinding(*file.presets))
	}
	for i, e := range file.entries {
		next, found := a.assemble(e, staticMemory{})
		p.add(found...)
		if next.defined {
			next.spec.ID, next.spec.Created = SourceFile+":"+e.name, plannedAt.Add(time.Duration(i))
			p.Targets = append(p.Targets, next.spec)
		}
	}
	return p, nil
}

func (p *StaticPlan) add(found ...staticFinding) {
	for _, f := range found {
		p.Findings = append(p.Findings, Placed{f.Reason, f.at})
	}
}

// Place is where the file sets an option of a Target, or where its entry begins.
func (p StaticPlan) Place(target, option string) labels.Place {
	for _, e := range p.entries {
		if SourceFile+":"+e.name == target {
			return e.placeOf(option)
		}
	}
	return labels.Place{}
}
