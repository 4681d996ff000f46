package proxy

import (
	"net/http"
	"strings"

	"github.com/rota-proxy/rota/proxy/h1"
)

// onward appends to dst the fields of a request as they are sent on. Left out is
// what was meant for the connection it came on, Proxy (which CGI programs take for
// a setting of their own), what the proxy itself says (how long the body is, and
// for which host), and every second spelling of a field that the proxy answers
// for. Where the request comes from is said by the proxy, or, if the peer is
// trusted, by the peer, and completed.
func (t trustedProxies) onward(dst []h1.Field, h http.Header, o origin) []h1.Field {
	trusted := t.trusts(o.peer)
	named := namedByConnection(h["Connection"])
	for name, values := range h {
		if !passes(name, named, trusted) {
			continue
		}
		for _, v := range values {
			dst = append(dst, h1.Field{Name: name, Value: v})
		}
	}
	if hasToken(h["Te"], "trailers") {
		dst = append(dst, h1.Field{Name: "Te", Value: "trailers"}) // gRPC needs it
	}
	if trusted {
		return t.completeProvenance(dst, h, o)
	}
	return appendProvenance(dst, o)
}

// passes says whether a field goes on.
func passes(name string, named []string, trusted bool) bool {
	underscore := hasUnderscore(name)
	if named == nil && !underscore && !mayBeSpecial(name) {
		return true
	}
	var buf [32]byte
	n := folded(foldName(buf[:0], name))
	switch {
	case isHopByHop(n), isFraming(n), n == "proxy":
		return false
	case isProvenance(n):
		return trusted && !underscore && n != "x-forwarded-for"
	}
	for _, token := range named {
		if strings.EqualFold(name, token) {
			return false
		}
	}
	return true
}

// mayBeSpecial is a quick look at the first letter.
func mayBeSpecial(name string) bool {
	return mayBeHopByHop(name) || mayBeProvenance(name)
}

// namedByConnection is the fields that Connection says are for it alone; nil in
// the usual case.
func namedByConnection(lines []string) (named []string) {
	for _, line := range lines {
		for token := range strings.SplitSeq(line, ",") {
			switch token = strings.TrimSpace(token); {
			case token == "", strings.EqualFold(token, "close"), strings.EqualFold(token, "keep-alive"), strings.EqualFold(token, "upgrade"):
			default:
				named = append(named, token)
			}
		}
	}
	return named
}

// appendProvenance says where the request comes from, as the proxy sees it.
func appendProvenance(dst []h1.Field, o origin) []h1.Field {
	if o.peer.IsValid() {
		peer := o.text
		if peer == "" {
			peer = o.peer.String()
		}
		dst = append(dst, h1.Field{Name: "X-Forwarded-For", Value: peer}, h1.Field{Name: "X-Real-Ip", Value: peer})
	}
	return append(dst,
		h1.Field{Name: "X-Forwarded-Proto", Value: o.scheme},
		h1.Field{Name: "X-Forwarded-Host", Value: o.authority},
		h1.Field{Name: "X-Forwarded-Port", Value: portOf(o.authority, o.scheme)})
}

// completeProvenance adds the peer to what it says, and what it left out.
func (t trustedProxies) completeProvenance(dst []h1.Field, h http.Header, o origin) []h1.Field {
	list := strings.Join(h["X-Forwarded-For"], ", ")
	if list != "" {
		list += ", "
	}
	dst = append(dst, h1.Field{Name: "X-Forwarded-For", Value: list + o.peer.String()})
	for _, own := range [...]h1.Field{
		{Name: "X-Real-Ip", Value: t.client(o.peer, h).String()},
		{Name: "X-Forwarded-Proto", Value: o.scheme},
		{Name: "X-Forwarded-Host", Value: o.authority},
		{Name: "X-Forwarded-Port", Value: portOf(o.authority, t.scheme(o.peer, h, o.scheme))},
	} {
		if len(h[own.Name]) == 0 {
			dst = append(dst, own)
		}
	}
	return dst
}
