package discovery

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/proxy/spec"
)

// Planned is a container that need not exist, as a compose file, say, would make
// it.
type Planned struct {
	Name             string
	Project, Service string // of compose; empty for a container that it does not make
	Labels           map[string]string
	// NetworkMode is host, none or container:NAME; empty: it is on Networks.
	NetworkMode string
	Networks    []string // in the engine's words
	Exposed     []uint16 // TCP ports, sorted, as far as they are known
	// Proxy: it is the proxy itself.
	Proxy bool
}

// PlanOptions are what the proxy will be told, as in [Options].
type PlanOptions struct {
	Prefix      string // empty: "rota"
	ExposeAll   bool
	DefaultHost string // empty: [DefaultHost]
	Network     string
}

// Plan says what would become of containers if all of them ran, in the order
// given, and which Targets they would make, in order of identity. It asks no
// engine: it is what a Watcher would publish. If the proxy is not among them, it
// is taken to be on every network; a container that is named as the owner of a
// network and is not among them is taken to run. Addresses are made up. An error
// means that the options are wrong.
func Plan(o PlanOptions, containers []Planned) ([]Verdict, []spec.Target, error) {
	hosts, err := newHostTemplate(o.DefaultHost)
	if err != nil {
		return nil, nil, err
	}
	prefix := cmp.Or(o.Prefix, labels.DefaultPrefix)
	p := newPlan(containers)
	v := newInventory(labels.Options{Prefix: prefix, ExposeAll: o.ExposeAll}, assembler{
		Engine: "plan", Hosts: hosts,
		Outlook: outlook{Network: o.Network, Prefix: prefix, Interfaces: p.gateways()},
	})
	v.setSelf(p.proxy())
	for i := range containers {
		v.put(p.container(i), true)
	}
	for _, owner := range p.owners() {
		v.put(owner, true)
	}
	targets := v.assemble(plannedAt)
	verdicts := make([]Verdict, len(containers))
	for i := range containers {
		verdicts[i] = v.verdict(v.containers[plannedID(i)])
	}
	return verdicts, targets, nil
}

// plan gives containers what an engine would: ids, ages, addresses.
type plan struct {
	containers []Planned
	networks   []string
}

func newPlan(containers []Planned) plan {
	p := plan{containers: containers}
	known := map[string]bool{}
	for _, c := range containers {
		for _, name := range c.Networks {
			if !known[name] {
				known[name] = true
				p.networks = append(p.networks, name)
			}
		}
	}
	slices.Sort(p.networks)
	return p
}

// plannedAt is when the first container of every plan was made.
var plannedAt = time.Unix(0, 0)

// plannedID is as long as the ids that people see.
func plannedID(i int) string { return fmt.Sprintf("%012d", i) }

// container is the i-th as if it ran; who comes first is older.
func (p plan) container(i int) container {
	planned := p.containers[i]
	c := container{
		ID: plannedID(i), Name: planned.Name, State: stateRunning, NetworkMode: planned.NetworkMode, Exposed: planned.Exposed,
		Labels: make(map[string]string, len(planned.Labels)+2), Created: plannedAt.Add(time.Duration(i) * time.Second), StartedAt: plannedAt,
	}
	for key, value := range planned.Labels {
		c.Labels[key] = value
	}
	if planned.Service != "" {
		c.Labels[labelProject], c.Labels[labelService] = planned.Project, planned.Service
	}
	c.Networks = p.attached(planned.Networks, i+firstMember)
	return c
}

// proxy is the container that is the proxy, or one that is on every network.
func (p plan) proxy() container {
	if i := slices.IndexFunc(p.containers, func(c Planned) bool { return c.Proxy }); i >= 0 {
		return p.container(i)
	}
	return container{ID: "proxy", Name: "rota", State: stateRunning, Networks: p.attached(p.networks, firstMember-1)}
}

// owners are the containers on whose network others live and which are not
// planned themselves.
func (p plan) owners() []container {
	var all []container
	for _, c := range p.containers {
		name := container{NetworkMode: c.NetworkMode}.sharesWith()
		known := name == "" || slices.ContainsFunc(p.containers, func(o Planned) bool { return o.Name == name }) ||
			slices.ContainsFunc(all, func(o container) bool { return o.Name == name })
		if !known {
			all = append(all, container{
				ID: "owner-" + name, Name: name, State: stateRunning, StartedAt: plannedAt, Networks: p.attached(p.networks, firstMember-2),
			})
		}
	}
	return all
}

// The members of a made-up network: its gateway, and the first container.
const (
	gatewayMember = 1
	firstMember   = 16
)

// attached puts a container on networks, as the member of that number.
func (p plan) attached(networks []string, member int) []attachment {
	all := make([]attachment, 0, len(networks))
	for _, name := range networks {
		i, _ := slices.BinarySearch(p.networks, name)
		all = append(all, attachment{Name: name, IPv4: memberOf(i, member), Gateway: memberOf(i, gatewayMember).Addr()})
	}
	sortAttachments(all)
	return all
}

// gateways are the addresses that the host has on the networks.
func (p plan) gateways() []netip.Prefix {
	all := make([]netip.Prefix, len(p.networks))
	for i := range all {
		all[i] = memberOf(i, gatewayMember)
	}
	return all
}

// memberOf is the address of a member of a made-up network.
func memberOf(network, member int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(network), byte(member >> 8), byte(member)}), 16)
}
