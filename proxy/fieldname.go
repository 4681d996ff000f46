package proxy

import "strings"

// folded is the name of a header field in the one spelling in which names are
// compared here: lower-case, with hyphens. Servers behind the proxy turn both
// into the same variable, so `X_Forwarded_For` is as good as the real one.
type folded string

// foldName appends the folded name to buf, which saves an allocation when it
// has room: compare the result as folded(b).
func foldName(buf []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_':
			c = '-'
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		buf = append(buf, c)
	}
	return buf
}

// hasUnderscore: the name is not the usual spelling of what it folds to.
func hasUnderscore(name string) bool { return strings.IndexByte(name, '_') >= 0 }

// isProvenance: the field says where a request comes from or what it asked for
// before somebody changed it. X-Forwarded-For and its kin, and what load
// balancers, content networks and frameworks invented beside it.
func isProvenance(name folded) bool {
	switch name {
	case "forwarded", "x-forwarded", "forwarded-for", "x-forwarder-for",
		"x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "x-true-client-ip", "cf-connecting-ip",
		"cf-connecting-ipv6", "fastly-client-ip", "x-cluster-client-ip", "x-envoy-external-address",
		"x-originating-ip", "x-remote-ip", "x-remote-addr", "x-proxyuser-ip", "proxy-client-ip", "wl-proxy-client-ip",
		"x-azure-clientip", "x-appengine-user-ip",
		"front-end-https", "x-url-scheme", "x-scheme", "x-https",
		"x-host", "x-http-host-override", "x-rewrite-url", "x-override-url":
		return true
	}
	return strings.HasPrefix(string(name), "x-forwarded-") || strings.HasPrefix(string(name), "x-original-")
}

// mayBeProvenance is a quick look at the first letter.
func mayBeProvenance(name string) bool {
	return name != "" && strings.IndexByte("xftcpw", name[0]|0x20) >= 0
}

// isHopByHop: the field is about one connection (RFC 9110 section 7.6.1), or was
// before the RFC knew.
func isHopByHop(name folded) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
		"http2-settings", "proxy-authenticate", "proxy-authorization":
		return true
	}
	return false
}

// mayBeHopByHop is a quick look at the first letter.
func mayBeHopByHop(name string) bool {
	return name != "" && strings.IndexByte("ckpthu", name[0]|0x20) >= 0
}

// isFraming: the proxy alone says where a message ends and whom it is for.
func isFraming(name folded) bool { return name == "host" || name == "content-length" }

// mayTrail says whether a trailer field may be sent on: not if it would change
// framing, routing, access or how the content is read (RFC 9110 section 6.5.1).
func mayTrail(name string) bool {
	n := folded(foldName(nil, name))
	switch n {
	case "", "authorization", "cookie", "set-cookie", "www-authenticate", "authentication-info", "proxy-authentication-info",
		"cache-control", "age", "expires", "date", "pragma", "vary", "location", "retry-after", "warning",
		"content-encoding", "content-type", "content-range", "expect", "max-forwards", "range", "proxy", "rota-reason":
		return false
	}
	return !isHopByHop(n) && !isFraming(n) && !isProvenance(n) && !strings.HasPrefix(string(n), "if-")
}
