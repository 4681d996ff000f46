package labels

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/rota-proxy/rota/internal/spelling"
	"github.com/rota-proxy/rota/proxy/spec"
)

// The bounds of what labels may say. They keep a hostile label from costing
// more than a look.
const (
	MaxLabels  = 1000           // labels of ours on one container
	MaxValue   = 16 << 10       // bytes of one value
	MaxPattern = spec.MaxRegexp // bytes of one regular expression
	MaxMatches = 1000           // hosts times paths of one Target

	// Of all labels of a container together.
	MaxText     = 128 << 10 // bytes of keys and values
	MaxPatterns = 16 << 10  // bytes of regular expressions
	MaxCost     = 256 << 10 // of all matches, see [spec.Match.Cost]

	maxName  = 63        // bytes of a Target's or listener's name
	maxCount = 1_000_000 // of any number without a bound of its own
)

// off is the word that disables a duration, size or count.
const off = "off"

// refusal is what a value parser says when it does not take a value.
type refusal struct {
	reason  string
	nearest string // what was probably meant, or ""
	item    string // the item of a list that it is about, or ""
	// elsewhere: nearest is another label, which the value belongs to.
	elsewhere bool
}

func (r refusal) Error() string { return r.reason }

func refuse(nearest, format string, a ...any) error {
	return refusal{reason: fmt.Sprintf(format, a...), nearest: nearest}
}

func nearestOf(err error) string {
	r, _ := err.(refusal)
	return r.nearest
}

// duration reads a Go duration above zero, or `off`, which is 0.
func duration(s string) (time.Duration, error) {
	if s == off {
		return 0, nil
	}
	if _, err := strconv.ParseUint(s, 10, 31); err == nil && s != "0" {
		return 0, refuse(s+"s", "has no unit (ms, s, m, h)")
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, refuse(spelling.Nearest(strings.ToLower(s), []string{off}), "is not a duration like 500ms, 30s or 2m")
	case d < 0:
		return 0, refuse("", "is negative")
	case d == 0:
		return 0, refuse(off, "is not taken for off; say off")
	}
	return d, nil
}

// noDialLimit stands for a dial limit that is off: zero would mean the default,
// and the kernel gives up on a connection long before.
const noDialLimit = time.Hour

func dialLimit(s string) (time.Duration, error) {
	if s == off {
		return noDialLimit, nil
	}
	return duration(s)
}

// count reads a whole number above zero, or `off`, which is 0.
func count(s string) (int, error) {
	if s == off {
		return 0, nil
	}
	n, err := integer(1, maxCount)(s)
	switch {
	case err == nil:
		return n, nil
	case s == "0":
		return 0, refuse(off, "is not taken for off; say off")
	}
	return 0, refuse(spelling.Nearest(strings.ToLower(s), []string{off}), "%s, nor off", err)
}

// integer reads a whole number within bounds.
func integer(low, high int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return 0, refuse("", "is not a whole number from %d to %d", low, high)
		}
		return n, nil
	}
}

// port reads a port number; `8080/tcp`, as engines write it, is only recognised
// to say what to type instead.
func port(s string) (int, error) {
	if number, isTCP := strings.CutSuffix(s, "/tcp"); isTCP {
		return 0, refuse(number, "is a port with its protocol; the number alone is wanted")
	}
	number := integer(1, math.MaxUint16)
	if _, inside, mapped := strings.Cut(s, ":"); mapped {
		if _, err := number(inside); err == nil {
			return 0, refuse(inside, "looks like a published port; the port inside the container is wanted")
		}
	}
	return number(s)
}

// weight is a share of requests; 0 and `off` take the Upstream out.
func weight(s string) (int, error) {
	if s == off {
		return 0, nil
	}
	return integer(0, spec.MaxWeight)(s)
}

// boolean reads `true` or `false`.
func boolean(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, refuse(meantBoolean(s), "is neither true nor false")
}

func meantBoolean(s string) string {
	switch strings.ToLower(s) {
	case "true", "yes", "y", "on", "1":
		return "true"
	case "false", "no", "n", "off", "0":
		return "false"
	}
	return spelling.Nearest(strings.ToLower(s), []string{"true", "false"})
}

