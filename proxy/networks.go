package proxy

import "net/netip"

// inNetworks is about addresses as people think of them: an IPv4 address that
// came mapped into IPv6 is the IPv4 address.
func inNetworks(networks []netip.Prefix, addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, n := range networks {
		if unmapNetwork(n).Contains(addr) {
			return true
		}
	}
	return false
}

func unmapNetwork(n netip.Prefix) netip.Prefix {
	if n.Addr().Is4In6() && n.Bits() >= 96 {
		return netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
	}
	return n
}
