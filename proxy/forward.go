package proxy

import (
	"context"
	"maps"
	"net/http"

	"github.com/rota-proxy/rota/proxy/spec"
)

// outgoing is the request as the Upstream gets it. Its header is shared by all
// attempts and not changed any more.
func (x *exchange) outgoing(ctx context.Context, a *attempt, c choice) *http.Request {
	u := c.upstream.spec.Load()
	out := (&http.Request{
		Method: x.r.Method,
		URL:    destination(u, x.in.path, x.in.query),
		Host:   hostHeader(u, x.in),
		Header: x.in.header,
		Close:  c.doubtful,
	}).WithContext(ctx)
	if x.in.body == nil {
		return out
	}
	view := x.in.body.view()
	view.progress = a.progress
	out.Body, out.ContentLength = view, x.r.ContentLength
	if len(x.in.trailer) > 0 {
		trailer := maps.Clone(x.in.trailer)
		out.Trailer = trailer
		view.ended = func() { fillTrailers(trailer, x.r.Trailer) }
	}
	return out
}

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