// sizeUnits, longest first so that `KiB` is not read as `B`.
var sizeUnits = [...]struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
}

// size reads a number of bytes with a unit, or `off`, which is 0.
func size(s string) (int64, error) {
	if s == off {
		return 0, nil
	}
	for _, unit := range sizeUnits {
		digits, found := strings.CutSuffix(s, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 1 || n > math.MaxInt64/unit.bytes {
			return 0, refuse("", "is not a size above zero")
		}
		return n * unit.bytes, nil
	}
	return 0, refuse(meantSize(s), "is not a size; the units are KB, MB, GB, KiB, MiB, GiB")
}

// ParseSize reads a number of bytes with a unit, as labels give it; `off` is 0.
func ParseSize(s string) (int64, error) { return size(s) }

func meantSize(s string) string {
	digits := strings.TrimRight(s, "bBiIkKmMgG ")
	if _, err := strconv.ParseUint(digits, 10, 63); err != nil {
		return ""
	}
	for _, unit := range sizeUnits {
		if strings.EqualFold(strings.TrimSpace(s[len(digits):]), unit.name) {
			return digits + unit.name
		}
	}
	return digits + "MiB"
}

// percentage reads `20%` as 0.2.
func percentage(s string) (float64, error) {
	digits, found := strings.CutSuffix(s, "%")
	n, err := strconv.ParseFloat(digits, 64)
	switch {
	case err == nil && !found:
		return 0, refuse(s+"%", "has no percent sign")
	case err != nil || !(n > 0 && n <= 100): // the negation catches NaN
		return 0, refuse("", "is not a percentage like 20%%, above 0%% and up to 100%%")
	}
	return n / 100, nil
}

// budget is a percentage; `off` is no bound, which spec writes as negative.
func budget(s string) (float64, error) {
	if s == off {
		return -1, nil
	}
	return percentage(s)
}

// oneOf reads one of a closed list of words.
func oneOf[T ~string](words ...T) func(string) (T, error) {
	return func(s string) (T, error) {
		names := make([]string, len(words))
		for i, word := range words {
			if string(word) == s {
				return word, nil
			}
			names[i] = string(word)
		}
		return "", refuse(spelling.Nearest(strings.ToLower(s), names), "is none of %s", strings.Join(names, ", "))
	}
}

// list reads items split at commas outside braces.
func list[T any](item func(string) (T, error)) func(string) ([]T, error) {
	return func(s string) ([]T, error) {
		var all []T
		for _, part := range splitList(s) {
			if part == "" {
				return nil, refuse("", "has an empty item")
			}
			one, err := item(part)
			if err != nil {
				return nil, inItem(s, part, err)
			}
			all = append(all, one)
		}
		return all, nil
	}
}

// inItem says which item of a list an error is about, if there are several.
func inItem(value, item string, err error) error {
	if value == item {
		return err
	}
	return refusal{reason: err.Error(), nearest: nearestOf(err), item: item}
}

// splitList cuts at commas outside braces and trims; there are no escapes.
func splitList(s string) []string {
	var parts []string
	depth, start := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth = max(depth-1, 0)
		case ',':
			if depth == 0 {
				parts = append(parts, strings.TrimSpace(s[start:i]))
				start = i + 1
			}
		}
	}
	return append(parts, strings.TrimSpace(s[start:]))
}

// status reads one status code or an inclusive range of them: `502`, `500-599`.
func status(s string) (spec.StatusRange, error) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	from, err := statusCode(first)
	if err != nil {
		return spec.StatusRange{}, err
	}
	to, err := statusCode(last)
	if err != nil {
		return spec.StatusRange{}, err
	}
	if to < from {
		return spec.StatusRange{}, refuse(last+"-"+first, "is a range that runs backwards")
	}
	return spec.StatusRange{From: from, To: to}, nil
}

func statusCode(s string) (int, error) {
	code, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || code < 200 || code > 599 {
		return 0, refuse("", "is not a status from 200 to 599")
	}
	return code, nil
}

// network reads a CIDR, or a lone address as the network of just that one. Host
// bits are refused, not cut off: in an access rule a slip must not widen it.
func network(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, refuse("", "is not a network like 10.0.0.0/8 or 2001:db8::/32")
	}
	if p != p.Masked() {
		return netip.Prefix{}, refuse(p.Masked().String(), "has bits set behind its prefix length")
	}
	return unmap(p), nil
}

