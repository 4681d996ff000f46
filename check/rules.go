package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/rota-proxy/rota/discovery"
)

// checkScaling notes what ties a routed service to one container.
func (c *composeCheck) checkScaling(s planned) {
	if s.Proxy {
		return
	}
	severity := discovery.Warning
	if s.service.GetScale() > 1 {
		severity = discovery.Error
	}
	if s.service.ContainerName != "" {
		c.add(c.files.key(s.Service, "container_name"), s.Service, discovery.Reason{
			Code: CodeFixedName, Severity: severity, Fix: "remove container_name",
			Text: "a second container cannot have the name: the service cannot be scaled, and is away while it is recreated",
		})
	}
	for _, port := range s.service.Ports {
		if !fixed(port) {
			continue
		}
		c.add(c.portPlace(s.Service, port), s.Service, discovery.Reason{
			Code: CodeFixedPort, Severity: severity,
			Text: fmt.Sprintf("port %s of the host can be had by one container only: the service cannot be scaled; rota reaches it without", port.Published),
			Fix:  fmt.Sprintf("remove it from ports, or let the engine choose: ports: [\"%d\"]", port.Target),
		})
	}
}

// fixed says whether the port of the host is a single one.
func fixed(p types.ServicePortConfig) bool {
	return p.Published != "" && p.Published != "0" && !strings.Contains(p.Published, "-") && p.Mode != "host"
}

// portPlace is the item of `ports` that names a port of the host.
func (c *composeCheck) portPlace(service string, port types.ServicePortConfig) place {
	ports, found := c.files.find(service, "ports")
	if !found {
		return c.files.service(service)
	}
	for _, item := range resolved(ports.value).Content {
		text := resolved(item).Value
		if published, is := (node{ports.source, item}).get("published"); is {
			text = published.text + ":"
		}
		if strings.Contains(":"+text, ":"+port.Published+":") {
			return ports.source.at(item)
		}
	}
	return ports.keyPlace()
}

// healthy is the condition of `depends_on` that asks for a HEALTHCHECK.
const healthy = "service_healthy"

// checkHealth notes a service that waits for a check that is not there.
func (c *composeCheck) checkHealth(s planned) {
	for _, name := range slices.Sorted(maps.Keys(s.service.DependsOn)) {
		on, known := c.everybody[name]
		if s.service.DependsOn[name].Condition != healthy || !known {
			continue
		}
		r := discovery.Reason{Code: CodeNoHealthcheck, Fix: "services:\n  " + name + ":\n    healthcheck: { test: [CMD, …], interval: 2s }"}
		switch check := on.HealthCheck; {
		case check == nil:
			r.Severity = discovery.Warning
			r.Text = fmt.Sprintf("it waits until %s is healthy, which has no healthcheck here: unless its image has one, it never is", name)
		case check.Disable:
			r.Severity = discovery.Error
			r.Text = fmt.Sprintf("it waits until %s is healthy, whose healthcheck is disabled: it never is", name)
		default:
			continue
		}
		at := c.files.key(s.Service, "depends_on")
		if p, found := c.files.find(s.Service, "depends_on", name); found {
			at = p.keyPlace()
		}
		c.add(at, s.Service, r)
	}
}

// checkDuplicates notes labels of ours that stand in one map or list twice.
func (c *composeCheck) checkDuplicates(s planned) {
	for _, definition := range c.files.definitions(s.Service) {
		labels, found := definition.node().get("labels")
		if !found {
			continue
		}
		for key, again := range labels.node().repeated() {
			if !c.ours(key) {
				continue
			}
			c.add(again.keyPlace(), s.Service, duplicate(key))
		}
	}
}

// duplicate is the Reason of a label that stands twice where one counts.
func duplicate(key string) discovery.Reason {
	return discovery.Reason{
		Code: CodeDuplicateLabel, Severity: discovery.Warning, Fix: "remove one of the two",
		Text: key + " is there twice, and the last one counts",
	}
}

// repeated are the pairs of a map or list whose name it has had before.
func (n node) repeated() map[string]pair {
	counting, again := map[string]pair{}, map[string]pair{}
	for _, p := range n.pairs(0) {
		if last, is := counting[p.name]; is && last.source == p.source && !isMerged(n, p) {
			again[p.name] = last
			continue
		}
		counting[p.name] = p
	}
	return again
}

// isMerged says whether a pair comes from another map than n's own.
func isMerged(n node, p pair) bool { return !slices.Contains(resolved(n.yaml).Content, p.key) }

// checkDeployLabels notes labels of ours on the service of a Swarm, which its
// containers do not have.
func (c *composeCheck) checkDeployLabels(s planned) {
	labels, found := c.files.find(s.Service, "deploy", "labels")
	if !found {
		return
	}
	for _, p := range labels.node().pairs(0) {
		if !c.ours(p.name) {
			continue
		}
		c.add(p.keyPlace(), s.Service, discovery.Reason{
			Code: CodeDeployLabel, Severity: discovery.Warning, Fix: "move it from deploy.labels to labels",
			Text: fmt.Sprintf("%s under deploy is a label of the Swarm service, and no container has it", p.name),
		})
	}
}

// ours says whether a label's key has our prefix.
func (c *composeCheck) ours(key string) bool {
	return strings.HasPrefix(key, c.options.labelPrefix())
}
