package proxy

import (
	"net/http"
	"strings"
)

// websocket is the only protocol that a connection may be switched to.
const websocket = "websocket"

// stripHopByHop removes what was meant for the connection a message came on:
// the fields that Connection names, and those known to be so. What Connection may not remove is what the proxy itself
// puts there: length, host and where the request comes from. It has to come before
// the proxy sets fields of its own.
func stripHopByHop(h http.Header) {
	var buf [32]byte
	for _, line := range h["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			token = strings.TrimSpace(token)
			name := folded(foldName(buf[:0], token))
			if !isFraming(name) && !isProvenance(name) {
				h.Del(token)
			}
		}
	}
	for name := range h {
		if mayBeHopByHop(name) && isHopByHop(folded(foldName(buf[:0], name))) {
			delete(h, name)
		}
	}
}

// requestedUpgrade is the protocol that the client asks to switch to, if it is
// one that the proxy passes on, else empty. A request with a body cannot switch:
// the body and what comes after it would be read from the connection at the same
// time.
func requestedUpgrade(r *http.Request) string {
	if r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) && r.ProtoMajor == 1 && !hasBody(r) &&
		hasToken(r.Header["Connection"], "upgrade") && hasToken(r.Header["Upgrade"], websocket) {
		return websocket
	}
	return ""
}

// agreesToUpgrade says whether an answer switches to exactly the protocol asked
// for.
func agreesToUpgrade(status int, header http.Header, asked string) bool {
	upgrade := header["Upgrade"]
	return asked != "" && status == http.StatusSwitchingProtocols && hasToken(header["Connection"], "upgrade") &&
		len(upgrade) == 1 && strings.EqualFold(strings.TrimSpace(upgrade[0]), asked)
}

// hasToken looks for a token in a list field, which may come in several lines.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}
