package proxy

import (
	"net/netip"
	"testing"
)

func TestInNetworks(t *testing.T) {
	networks := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::ffff:172.16.0.0/108"), netip.MustParsePrefix("fd00::/8"),
	}
	for text, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "172.16.0.9": true, "::ffff:172.31.0.9": true, "fd00::1%eth0": true,
		"11.0.0.1": false, "172.32.0.1": false, "fe80::1": false, "::ffff:11.0.0.1": false, "::": false, "::10.1.2.3": false,
	} {
		if got := inNetworks(networks, netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if inNetworks(networks, netip.Addr{}) || inNetworks([]netip.Prefix{{}}, netip.MustParseAddr("::1")) {
		t.Error("nothing is in something")
	}
	if !inNetworks([]netip.Prefix{netip.MustParsePrefix("::/0")}, netip.MustParseAddr("2001:db8::1")) {
		t.Error("everything of IPv6 is not in ::/0")
	}
}