// unmap turns a network of IPv4 addresses written as IPv6 into IPv4.
func unmap(p netip.Prefix) netip.Prefix {
	if !p.Addr().Is4In6() || p.Bits() < 96 {
		return p
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
}

// method reads a request method, in any case.
func method(s string) (string, error) {
	m := strings.ToUpper(s)
	switch {
	case !httpguts.ValidHeaderFieldName(m):
		return "", refuse("", "is not a request method")
	case m == "CONNECT":
		return "", refuse("", "is never forwarded")
	}
	return m, nil
}

// pattern checks a regular expression: RE2, of bounded length.
func pattern(s string) (string, error) {
	if len(s) > MaxPattern {
		return "", refuse("", "has a regular expression longer than %d bytes", MaxPattern)
	}
	if s == "" {
		return "", refuse("", "has no regular expression after the ~")
	}
	_, err := spec.RegexpSize(s)
	if fault := (*syntax.Error)(nil); errors.As(err, &fault) {
		return "", refuse("", "is not a regular expression that RE2 takes: %s", fault.Code)
	}
	if err != nil {
		return "", refuse("", "has %s", err)
	}
	return s, nil
}

// hostRule is one item of `host`: a host, and a path if one is written behind it.
type hostRule struct {
	host    spec.Host
	path    spec.Path
	hasPath bool
}

func parseHostRule(s string) (hostRule, error) {
	host, path := spec.SplitHostRule(s)
	h, err := spec.ParseHost(host)
	if err != nil {
		return hostRule{}, refuse(bareHost(s), "%s", reasonOf(err))
	}
	if path == "" {
		return hostRule{host: h}, nil
	}
	p, err := parsePath(path)
	return hostRule{host: h, path: p, hasPath: true}, err
}

func parsePath(s string) (spec.Path, error) {
	p, err := spec.ParsePath(s)
	if err == nil {
		return p, nil
	}
	if rooted := "/" + s; !strings.ContainsAny(s[:1], "/=") {
		if _, err := spec.ParsePath(rooted); err == nil {
			return p, refuse(rooted, "does not start with a slash")
		}
	}
	return p, refuse("", "%s", reasonOf(err))
}

// reasonOf is what spec finds wrong, without the value that it puts in front.
func reasonOf(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return strings.TrimPrefix(err.Error(), "it ")
}

// bareHost mends a URL where a host is wanted: without scheme and port, if that
// makes it a host.
func bareHost(s string) string {
	_, rest, isURL := strings.Cut(s, "://")
	if !isURL {
		rest = s
	}
	host, path := spec.SplitHostRule(rest)
	name, _, _ := strings.Cut(host, ":")
	if _, err := spec.ParseHost(name); err != nil {
		return ""
	}
	return name + strings.TrimSuffix(path, "/")
}

// certificateHost reads the name a certificate must be valid for.
func certificateHost(s string) (string, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.String(), nil
	}
	h, err := spec.ParseHost(s)
	if err != nil {
		return "", refuse("", "%s", reasonOf(err))
	}
	if h.Kind != spec.ExactHost {
		return "", refuse("", "is a pattern; one name is wanted")
	}
	return h.Pattern, nil
}

// plainName reads the name of something outside the labels: an engine's network,
// a file in a folder the operator chose. It can never be a path.
func plainName(s string) (string, error) {
	if len(s) > 128 || !isPlain(s, "_.-") {
		return "", refuse("", "is not a name of letters, digits, _ . and -, starting with a letter or digit")
	}
	return s, nil
}

// certificateChoice reads `off`, which is "", a word for where the certificate
// comes from, or the name of one.
func certificateChoice(s string) (string, error) {
	low := strings.ToLower(s)
	switch {
	case s == off:
		return "", nil
	case low != s && (low == off || low == spec.CertAuto || low == spec.CertInternal):
		return "", refuse(low, "is written in lower case")
	case meantBoolean(s) == "true":
		return "", refuse(spec.CertAuto, "is no certificate; it takes auto, internal or the name of one in --certs")
	case meantBoolean(s) == "false":
		return "", refuse(off, "is no certificate; none is said by off")
	}
	return plainName(s)
}

