package discovery

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/rota-proxy/rota/discovery/labels"
)

// defaultPort is tried when a container exposes nothing.
const defaultPort = 80

// outlook is where the proxy stands: from it follows which addresses it can
// reach. It is a value; a change of place makes a new one.
type outlook struct {
	// Self is the proxy's own container with the networks it really has (those
	// of X under network_mode: container:X). nil: it runs on a host.
	Self *container
	// Namespace is the container whose network namespace the proxy lives in:
	// itself, or X. Empty on a host.
	Namespace string
	// Interfaces are the addresses of this machine with their lengths. Only
	// looked at on a host.
	Interfaces []netip.Prefix
	// Remote is the engine's address when the engine is another machine's.
	Remote netip.Addr
	// Network is preferred where several lead to a container.
	Network string
	// Prefix of the labels, for the lines that mend something.
	Prefix string
	// OwnPorts are the proxy's own listeners: never an Upstream.
	OwnPorts []int
}

// inContainer says whether the proxy has networks of the engine's, and not the
// host's.
func (o outlook) inContainer() bool { return o.Self != nil && !o.Self.onHost() }

// way is how an Upstream is reached.
type way struct {
	Addr  netip.AddrPort
	Local bool // on a directly attached network
	// Relayed: the engine's relay for published ports accepts in its place.
	Relayed bool
	Notes   []Reason // what is worth knowing though it works
}

// wayTo chooses the address of c, whose network's owner is given when it lives
// on that of another container. kept is where it has been reached so far in this
// life, invalid if it has not. There is either a way or the Reason why not. The
// same input always gives the same answer.
func (o outlook) wayTo(c container, owner *container, want labels.Upstream, kept netip.Addr) (way, *Reason) {
	if c.sharesWith() != "" {
		if owner == nil || !owner.alive() {
			return way{}, ownerGone(c, owner)
		}
		c.Networks, c.Published, c.NetworkMode = owner.Networks, owner.Published, owner.NetworkMode
	}
	switch {
	case o.sameNamespace(c, owner):
		return o.toLoopback(c, want)
	case c.onHost():
		return o.toHost(c, want)
	case c.NetworkMode == "none":
		return way{}, mendKeeper(networkNone(keeper(c, owner)), owner)
	}
	w, noWay := o.toNetworked(c, keeper(c, owner), want, kept)
	return w, mendKeeper(noWay, owner)
}

// keeper is the container whose networks and published ports c's are: the engine
// refuses to change them on one that lives on the network of another.
func keeper(c container, owner *container) container {
	if owner != nil {
		return *owner
	}
	return c
}

// sameNamespace says whether c and the proxy share one network namespace that
// is not the host's.
func (o outlook) sameNamespace(c container, owner *container) bool {
	if !o.inContainer() {
		return false
	}
	return c.ID == o.Namespace || owner != nil && owner.ID == o.Namespace
}

// toLoopback reaches a container beside the proxy in one namespace.
func (o outlook) toLoopback(c container, want labels.Upstream) (way, *Reason) {
	port, notes := o.choosePort(c, want)
	if slices.Contains(o.OwnPorts, int(port)) {
		return way{}, o.ownPort(c, port)
	}
	return way{Addr: loopback(port), Local: true, Notes: notes}, nil
}

// toHost reaches a container on the host's network: from the host by loopback,
// from a container through the host's end of a network. The port has to be
// said, because on that network a guess may meet anybody's listener.
func (o outlook) toHost(c container, want labels.Upstream) (way, *Reason) {
	if want.Port == 0 {
		return way{}, o.portNeeded(c)
	}
	port := uint16(want.Port)
	if o.ownOnHost(port) {
		return way{}, o.ownPort(c, port)
	}
	switch {
	case o.Remote.IsValid():
		return way{Addr: netip.AddrPortFrom(o.Remote, port)}, nil
	case !o.inContainer():
		return way{Addr: loopback(port), Local: true}, nil
	}
	gateway := o.gateway()
	if !gateway.IsValid() {
		return way{}, o.noSharedNetwork(c)
	}
	return way{Addr: netip.AddrPortFrom(gateway, port), Local: true}, nil
}

// ownOnHost says whether the proxy itself answers on that port of the host.
func (o outlook) ownOnHost(port uint16) bool {
	if !o.inContainer() {
		return !o.Remote.IsValid() && slices.Contains(o.OwnPorts, int(port))
	}
	return slices.ContainsFunc(o.Self.Published, func(p publication) bool { return p.HostPort == port })
}

// gateway is the host as seen from the proxy's container.
func (o outlook) gateway() netip.Addr {
	for _, a := range o.Self.Networks {
		if a.Gateway.IsValid() {
			return a.Gateway
		}
	}
	return netip.Addr{}
}

// toNetworked reaches a container on networks that are not the host's. It is the
// keeper that would have to be changed where no way leads there.
func (o outlook) toNetworked(c, keeper container, want labels.Upstream, kept netip.Addr) (way, *Reason) {
	networks := o.candidates(c, want.Network, kept)
	if want.Network != "" && len(networks) == 0 {
		return way{}, notOnNetwork(keeper, want.Network)
	}
	port, notes := o.choosePort(c, want)
	if a := o.direct(networks); a.IsValid() {
		return way{Addr: netip.AddrPortFrom(a, port), Local: true, Notes: notes}, nil
	}
	if want.Network == "" || !o.inContainer() {
		if w, found := o.published(c, port); found {
			w.Notes = append(notes, viaPublished(c, port, w.Addr))
			return w, nil
		}
	}
	if a := o.doubtful(networks); a.IsValid() {
		return way{Addr: netip.AddrPortFrom(a, port), Local: true, Notes: notes}, nil
	}
	return way{}, o.noWay(keeper, networks, want.Network, port)
}

