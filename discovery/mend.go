package discovery

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// This file holds what is said when there is no way to a container, or a
// surprising one, and the lines that mend it: compose lines for what compose
// made, docker commands for the rest.

// ownerGone is said of a container on the network of one that does not run, or,
// when owner is nil, that the engine does not have any more.
func ownerGone(c container, owner *container) *Reason {
	if owner == nil {
		fix := "docker run --network container:NAME …"
		if service := c.Labels[labelService]; service != "" {
			fix = "docker compose up -d --force-recreate " + service
		}
		return &Reason{
			Code: CodeOwnerGone, Severity: Error,
			Text: fmt.Sprintf("it lives on the network of container %q, which does not exist any more", short(c.sharesWith())),
			Fix:  fix,
		}
	}
	return &Reason{
		Code: CodeOwnerGone, Severity: Error,
		Text: fmt.Sprintf("it lives on the network of container %q, which is not running", owner.Name),
		Fix:  fmt.Sprintf("docker start %s\ndocker restart %s", owner.Name, c.Name),
	}
}

// ownerRestarted is said of a container whose network's owner was started after
// it: the owner got a new network then, and this one is left on the earlier.
func ownerRestarted(c container, owner *container) []Reason {
	if owner == nil || c.StartedAt.IsZero() || !owner.StartedAt.After(c.StartedAt) {
		return nil
	}
	return []Reason{{
		Code: CodeOwnerRestarted, Severity: Warning,
		Text: fmt.Sprintf("it is on the network that container %q had before that was started again", owner.Name),
		Fix:  "docker restart " + c.Name,
	}}
}

func networkNone(c container) *Reason {
	return &Reason{
		Code: CodeNetworkNone, Severity: Error,
		Text: "it has no network (network_mode: none)",
		Fix:  mend(c, "--network bridge", "# instead of network_mode: none", "networks: [default]"),
	}
}

// mendKeeper names the container that a remedy is for if it is not the one that
// the Reason is about, and the remedy does not name it itself.
func mendKeeper(r *Reason, owner *container) *Reason {
	if r != nil && owner != nil && (r.Code == CodePortUnpublished || r.Code == CodeNetworkNone) {
		r.Fix = fmt.Sprintf("# for %s, whose network it uses:\n%s", owner.Name, r.Fix)
	}
	return r
}

func (o outlook) portNeeded(c container) *Reason {
	return &Reason{
		Code: CodePortNeeded, Severity: Error,
		Text: "it is on the host's network, where its port has to be named",
		Fix:  o.portLabel(c, "8080"),
	}
}

func (o outlook) ownPort(c container, port uint16) *Reason {
	return &Reason{
		Code: CodeOwnPort, Severity: Error,
		Text: fmt.Sprintf("port %d there is the proxy's own listener", port),
		Fix:  o.portLabel(c, "8080"),
	}
}

func notOnNetwork(c container, wanted string) *Reason {
	return &Reason{
		Code: CodeNotOnNetwork, Severity: Error,
		Text: fmt.Sprintf("the label asks for network %q, the container is on %s", wanted, networkNames(c.Networks)),
		Fix:  joinLines(c, wanted, false),
	}
}

func (o outlook) portAssumed(c container) Reason {
	return Reason{
		Code: CodePortAssumed, Severity: Note,
		Text: fmt.Sprintf("it exposes no TCP port: %d is tried", defaultPort),
		Fix:  o.portLabel(c, "8080"),
	}
}

func (o outlook) portChosen(c container, port uint16) Reason {
	return Reason{
		Code: CodePortChosen, Severity: Note,
		Text: fmt.Sprintf("it exposes the ports %s: %d is taken", joinPorts(c.Exposed), port),
		Fix:  o.portLabel(c, fmt.Sprint(port)),
	}
}

func viaPublished(c container, port uint16, at netip.AddrPort) Reason {
	return Reason{
		Code: CodePublished, Severity: Note,
		Text: fmt.Sprintf("no network leads to it: port %d is reached as published on %s", port, at),
	}
}

