package proxy

import (
	"net/http"

	"github.com/rota-proxy/rota/proxy/spec"
)

// hostHeader is what the Upstream sees as Host.
func hostHeader(u *spec.Upstream, in *inbound) string {
	switch u.HostHeader {
	case spec.HostUpstream:
		return u.Address
	case spec.HostKeep, "":
		return in.authority
	}
	return u.HostHeader
}

// permittedTrailers are the announced fields that may follow a body, without
// their values, which are known at its end.
func permittedTrailers(announced http.Header) http.Header {
	trailer := http.Header{}
	for name := range announced {
		if mayTrail(name) {
			trailer[name] = nil
		}
	}
	return trailer
}

func fillTrailers(trailer, received http.Header) {
	for name := range trailer {
		trailer[name] = received[name]
	}
}
