package discovery

import (
	"net/netip"
	"testing"
)

func TestRemoteEngine(t *testing.T) {
	here := []netip.Prefix{netip.MustParsePrefix("203.0.113.7/24")}
	for host, want := range map[string]string{
		"unix:///var/run/docker.sock": "invalid IP",
		"tcp://127.0.0.1:2375":        "invalid IP",
		"tcp://[::1]:2375":            "invalid IP",
		"tcp://203.0.113.7:2376":      "invalid IP", // ourselves, by an outer address
		"tcp://203.0.113.9:2376":      "203.0.113.9",
		"tcp://[2001:db8::9]:2376":    "2001:db8::9",
	} {
		if got, err := remoteEngine(t.Context(), host, here); err != nil || got.String() != want {
			t.Errorf("%s: %s, %v, want %s", host, got, err, want)
		}
	}
}