// noWay explains why a container on networks of its own cannot be reached.
func (o outlook) noWay(c container, networks []attachment, wanted string, port uint16) *Reason {
	if unaddressed(networks) {
		return &Reason{
			Code: CodeNoAddress, Severity: Error,
			Text: fmt.Sprintf("the engine gave it no address on %s", networkNames(networks)),
		}
	}
	if o.inContainer() {
		if wanted != "" {
			return o.proxyNotOn(networks[0])
		}
		return o.noSharedNetwork(c)
	}
	binding := fmt.Sprintf("127.0.0.1::%d", port)
	if o.Remote.IsValid() {
		binding = fmt.Sprint(port)
	}
	return &Reason{
		Code: CodePortUnpublished, Severity: Error,
		Text: fmt.Sprintf("this machine is not on %s, and port %d is not published where it could be reached", networkNames(networks), port),
		Fix:  mend(c, "--publish "+binding, fmt.Sprintf("ports: [%q]", binding)),
	}
}

func unaddressed(networks []attachment) bool {
	return len(networks) > 0 && !slices.ContainsFunc(networks, func(a attachment) bool { return a.address().IsValid() })
}

// proxyNotOn is the answer to a label that names a network the proxy is not on.
func (o outlook) proxyNotOn(a attachment) *Reason {
	return &Reason{
		Code: CodeNotOnNetwork, Severity: Error,
		Text: fmt.Sprintf("the label asks for network %q, the proxy is on %s", a.Name, networkNames(o.Self.Networks)),
		Fix:  joinLines(*o.Self, a.Name, true),
	}
}

// noSharedNetwork names a network to join: one the proxy is on, or, when the
// proxy is only on networks that cannot be joined by name, one of c's.
func (o outlook) noSharedNetwork(c container) *Reason {
	r := &Reason{
		Code: CodeNoNetwork, Severity: Error,
		Text: fmt.Sprintf("no shared network: it is on %s, the proxy on %s", networkNames(c.Networks), networkNames(o.Self.Networks)),
	}
	if a, found := joinable(o.Self.Networks); found {
		r.Fix = joinLines(c, a.Name, true)
	} else if a, found := joinable(c.Networks); found {
		r.Fix = joinLines(*o.Self, a.Name, true)
	}
	return r
}

// joinable is the first network that a compose file can name.
func joinable(networks []attachment) (attachment, bool) {
	if i := slices.IndexFunc(networks, nameable); i >= 0 {
		return networks[i], true
	}
	return attachment{}, false
}

// nameable says whether a compose file can name a network: the engine's three
// built-in ones it cannot.
func nameable(a attachment) bool { return a.Name != "bridge" && a.Name != "host" && a.Name != "none" }

// joinLines are the lines that put c on a network besides those it is on.
// exists says that the engine has the network under exactly that name.
func joinLines(c container, name string, exists bool) string {
	if c.Labels[labelService] == "" {
		return fmt.Sprintf("docker network connect %s %s", name, c.Name)
	}
	keys := make([]string, 0, len(c.Networks)+1)
	for _, a := range c.Networks {
		if nameable(a) {
			keys = append(keys, composeKey(c, a.Name))
		}
	}
	key := composeKey(c, name)
	keys = append(keys, key)
	lines := []string{
		"services:",
		"  " + c.service() + ":",
		"    networks: [" + strings.Join(keys, ", ") + "]",
	}
	if key == name && key != "default" {
		declared := "  " + key + ": {}"
		if exists {
			declared = "  " + key + ": { external: true }"
		}
		lines = append(lines, "networks:", declared)
	}
	return strings.Join(lines, "\n")
}

// composeKey is how c's compose file calls a network.
func composeKey(c container, name string) string {
	if p := c.project(); p != "" {
		return strings.TrimPrefix(name, p+"_")
	}
	return name
}

// portLabel is the line that names a port.
func (o outlook) portLabel(c container, port string) string {
	key := o.Prefix + ".port"
	return mend(c, "--label "+key+"="+port, "labels:", fmt.Sprintf("  %s: %q", key, port))
}

// mend is what to write: the lines below c's service in its compose file, or,
// for a container that compose did not make, the flag to run it with.
func mend(c container, flag string, lines ...string) string {
	if c.Labels[labelService] == "" {
		return "docker run " + flag + " …"
	}
	return "services:\n  " + c.service() + ":\n    " + strings.Join(lines, "\n    ")
}

func joinPorts(ports []uint16) string {
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = fmt.Sprint(p)
	}
	return strings.Join(words, ", ")
}
