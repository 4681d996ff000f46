package check

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy"
	"github.com/rota-proxy/rota/proxy/spec"
)

// planned is a service and the container it would make.
type planned struct {
	discovery.Planned
	service types.ServiceConfig
	verdict discovery.Verdict
}

// checkProject looks at all services that are enabled together, and at each of
// the others beside them: those may never run at the same time.
func (c *composeCheck) checkProject(p *types.Project) error {
	c.everybody = p.AllServices()
	enabled := c.planAll(p, p.Services)
	targets, err := c.judge(enabled)
	if err != nil {
		return err
	}
	c.conflicts(enabled, targets)
	for _, one := range c.planAll(p, p.DisabledServices) {
		if _, err := c.judge([]planned{one}); err != nil {
			return err
		}
	}
	return nil
}

// planAll makes one container of each service, in order of name.
func (c *composeCheck) planAll(p *types.Project, services types.Services) []planned {
	all := make([]planned, 0, len(services))
	self := c.self(services)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		one := plan(p, services[name])
		one.Proxy = name == self
		all = append(all, one)
	}
	c.services += len(all)
	return all
}

// self is the service that is the proxy, or "": the one that was named, or the
// first that runs the image's own command.
func (c *composeCheck) self(services types.Services) string {
	if c.options.Self != "" {
		return c.options.Self
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		if isProxy(services[name]) {
			return name
		}
	}
	return ""
}

// imageName is the last part of the image's name, and of the service that is
// called like it.
const imageName = "rota"

func isProxy(s types.ServiceConfig) bool {
	image, _, _ := strings.Cut(path.Base(s.Image), ":")
	image, _, _ = strings.Cut(image, "@")
	serves := len(s.Command) == 0 || s.Command[0] == "serve" || strings.HasPrefix(s.Command[0], "-")
	return (image == imageName || s.Image == "" && s.Name == imageName) && serves
}

// plan is the first container of a service, as compose would make it.
func plan(p *types.Project, s types.ServiceConfig) planned {
	one := planned{service: s, Planned: discovery.Planned{
		Name: containerName(p, s), Project: p.Name, Service: s.Name, Labels: s.Labels, Exposed: exposed(s),
	}}
	switch kind, owner, _ := strings.Cut(s.NetworkMode, ":"); kind {
	case "":
		for _, key := range slices.Sorted(maps.Keys(s.Networks)) {
			one.Networks = append(one.Networks, cmp.Or(p.Networks[key].Name, key))
		}
	case "host", "none", "container":
		one.NetworkMode = s.NetworkMode
	case "service":
		one.NetworkMode = "container:" + containerName(p, p.AllServices()[owner])
	default:
		one.Networks = []string{s.NetworkMode}
	}
	return one
}

func containerName(p *types.Project, s types.ServiceConfig) string {
	return cmp.Or(s.ContainerName, p.Name+"-"+s.Name+"-1")
}

