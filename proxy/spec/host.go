package spec

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The longest host and label of RFC 1035, in bytes.
const (
	maxHost  = 253
	maxLabel = 63
)

// ParseHost reads a host pattern as people type it: `shop.example.com`,
// `*.example.com` (one or more labels in front), `{tenant:[a-z]+}.example.com`
// (a part without an expression takes one label), `[::1]`. The result is in
// normal form: lower-case, international names as punycode, one trailing dot
// cut. Underscores are allowed because container names have them. A host never
// has a port, a scheme or a path.
func ParseHost(s string) (Host, error) {
	h, err := parseHost(s)
	if err != nil {
		return Host{}, fmt.Errorf("host %q: %w", s, err)
	}
	return h, nil
}

func parseHost(s string) (Host, error) {
	switch {
	case s == "":
		return Host{}, errors.New("it is empty")
	case s == "*":
		return Host{}, errors.New("a lone * is no host: write *.example.com, or leave the host out and give a path")
	case strings.HasPrefix(s, "["):
		return parseAddressHost(s)
	}
	parts, err := splitTemplate(s)
	if err != nil {
		return Host{}, err
	}
	if err := checkForeignParts(parts); err != nil {
		return Host{}, err
	}
	if isTemplate(parts) {
		return parseTemplateHost(parts)
	}
	if rest, ok := strings.CutPrefix(s, "*."); ok {
		name, err := normalizeName(rest)
		return Host{Kind: WildcardHost, Pattern: name}, err
	}
	name, err := normalizeName(s)
	return Host{Kind: ExactHost, Pattern: name}, err
}

// checkForeignParts refuses what belongs to a URL and not to a host.
func checkForeignParts(parts []part) error {
	for _, p := range parts {
		switch {
		case strings.Contains(p.literal, "://"):
			return errors.New("it has a scheme: a host is only a name; which listener serves it is said by `entry`")
		case strings.Contains(p.literal, ":"):
			return errors.New("it has a port: a host is only a name; which listener serves it is said by `entry`")
		case strings.Contains(p.literal, "/"):
			return errors.New("it has a path")
		case strings.Contains(strings.TrimPrefix(p.literal, "*."), "*"):
			return errors.New("a * may only stand for the first labels: *.example.com")
		}
	}
	return nil
}

func parseAddressHost(s string) (Host, error) {
	host, ok := normalizeAddress(s)
	if ok {
		return Host{Kind: ExactHost, Pattern: host}, nil
	}
	if strings.Contains(s, "]:") {
		return Host{}, errors.New("it has a port: a host is only a name; which listener serves it is said by `entry`")
	}
	return Host{}, errors.New("between the brackets is no IPv6 address")
}

// normalizeName brings a name without wildcard or template into normal form.
func normalizeName(name string) (string, error) {
	name = strings.TrimSuffix(name, ".")
	labels := strings.Split(name, ".")
	for i, label := range labels {
		ascii, err := normalizeLabel(label)
		if err != nil {
			return "", err
		}
		labels[i] = ascii
	}
	name = strings.Join(labels, ".")
	if len(name) > maxHost {
		return "", fmt.Errorf("it is longer than %d bytes", maxHost)
	}
	return name, nil
}

// normalizeLabel checks plain labels itself, because IDNA knows no underscore
// and refuses hyphens that are in use, and leaves the others to IDNA.
func normalizeLabel(label string) (string, error) {
	if !utf8.ValidString(label) {
		return "", fmt.Errorf("%q is not UTF-8", label)
	}
	label = lowerASCII(label)
	if !isASCII(label) || strings.HasPrefix(label, "xn--") {
		ascii, err := lookupProfile().ToASCII(label)
		if err != nil {
			return "", fmt.Errorf("%q is not a valid international name: %w", label, err)
		}
		label = ascii
	}
	return label, checkLabel(label)
}

// lookupProfile is IDNA2008 as for a DNS lookup (RFC 5891 section 5, UTS 46).
func lookupProfile() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true))
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("it has an empty label")
	case len(label) > maxLabel:
		return fmt.Errorf("a label is longer than %d bytes", maxLabel)
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("the label %q starts or ends with a hyphen", label)
	}
	return checkLabelBytes(label)
}

func checkLabelBytes(label string) error {
	for i := range len(label) {
		if !isHostByte(label[i]) {
			return fmt.Errorf("%q has a character that no host has", label)
		}
	}
	return nil
}

