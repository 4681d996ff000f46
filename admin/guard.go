package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// guard refuses what a request to this listener must not be like, in the order
// in which the least is given away.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header())
		trusted := s.hasToken(r)
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			s.refuse(w, http.StatusMethodNotAllowed, "this listener only answers GET and HEAD")
		case !trusted && !s.isOwnHost(r.Host):
			s.refuse(w, http.StatusForbidden, "the Host of the request is not this listener's; "+
				"use its address, or send the token")
		case !isOwnOrigin(r):
			s.refuse(w, http.StatusForbidden, "pages of other origins are not answered")
		case s.options.Token != "" && !trusted && !isPublic(r.URL.Path):
			w.Header().Set("WWW-Authenticate", `Bearer realm="rota"`)
			s.refuse(w, http.StatusUnauthorized, "send the token of --admin-token as Authorization: Bearer TOKEN")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// protect sets what keeps browsers and caches from making more of an answer
// than it is.
func protect(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
}

// isPublic: an engine's health check and a load balancer have no token.
func isPublic(path string) bool { return path == pathHealth || path == pathReady }

// hasToken says whether the request carries the token. Hashes are compared, so
// that the time taken tells neither its bytes nor its length.
func (s *Server) hasToken(r *http.Request) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if s.options.Token == "" || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	want, got := sha256.Sum256([]byte(s.options.Token)), sha256.Sum256([]byte(strings.TrimSpace(given)))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// isOwnHost says whether a Host is one under which this listener is meant to be
// reached: a name of the loopback address, the configured host, or, when it
// listens everywhere, any address (never a name, which somebody else could have
// made to resolve to us).
func (s *Server) isOwnHost(host string) bool {
	name := hostName(host)
	own := hostName(s.options.Addr)
	if name == "localhost" || name != "" && name == own {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	return ip.Unmap().IsLoopback() || isWildcard(own)
}

func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// hostName is the host of `host:port` in lower case, without port, brackets and
// a trailing dot.
func hostName(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isOwnOrigin says whether a request comes from no page at all or from one of
// this listener's own.
func isOwnOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	origin, err := url.Parse(origins[0])
	return err == nil && len(origins) == 1 && origin.Host != "" && strings.EqualFold(origin.Host, r.Host)
}
