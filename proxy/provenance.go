package proxy

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/rota-proxy/rota/proxy/spec"
)

// trustedProxies are the networks of peers whose word on where a request comes
// from is taken. None by default.
type trustedProxies []netip.Prefix

// peerAddr is the address of the other end of a connection, as net/http writes
// it into RemoteAddr. It is the zero Addr where there is none, as on unix
// sockets; that is trusted by nobody.
func peerAddr(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func (t trustedProxies) trusts(peer netip.Addr) bool { return inNetworks(t, peer) }

// client is the address of the client: the peer's, or, if that is trusted, the
// rightmost one in X-Forwarded-For that is not. What stands left of that, or of
// an entry that is no address, was written by somebody nobody knows.
func (t trustedProxies) client(peer netip.Addr, h http.Header) netip.Addr {
	if len(t) == 0 || !t.trusts(peer) {
		return peer
	}
	client := peer
	lines := h["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			var entry string
			rest, entry, more = cutLast(rest)
			addr, ok := parseForwarded(entry)
			if !ok {
				return client
			}
			if client = addr; !t.trusts(addr) {
				return client
			}
		}
	}
	return client
}

// cutLast takes the last entry off a comma-separated list.
func cutLast(list string) (rest, last string, more bool) {
	comma := strings.LastIndexByte(list, ',')
	if comma < 0 {
		return "", list, false
	}
	return list[:comma], list[comma+1:], true
}

// parseForwarded reads an entry of X-Forwarded-For. Some proxies add the port.
func parseForwarded(entry string) (netip.Addr, bool) {
	entry = strings.TrimSpace(entry)
	addr, err := netip.ParseAddr(entry)
	if err != nil {
		if bare, ok := strings.CutSuffix(entry, "]"); ok {
			addr, err = netip.ParseAddr(strings.TrimPrefix(bare, "["))
		} else {
			var ap netip.AddrPort
			ap, err = netip.ParseAddrPort(entry)
			addr = ap.Addr()
		}
	}
	return addr.Unmap().WithZone(""), err == nil
}

// scheme is how the client reached the first proxy: what a trusted peer says,
// else how it reached this one. If several proxies wrote into the field, the
// last one's word is nearest.
func (t trustedProxies) scheme(peer netip.Addr, h http.Header, own string) string {
	lines := h["X-Forwarded-Proto"]
	if len(lines) == 0 || !t.trusts(peer) {
		return own
	}
	_, last, _ := cutLast(lines[len(lines)-1])
	switch last = strings.TrimSpace(last); {
	case strings.EqualFold(last, "https"), strings.EqualFold(last, "wss"):
		return "https"
	case strings.EqualFold(last, "http"), strings.EqualFold(last, "ws"):
		return "http"
	}
	return own
}

// origin is where a request came from, as this proxy saw it itself.
type origin struct {
	peer      netip.Addr
	text      string // peer, if it was written down before
	scheme    string // http or https
	authority string // host and port as the client wrote them
}

// portOf is the port that the client connected to as it sees it, which behind
// port mappings is not the listener's.
func portOf(authority, scheme string) string {
	if _, ok := spec.NormalizeHost(authority); ok {
		if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexByte(authority, ']') {
			if port := authority[colon+1:]; port != "" {
				return port
			}
		}
	}
	if scheme == "https" {
		return "443"
	}
	return "80"
}
