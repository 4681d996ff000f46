package proxy

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/rota-proxy/rota/proxy/spec"
)

// identity is what a request asks for, taken apart once. Everything that decides
// on a request (routing, access, what is sent on) starts from here and from
// nothing else, so that no two parts can read it in two ways.
type identity struct {
	// host is the normal form, see [spec.NormalizeHost].
	host string
	// authority is host and port as the client wrote them.
	authority string
	// path starts with a slash and is as received, byte for byte.
	path string
	// query is as received and begins with its question mark, if there was one.
	query string
}

// inquiry is all that may decide where a request goes.
type inquiry struct {
	identity
	entry  string // name of the listener
	method string
	header http.Header
	client netip.Addr // the zero Addr is in no network
}

// read reads a request that came in at entry from client. The code is that of the
// answer to give instead when the request names nothing that could be routed, else
// empty.
func (q *inquiry) read(r *http.Request, entry string, client netip.Addr) (refusal answerCode) {
	q.entry, q.method, q.header, q.client = entry, r.Method, r.Header, client
	q.identity, refusal = identify(r)
	return refusal
}

// identify takes the request target apart (RFC 9112 section 3.2). An absolute
// target wins over Host; authority- and asterisk-form, fragments and bytes that
// no target has are refused, as is CONNECT in every form.
func identify(r *http.Request) (identity, answerCode) {
	if r.Method == http.MethodConnect {
		return identity{}, codeConnect
	}
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI() // not from a server: somebody calls the handler
	}
	id, ok := splitTarget(target)
	if !ok || (id.path == "" && r.Method == http.MethodOptions) {
		// OPTIONS with an empty path is the asterisk-form in disguise.
		return identity{}, codeBadTarget
	}
	if id.path == "" {
		id.path = "/"
	}
	absolute := id.authority != ""
	if !absolute {
		id.authority = r.Host
	}
	host, ok := spec.NormalizeHost(id.authority)
	if !ok || (!absolute && contradictsHost(r.Header, host)) {
		return identity{}, codeBadHost
	}
	id.host = host
	return id, ""
}

// contradictsHost finds a second Host. Servers take the field out of the header;
// one that is left came beside another or beside an `:authority`.
func contradictsHost(h http.Header, host string) bool {
	values := h["Host"]
	if len(values) > 1 {
		return true
	}
	for _, v := range values {
		if other, ok := spec.NormalizeHost(v); !ok || other != host {
			return true
		}
	}
	return false
}

// splitTarget takes origin- and absolute-form apart; only the latter has an
// authority.
func splitTarget(target string) (id identity, ok bool) {
	if !isTargetText(target) {
		return identity{}, false
	}
	if target[0] != '/' {
		rest, ok := cutScheme(target)
		if !ok {
			return identity{}, false
		}
		end := strings.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		if end == 0 {
			return identity{}, false
		}
		id.authority, target = rest[:end], rest[end:]
	}
	id.path = target
	if q := strings.IndexByte(target, '?'); q >= 0 {
		id.path, id.query = target[:q], target[q:]
	}
	return id, true
}

func isTargetText(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '#' {
			return false
		}
	}
	return s != ""
}

func cutScheme(target string) (string, bool) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(target) >= len(scheme) && strings.EqualFold(target[:len(scheme)], scheme) {
			return target[len(scheme):], true
		}
	}
	return "", false
}

// withoutParameters is path without `;x=1` at the end of its segments. Some
// servers cut those off before they look at a path, others do not; rules are
// compared without, so that `/admin;x/users` is under `/admin` for everybody.
func withoutParameters(path string) string {
	if strings.IndexByte(path, ';') < 0 {
		return path
	}
	var b strings.Builder
	b.Grow(len(path))
	inside := false
	for i := range len(path) {
		switch path[i] {
		case ';':
			inside = true
		case '/':
			inside = false
		}
		if !inside {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}
