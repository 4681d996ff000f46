package h1

import (
	"bytes"
	"net/netip"
)

// ValidToken says whether s is a token (RFC 9110 section 5.6.2): a method, the
// name of a field.
func ValidToken(s string) bool { return allTokens(s) }

// ValidHost says whether s may stand in a Host field: a name of letters, digits,
// `-`, `.` and `_`, an IPv4 address or a bracketed IPv6 address without zone, and
// a port if there is one. The rest of what RFC 3986 allows in a host no name of
// the DNS has. An empty s is none.
func ValidHost(s string) bool { return s != "" && validHost([]byte(s)) }

// ValidRequest says whether a Server would take in a request with this method,
// target and Host field.
func ValidRequest(method, target, host string) bool {
	for i := range len(target) {
		if !isTarget(target[i]) {
			return false
		}
	}
	return method != "" && ValidToken(method) && validTarget([]byte(method), []byte(target)) && validHost([]byte(host))
}

// validHost also takes an empty one, which a client sends if its target has none
// (RFC 9112 section 3.2).
func validHost(b []byte) bool {
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		return end > 0 && validPort(b[end+1:]) && isIPv6(b[1:end])
	}
	name := b
	if colon := bytes.IndexByte(b, ':'); colon >= 0 {
		if name = b[:colon]; colon == 0 || !validPort(b[colon:]) {
			return false
		}
	}
	return allOf(inHost, name)
}

func isIPv6(b []byte) bool {
	addr, err := netip.ParseAddr(string(b))
	return err == nil && addr.Is6() && addr.Zone() == ""
}

// validPort takes nothing, a lone colon (RFC 3986 section 3.2.3 allows an empty
// port), or a colon and a port.
func validPort(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	return b[0] == ':' && len(b) <= len(":65535") && allOf(inDigits, b[1:])
}

// validTarget says whether target has one of the forms of RFC 9112 section 3.2
// that go with the method. Its bytes have been looked at. CONNECT takes a host
// with port, or a path so that there is something to answer 405 to.
func validTarget(method, target []byte) bool {
	switch {
	case len(target) == 0:
		return false
	case target[0] == '/':
		return validEscapes(target)
	case string(method) == "CONNECT":
		return bytes.LastIndexByte(target, ':') > bytes.LastIndexByte(target, ']') && validHost(target)
	case len(target) == 1 && target[0] == '*':
		return string(method) == "OPTIONS"
	}
	authority, rest := splitAbsolute(target)
	return len(authority) > 0 && validHost(authority) && validEscapes(rest)
}

// splitAbsolute cuts the authority out of an http or https URL; it is empty if
// target is none.
func splitAbsolute(target []byte) (authority, rest []byte) {
	rest = cutScheme(target)
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	return rest[:end], rest[end:]
}

func cutScheme(target []byte) []byte {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(target) > len(scheme) && equalFold(target[:len(scheme)], scheme) {
			return target[len(scheme):]
		}
	}
	return nil
}

// validEscapes says whether each % of the path has its two digits. Queries are
// everybody's own affair.
func validEscapes(path []byte) bool {
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 || bytes.IndexByte(path[:i], '?') >= 0 {
			return true
		}
		if i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2]) {
			return false
		}
		path = path[i+3:]
	}
}