// parseTemplateHost normalises the literal parts. What touches a named part is
// only a piece of a label and has to be ASCII as it stands.
func parseTemplateHost(parts []part) (Host, error) {
	last := &parts[len(parts)-1]
	last.literal = strings.TrimSuffix(last.literal, ".")
	size := 0
	for i := range parts {
		literal := &parts[i].literal
		if parts[i].name != "" {
			continue
		}
		normal, err := normalizePieces(*literal, i > 0, i < len(parts)-1)
		if err != nil {
			return Host{}, err
		}
		*literal = normal
		size += len(normal)
	}
	if size > maxHost {
		return Host{}, fmt.Errorf("it is longer than %d bytes", maxHost)
	}
	return Host{Kind: TemplateHost, Pattern: joinTemplate(parts)}, nil
}

// normalizePieces normalises text of a template; after and before say whether a
// named part comes in front of it or follows it.
func normalizePieces(text string, after, before bool) (string, error) {
	pieces := strings.Split(text, ".")
	for i, piece := range pieces {
		if (i == 0 && after) || (i == len(pieces)-1 && before) {
			pieces[i] = lowerASCII(piece)
			if err := checkLabelBytes(pieces[i]); err != nil {
				return "", err
			}
			continue
		}
		label, err := normalizeLabel(piece)
		if err != nil {
			return "", err
		}
		pieces[i] = label
	}
	return strings.Join(pieces, "."), nil
}

// SplitHostRule parts a host rule at the first slash outside braces:
// `a.test/api` is the host `a.test` and the path `/api`. Without such a slash
// the path is empty. A URL stays whole, so that [ParseHost] can say what is
// wrong with it.
func SplitHostRule(s string) (host, path string) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '/':
			if depth != 0 {
				continue
			}
			if strings.HasSuffix(s[:i], ":") && strings.HasPrefix(s[i:], "//") {
				return s, ""
			}
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// NormalizeHost brings the Host of a request, a TLS server name or an
// `:authority` into the form that hosts are looked up by: lower-case, without
// port and one trailing dot. ok is false for what is no valid host: empty, not
// ASCII, with other characters than names and addresses have, or with a port
// that is no number. Nothing is allocated when s is in normal form already.
func NormalizeHost(s string) (host string, ok bool) {
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || !isPortSuffix(s[end+1:]) {
			return "", false
		}
		return normalizeAddress(s[:end+1])
	}
	if colon := strings.IndexByte(s, ':'); colon >= 0 {
		if !isPortSuffix(s[colon:]) {
			return "", false
		}
		s = s[:colon]
	}
	s = strings.TrimSuffix(s, ".")
	if !isRequestName(s) {
		return "", false
	}
	return lowerASCII(s), true
}

// isRequestName is laxer than checkLabel: a name with odd hyphens simply is
// nobody's.
func isRequestName(s string) bool {
	if s == "" || len(s) > maxHost {
		return false
	}
	label := 0
	for i := range len(s) {
		switch {
		case s[i] == '.':
			if label == 0 {
				return false
			}
			label = 0
		case isHostByte(s[i]) && label < maxLabel:
			label++
		default:
			return false
		}
	}
	return label > 0
}

// isPortSuffix takes nothing, a lone colon (RFC 3986 section 3.2.3 allows an
// empty port) and a colon with a port.
func isPortSuffix(s string) bool {
	if s == "" || s == ":" {
		return true
	}
	if s[0] != ':' || len(s) > 6 {
		return false
	}
	port := 0
	for i := 1; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
		port = port*10 + int(s[i]-'0')
	}
	return port <= 65535
}

// normalizeAddress writes `[IPv6]` in the form of RFC 5952.
func normalizeAddress(bracketed string) (string, bool) {
	inside, ok := strings.CutSuffix(strings.TrimPrefix(bracketed, "["), "]")
	if !ok {
		return "", false
	}
	addr, err := netip.ParseAddr(inside)
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", false
	}
	return "[" + addr.String() + "]", true
}

func isHostByte(c byte) bool { return isAlpha(c) || isDigit(c) || c == '-' || c == '_' }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// lowerASCII leaves everything but A–Z alone: Unicode folds letters that look
// alike into ASCII, and IDNA has rules of its own for them.
func lowerASCII(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return lowerFrom([]byte(s), i)
		}
	}
	return s
}

func lowerFrom(b []byte, from int) string {
	for i := from; i < len(b); i++ {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