// candidates are the networks of c worth trying, best first: those the label
// names and no others, or all: the proxy's own preference, then the one in use,
// because another address would be another Upstream and end what runs on this
// one, then by name.
func (o outlook) candidates(c container, wanted string, kept netip.Addr) []attachment {
	if wanted != "" {
		return o.named(c, wanted)
	}
	var preferred []attachment
	if o.Network != "" {
		preferred = o.named(c, o.Network)
	}
	rank := func(a attachment) int {
		switch {
		case slices.Contains(preferred, a):
			return 0
		case kept.IsValid() && (a.IPv4.Addr() == kept || a.IPv6.Addr() == kept):
			return 1
		}
		return 2
	}
	return slices.SortedStableFunc(slices.Values(c.Networks), func(x, y attachment) int { return cmp.Compare(rank(x), rank(y)) })
}

// named finds the networks of c that a person means by name: the engine's
// name, or the name inside c's project or the proxy's.
func (o outlook) named(c container, name string) []attachment {
	spellings := []string{name}
	if p := c.project(); p != "" {
		spellings = append(spellings, p+"_"+name)
	}
	if o.Self != nil && o.Self.project() != "" {
		spellings = append(spellings, o.Self.project()+"_"+name)
	}
	for _, s := range spellings {
		for _, a := range c.Networks {
			if a.Name == s {
				return []attachment{a}
			}
		}
	}
	return nil
}

// direct is the address on the first network that the proxy is on too.
func (o outlook) direct(networks []attachment) netip.Addr {
	for _, a := range networks {
		switch {
		case o.inContainer():
			if addr := o.shared(a); addr.IsValid() {
				return addr
			}
		case o.Remote.IsValid():
			return netip.Addr{}
		case o.holds(a.address()) && (!a.Gateway.IsValid() || o.owns(a.Gateway)):
			return a.address()
		}
	}
	return netip.Addr{}
}

// doubtful is an address in a subnet this host is in without being the
// network's gateway: a bridge with a gateway set by hand can be reached, a
// macvlan cannot. It is better than nothing, and worse than a published port.
func (o outlook) doubtful(networks []attachment) netip.Addr {
	if o.inContainer() || o.Remote.IsValid() {
		return netip.Addr{}
	}
	for _, a := range networks {
		if o.holds(a.address()) {
			return a.address()
		}
	}
	return netip.Addr{}
}

// shared is a's address if the proxy's container is on the same network and
// speaks its family there.
func (o outlook) shared(a attachment) netip.Addr {
	for _, mine := range o.Self.Networks {
		if !mine.same(a) {
			continue
		}
		if a.IPv4.IsValid() && mine.IPv4.IsValid() {
			return a.IPv4.Addr()
		}
		if a.IPv6.IsValid() && mine.IPv6.IsValid() {
			return a.IPv6.Addr()
		}
	}
	return netip.Addr{}
}

// holds says whether a is in the subnet of one of this machine's interfaces.
func (o outlook) holds(a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(o.Interfaces, func(p netip.Prefix) bool {
		return p.Contains(a) && !p.Addr().IsLoopback()
	})
}

// owns says whether a is an address of this machine.
func (o outlook) owns(a netip.Addr) bool {
	return slices.ContainsFunc(o.Interfaces, func(p netip.Prefix) bool { return p.Addr() == a })
}

// published is the best published port for a container port that can be
// reached from here. They come sorted by preference.
func (o outlook) published(c container, port uint16) (way, bool) {
	for _, p := range c.Published {
		if p.Port != port {
			continue
		}
		if addr, local := o.outer(p.HostIP); addr.IsValid() {
			return way{Addr: netip.AddrPortFrom(addr, p.HostPort), Local: local, Relayed: true}, true
		}
	}
	return way{}, false
}

// outer is where the proxy finds a port that is published on ip, and whether
// that is on this machine. Invalid: nowhere.
func (o outlook) outer(ip netip.Addr) (addr netip.Addr, local bool) {
	if !o.inContainer() && !o.Remote.IsValid() {
		return hostSide(ip), true
	}
	if ip.IsLoopback() {
		return netip.Addr{}, false
	}
	if !ip.IsUnspecified() {
		return ip, false
	}
	if o.Remote.IsValid() {
		return o.Remote, false
	}
	if ip.Is6() {
		return netip.Addr{}, false
	}
	return o.gateway(), true
}

// hostSide is how the host itself reaches a port published on ip.
func hostSide(ip netip.Addr) netip.Addr {
	switch {
	case !ip.IsUnspecified():
		return ip
	case ip.Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

// choosePort is the label's port, the one exposed TCP port, of several 80 or
// the lowest, and 80 when there is none.
func (o outlook) choosePort(c container, want labels.Upstream) (uint16, []Reason) {
	switch {
	case want.Port != 0:
		return uint16(want.Port), nil
	case len(c.Exposed) == 1:
		return c.Exposed[0], nil
	case len(c.Exposed) == 0:
		return defaultPort, []Reason{o.portAssumed(c)}
	}
	port := c.Exposed[0]
	if slices.Contains(c.Exposed, defaultPort) {
		port = defaultPort
	}
	return port, []Reason{o.portChosen(c, port)}
}

// networkNames lists networks for a sentence.
func networkNames(networks []attachment) string {
	if len(networks) == 0 {
		return "no network"
	}
	quoted := make([]string, len(networks))
	for i, a := range networks {
		quoted[i] = fmt.Sprintf("%q", a.Name)
	}
	return strings.Join(quoted, ", ")
}
