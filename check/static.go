package check

import (
	"errors"
	"fmt"
	"os"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy"
)

// Static checks a file of static Targets. An error is about the call: the file
// does not exist, the options are wrong.
func Static(o Options, path string) (Report, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return Report{}, notAFile(path, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Report{}, err
	}
	c := staticCheck{source: newSource(path, text)}
	_ = c.source.parse() // for what is to be masked; what is wrong, the plan says
	plan, err := discovery.PlanStatic(text, discovery.StaticOptions{DefaultHost: o.DefaultHost})
	var fault discovery.FileError
	switch {
	case errors.As(err, &fault):
		c.add(c.source.position(fault.At), "", badFile(fault.Text, ""))
	case err != nil:
		return Report{}, err
	}
	for _, f := range plan.Findings {
		if f.Code != discovery.CodeNoDefinition && f.Code != discovery.CodeClosed { // they follow
			c.add(c.source.position(f.At), "", f.Reason)
		}
	}
	c.conflicts(plan)
	return c.report([]string{path}, len(plan.Targets)), nil
}

// staticCheck is one run over a file of static Targets.
type staticCheck struct {
	found
	source *source
}

// conflicts notes matches that several entries claim.
func (c *staticCheck) conflicts(plan discovery.StaticPlan) {
	for _, conflict := range proxy.Conflicts(plan.Targets) {
		holder := c.source.position(plan.Place(conflict.Holder, "host"))
		c.add(c.source.position(plan.Place(conflict.Loser, "host")), "", discovery.Reason{
			Code: discovery.CodeMatchTaken, Severity: discovery.Error, Fix: "give one of the two another host or path",
			Text: fmt.Sprintf("%s is claimed by %s as well (%s): that one gets it", conflict.Match, conflict.Holder, holder),
		})
	}
}