func tlsVersion(s string) (uint16, error) {
	switch strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(s), "tls"), "v") {
	case "1.2":
		return spec.TLS12, wantPlain(s, "1.2")
	case "1.3":
		return spec.TLS13, wantPlain(s, "1.3")
	case "1.0", "1.1":
		return 0, refuse("1.2", "is a version that is not spoken")
	}
	return 0, refuse("", "is neither 1.2 nor 1.3")
}

func wantPlain(s, right string) error {
	if s == right {
		return nil
	}
	return refuse(right, "is neither 1.2 nor 1.3")
}

const (
	year       = 365 * 24 * time.Hour
	subdomains = "subdomains"
	preload    = "preload"
)

// transportSecurity reads how long browsers are to use https alone, and for what
// besides the host, as the value of the field that says so (RFC 6797 section 6.1).
func transportSecurity(s string) (string, error) {
	if s == off {
		return "", nil
	}
	first, rest, further := strings.Cut(s, ",")
	first = strings.TrimSpace(first)
	age, err := transportAge(first)
	if err != nil {
		return "", inItem(s, first, err)
	}
	value := "max-age=" + strconv.FormatInt(int64(age/time.Second), 10)
	if !further {
		return value, nil
	}
	words, err := list(oneOf(subdomains, preload))(rest)
	if err != nil {
		return "", err
	}
	if slices.Contains(words, subdomains) {
		value += "; includeSubDomains"
	}
	if slices.Contains(words, preload) {
		if !slices.Contains(words, subdomains) || age < year {
			return "", refuse("true, subdomains, preload", "asks for preload, which takes a year at least and subdomains")
		}
		value += "; preload"
	}
	return value, nil
}

func transportAge(s string) (time.Duration, error) {
	switch s {
	case "true":
		return year, nil
	case "0":
		return 0, nil
	case off, "false", subdomains, preload:
		return 0, refuse("true", "stands where true or a duration is wanted")
	}
	age, err := duration(s)
	if err == nil && age < time.Second {
		return 0, refuse("1s", "is less than a second")
	}
	return age, err
}

// entryName reads the name of a listener.
func entryName(s string) (string, error) {
	if low := strings.ToLower(s); !IsEntryName(s) {
		if !IsEntryName(low) {
			low = ""
		}
		return "", refuse(low, "is not the name of an entry: lower-case letters, digits, _ and -")
	}
	return s, nil
}

// IsEntryName says whether a listener may be called s: what a Target may.
func IsEntryName(s string) bool { return IsTargetName(s) }

// IsTargetName says whether s is `[a-z0-9][a-z0-9_-]{0,62}`.
func IsTargetName(s string) bool {
	return len(s) <= maxName && s == strings.ToLower(s) && isPlain(s, "_-")
}

// isPlain says whether s starts with a letter or digit and goes on with those
// and the extra bytes.
func isPlain(s, extra string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && (i == 0 || !strings.Contains(extra, string(c))) {
			return false
		}
	}
	return s != ""
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// base reads the path and query put in front of a request's. "/" is the same as
// nothing.
func base(s string) (string, error) {
	u, err := url.ParseRequestURI(s)
	switch {
	case !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//"):
		return "", refuse("", "is not a path like /base; it starts with one slash, for an Upstream is always the container itself")
	case err != nil || strings.ContainsAny(s, "#\\ "):
		return "", refuse("", "is not a path with an optional query")
	case hasDotSegment(u.Path):
		return "", refuse("", "has a dot segment")
	case s == "/":
		return "", nil
	}
	return s, nil
}

func hasDotSegment(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// hostHeader reads `keep`, `upstream` or a literal host with an optional port.
func hostHeader(s string) (string, error) {
	words := []string{spec.HostKeep, spec.HostUpstream}
	for _, word := range words {
		if s != word && spelling.Distance(strings.ToLower(s), word, 2) < 2 {
			return "", refuse(word, "is almost a word with a meaning of its own")
		}
	}
	if len(s) > 255 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") != "" {
		return "", refuse("", "is neither keep, upstream nor a host")
	}
	return s, nil
}
