package spec

import (
	"errors"
	"fmt"
	"strings"
)

// maxPath bounds a path pattern, in bytes.
const maxPath = 4 << 10

// ParsePath reads a path pattern as people type it: `/api` (this segment and
// everything below), `/u/{id:[0-9]+}` (a part without an expression takes one
// segment), and either with `=` in front (nothing may follow). The literal text
// is brought into the form request paths are compared in, see [NormalizePath];
// expressions are compared with that form as they stand. A slash at the end of
// a prefix means nothing and is cut.
func ParsePath(s string) (Path, error) {
	p, err := parsePath(s)
	if err != nil {
		return Path{}, fmt.Errorf("path %q: %w", s, err)
	}
	return p, nil
}

func parsePath(s string) (Path, error) {
	if len(s) > maxPath {
		return Path{}, fmt.Errorf("it is longer than %d bytes", maxPath)
	}
	pattern, exact := strings.CutPrefix(s, "=")
	parts, err := splitTemplate(pattern)
	if err != nil {
		return Path{}, err
	}
	if err := checkPathLiterals(parts); err != nil {
		return Path{}, err
	}
	pattern, err = normalizePattern(pattern, parts)
	if err != nil {
		return Path{}, err
	}
	if !exact && len(pattern) > 1 {
		pattern = strings.TrimSuffix(pattern, "/")
	}
	return Path{Pattern: pattern, Exact: exact, Template: isTemplate(parts)}, nil
}

func checkPathLiterals(parts []part) error {
	for _, p := range parts {
		switch {
		case strings.ContainsAny(p.literal, "?#"):
			return errors.New("it has a query or fragment: conditions on the query are said by `query`")
		case strings.Contains(p.literal, ";"):
			return errors.New("it has a path parameter (`;`): they decide nothing")
		case strings.Contains(p.literal, "*"):
			return errors.New("* means nothing in a path: a prefix takes everything below, {name} takes one segment")
		}
	}
	return nil
}

func normalizePattern(pattern string, parts []part) (string, error) {
	if !isTemplate(parts) {
		return NormalizePath(pattern)
	}
	// Each part stands for something; what that is does not matter for the
	// question whether the text around it is a sound path.
	var skeleton strings.Builder
	for i, p := range parts {
		if p.name != "" {
			skeleton.WriteByte('x')
			continue
		}
		literal, err := normalizeOctets(p.literal)
		if err != nil {
			return "", err
		}
		parts[i].literal = literal
		skeleton.WriteString(literal)
	}
	normal, err := NormalizePath(skeleton.String())
	if err != nil {
		return "", err
	}
	if normal != skeleton.String() {
		return "", errors.New("a template has no `.` and `..` segments")
	}
	return joinTemplate(parts), nil
}

// PathError says why a path has no single meaning: servers behind the proxy
// would disagree about which resource it names, so nothing can be decided on it.
type PathError string

// The reasons for which [NormalizePath] refuses a path.
const (
	RelativePath  PathError = "it does not start with a slash"
	BadEscape     PathError = "a % is not followed by two hexadecimal digits"
	EncodedSlash  PathError = "it has an encoded slash (%2F)"
	Backslash     PathError = "it has a backslash"
	NulByte       PathError = "it has a NUL byte"
	EmptySegment  PathError = "it has an empty segment (//)"
	DotParameters PathError = "it has a dot segment with a parameter (..;)"
)

func (e PathError) Error() string { return string(e) }

// NormalizePath brings the raw path of a request target into the one form that
// decides about it and is sent on (RFC 3986 section 6.2.2): encoded unreserved
// characters are decoded, hexadecimal digits upper-cased, characters that may
// not stand in a path encoded, dot segments removed. What servers are known to
// read in different ways is an error of type [PathError]. Decoding happens once:
// `%252f` stays. Nothing is allocated when raw is in normal form already.
func NormalizePath(raw string) (string, error) {
	if raw == "" || raw[0] != '/' {
		return "", RelativePath
	}
	if isNormalPath(raw) {
		return raw, nil
	}
	path, err := normalizeOctets(raw)
	if err != nil {
		return "", err
	}
	return removeDotSegments(path)
}

// isNormalPath is the quick look that clears most paths; false only means that
// a closer one is needed.
func isNormalPath(path string) bool {
	afterSlash := false
	for i := range len(path) {
		c := path[i]
		if !isPathByte(c) || (afterSlash && (c == '/' || c == '.' || c == ';')) {
			return false
		}
		afterSlash = c == '/'
	}
	return true
}

func normalizeOctets(s string) (string, error) {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c, encoded := s[i], s[i] == '%'
		if encoded {
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", BadEscape
			}
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		}
		switch {
		case c == 0:
			return "", NulByte
		case c == '\\':
			return "", Backslash
		case c == '/' && encoded:
			return "", EncodedSlash
		case isUnreserved(c) || (!encoded && isPathByte(c)):
			b.WriteByte(c)
		default:
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String(), nil
}

// removeDotSegments is RFC 3986 section 5.2.4 on a path whose characters are in
// normal form. Path parameters hide segments from some servers and not from
// others, so those that would make a segment empty or a dot segment are errors.
func removeDotSegments(path string) (string, error) {
	segments := strings.Split(path[1:], "/")
	kept := segments[:0]
	for i, segment := range segments {
		last := i == len(segments)-1
		name, _, _ := strings.Cut(segment, ";")
		switch {
		case name == "" && !last:
			return "", EmptySegment
		case isDotWithParameter(segment):
			return "", DotParameters
		case segment == "..":
			kept = kept[:max(0, len(kept)-1)]
		case segment != ".":
			kept = append(kept, segment)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/"), nil
}

// isDotWithParameter also knows the encoded semicolon: some servers decode
// before they cut parameters off.
func isDotWithParameter(segment string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(segment, "."), ".")
	return len(rest) < len(segment) && (strings.HasPrefix(rest, ";") || strings.HasPrefix(rest, "%3B"))
}

// isPathByte is pchar of RFC 3986 without percent, and the slash.
func isPathByte(c byte) bool {
	return isUnreserved(c) || strings.IndexByte("/!$&'()*+,;=:@", c) >= 0
}

func isUnreserved(c byte) bool {
	return isAlpha(c) || isDigit(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

func isHex(c byte) bool { return isDigit(c) || ('a' <= c|0x20 && c|0x20 <= 'f') }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
