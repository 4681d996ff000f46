package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
)

// findPlace works out where the proxy stands as seen from this engine: in one
// of its containers, on its host, or on another machine.
func (s *session) findPlace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	me, found, err := findSelf(ctx, s.engine, s.options.Self, s.traces())
	if err != nil {
		return err
	}
	o := s.inventory.assembler.Outlook
	o.Interfaces, o.Remote = s.interfaces(), netip.Addr{}
	if !found {
		if o.Remote, err = remoteEngine(ctx, s.Status().Host, o.Interfaces); err != nil {
			return err
		}
	}
	s.inventory.setOutlook(o)
	if found {
		s.inventory.setSelf(me)
	}
	return nil
}

// remoteEngine is the address of an engine that is on another machine, invalid
// for one on this.
func remoteEngine(ctx context.Context, host string, interfaces []netip.Prefix) (netip.Addr, error) {
	u, err := url.Parse(host)
	if err != nil || u.Scheme != "tcp" {
		return netip.Addr{}, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return netip.Addr{}, fmt.Errorf("looking up the engine's address: %w", err)
	}
	slices.SortFunc(addrs, netip.Addr.Compare) // IPv4 sorts first
	for _, a := range addrs {
		a = a.Unmap()
		here := slices.ContainsFunc(interfaces, func(p netip.Prefix) bool { return p.Addr() == a })
		if a.IsLoopback() || here {
			return netip.Addr{}, nil
		}
	}
	return addrs[0].Unmap(), nil
}

// localInterfaces are the addresses of this machine with their lengths.
func localInterfaces() []netip.Prefix {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var prefixes []netip.Prefix
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			prefixes = append(prefixes, p)
		}
	}
	slices.SortFunc(prefixes, netip.Prefix.Compare)
	return prefixes
}

// lookAround reads the interfaces again when a network comes up that was not
// there before: its bridge is a new interface. nil looks in any case.
func (s *session) lookAround(networks []attachment) {
	news := networks == nil
	for _, a := range networks {
		if a.ID != "" && !s.networks[a.ID] {
			s.networks[a.ID], news = true, true
		}
	}
	o := s.inventory.assembler.Outlook
	if !news || o.inContainer() {
		return
	}
	o.Interfaces = s.interfaces()
	s.inventory.setOutlook(o)
}