// exposed are the TCP ports that the files say; the image may expose more.
func exposed(s types.ServiceConfig) []uint16 {
	var ports []uint16
	add := func(text string) {
		if n, err := strconv.ParseUint(text, 10, 16); err == nil && n > 0 {
			ports = append(ports, uint16(n))
		}
	}
	for _, text := range s.Expose {
		number, protocol, _ := strings.Cut(text, "/")
		if protocol == "" || protocol == "tcp" {
			add(number)
		}
	}
	for _, port := range s.Ports {
		if port.Protocol == "" || port.Protocol == "tcp" {
			add(fmt.Sprint(port.Target))
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// judge notes what is wrong with services that run together, and answers the
// Targets they make.
func (c *composeCheck) judge(services []planned) ([]spec.Target, error) {
	containers := make([]discovery.Planned, len(services))
	for i, s := range services {
		containers[i] = s.Planned
	}
	verdicts, targets, err := discovery.Plan(c.options.PlanOptions, containers)
	if err != nil {
		return nil, err
	}
	for i := range services {
		services[i].verdict = verdicts[i]
		c.checkService(services[i])
	}
	return targets, nil
}

func (c *composeCheck) checkService(s planned) {
	c.checkVariables(s)
	c.checkSecrets(s)
	c.checkDuplicates(s)
	c.checkDeployLabels(s)
	c.checkHealth(s)
	for _, r := range s.verdict.Reasons {
		c.addReason(s, "", r)
	}
	for _, target := range s.verdict.Targets {
		for _, r := range target.Reasons {
			c.addReason(s, target.ID, r)
		}
	}
	if s.verdict.Outcome != discovery.Hidden {
		c.checkScaling(s)
	}
}

// followUps say what follows from a label that is wrong, which has been said, or
// what any file is like.
var followUps = []discovery.Code{
	discovery.CodeHidden, discovery.CodeNotExposed, discovery.CodeOwn,
	discovery.CodeNoDefinition, discovery.CodeClosed, discovery.CodeForeign, discovery.CodePortAssumed,
}

// addReason notes a finding of a Verdict, where it can be mended.
func (c *composeCheck) addReason(s planned, target string, r discovery.Reason) {
	if slices.Contains(followUps, r.Code) || r.Label != "" && c.unset[s.Service][r.Label] {
		return
	}
	if r.Code == discovery.CodePortChosen {
		r.Severity = discovery.Warning // once it runs, that is no news; while it is written, it is
	}
	c.add(c.placeOf(s, target, r), s.Service, r)
}

// placeOf is where a Reason can be mended.
func (c *composeCheck) placeOf(s planned, target string, r discovery.Reason) place {
	if r.Label != "" {
		return c.labelPlace(s, r.Label, r.OfValue)
	}
	switch r.Code {
	case discovery.CodeNoNetwork, discovery.CodeNetworkNone, discovery.CodeNoAddress, discovery.CodeOwnerGone:
		return c.files.key(s.Service, "networks", "network_mode")
	case discovery.CodeNotOnNetwork:
		return c.optionPlace(s, target, "network")
	case discovery.CodePortNeeded, discovery.CodeOwnPort:
		return c.files.key(s.Service, "network_mode")
	case discovery.CodePortChosen:
		return c.files.key(s.Service, "expose", "ports")
	case discovery.CodeBadOption, discovery.CodeOddOption:
		return c.files.key(s.Service, "labels")
	}
	return c.optionPlace(s, target, "host")
}

// labelPlace is where a label stands, or else its service.
func (c *composeCheck) labelPlace(s planned, key string, ofValue bool) place {
	p, found := c.files.label(s.Service, key)
	switch {
	case !found:
		return c.files.key(s.Service, "label_file", "labels")
	case ofValue:
		return p.valuePlace()
	}
	return p.keyPlace()
}

// optionPlace is where an option of a Target is set; else where it begins.
func (c *composeCheck) optionPlace(s planned, target, option string) place {
	for _, key := range []string{c.labelOf(s, target, option), c.labelOf(s, target, "path")} {
		if p, found := c.files.label(s.Service, key); found {
			return p.valuePlace()
		}
	}
	for _, p := range c.files.labels(s.Service) {
		if c.ours(p.name) {
			return p.keyPlace()
		}
	}
	return c.files.service(s.Service)
}

// labelOf is the key of an option of a Target, by the Target's identity.
func (c *composeCheck) labelOf(s planned, target, option string) string {
	key := c.options.labelPrefix()
	own := strings.TrimPrefix(target, "compose:"+s.Project+"/"+s.Service)
	if own == target { // joined by name
		_, own, _ = strings.Cut(strings.TrimPrefix(target, "name:"), "/")
	}
	if own = strings.TrimPrefix(own, "/"); own != "" {
		key += own + "."
	}
	return key + option
}

// conflicts notes matches that several services claim.
func (c *composeCheck) conflicts(services []planned, targets []spec.Target) {
	for _, conflict := range proxy.Conflicts(targets) {
		loser, verdict := claimantOf(services, conflict.Loser)
		holder, _ := claimantOf(services, conflict.Holder)
		if loser == nil || holder == nil {
			continue
		}
		fix := cmp.Or(verdict.OwnHost, "give one of the two another host or path, or join them by one `name`")
		c.add(c.optionPlace(*loser, conflict.Loser, "host"), loser.Service, discovery.Reason{
			Code: discovery.CodeMatchTaken, Severity: discovery.Error, Fix: fix,
			Text: fmt.Sprintf("%s is claimed by %s as well (%s): only the older one gets it",
				conflict.Match, holder.Service, c.optionPlace(*holder, conflict.Holder, "host")),
		})
	}
}

// claimantOf is the first service that is part of a Target.
func claimantOf(services []planned, target string) (*planned, discovery.TargetVerdict) {
	for i, s := range services {
		for _, t := range s.verdict.Targets {
			if t.ID == target {
				return &services[i], t
			}
		}
	}
	return nil, discovery.TargetVerdict{}
}
