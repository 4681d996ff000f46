package cmd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/internal/spelling"
)

// The parsers of flag values. Their errors say what is wrong with the value;
// name, value and a right example are added by whoever knows them.

func parseSwitch(text string) (bool, error) {
	switch text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errors.New("is neither true nor false")
}

// parseText takes anything that can be shown on one line.
func parseText(text string) (string, error) {
	if strings.ContainsFunc(text, isUnprintable) {
		return "", errors.New("has control characters")
	}
	return text, nil
}

// parseTemplate takes Go templates; what they ask for is found out when they
// are used.
func parseTemplate(text string) (string, error) {
	if _, err := template.New("").Parse(text); err != nil {
		return "", fmt.Errorf("is no Go template: %s", strings.TrimPrefix(err.Error(), "template: :1: "))
	}
	return parseText(text)
}

// parseAddress takes what net.Listen takes, with a port in digits: a port that
// is a name would depend on a file that images do not have.
func parseAddress(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		if _, numeric := strconv.Atoi(text); numeric == nil {
			return "", fmt.Errorf("a port alone is written with a colon, :%s", text)
		}
		return "", errors.New("is not of the form host:port")
	}
	if number, err := strconv.Atoi(port); err != nil || number < 0 || number > 65535 {
		return "", fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	if strings.ContainsFunc(host, func(r rune) bool { return isUnprintable(r) || r == ' ' || r == '/' }) {
		return "", fmt.Errorf("host %q is neither a name nor an address", host)
	}
	return text, nil
}

// parseAddressOrOff is parseAddress, with nothing for off.
func parseAddressOrOff(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	return parseAddress(text)
}

func parseHTTPS(text string) (httpsAddress, error) {
	addr, err := parseAddressOrOff(text)
	return httpsAddress{addr: addr, asked: true}, err
}

// entry is a named place where traffic is taken in.
type entry struct{ Name, Addr string }

func parseEntry(text string) (entry, error) {
	name, addr, ok := strings.Cut(text, "=")
	if !ok {
		return entry{}, errors.New("is not of the form name=address")
	}
	if !labels.IsEntryName(name) {
		return entry{}, fmt.Errorf("the name %q is not made of a-z, 0-9, hyphens and underscores, the first a letter or digit, 63 at most", name)
	}
	if name == entryHTTP || name == entryHTTPS {
		return entry{}, fmt.Errorf("the name %q belongs to the flag --%s", name, name)
	}
	addr, err := parseAddress(addr)
	return entry{Name: name, Addr: addr}, err
}

// engine is a Docker engine to follow.
type engine struct{ Name, Host string }

// engineOff stands for none.
var engineOff = engine{Name: "off"}

var engineName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// parseEngine takes `url`, `name=url` or `off`. What stands in front of the first
// equals sign is a name only if it looks like one: urls may hold the sign.
func parseEngine(text string) (engine, error) {
	if text == engineOff.Name {
		return engineOff, nil
	}
	name, host := defaultEngineName, text
	if before, after, ok := strings.Cut(text, "="); ok && engineName.MatchString(before) {
		name, host = before, after
	}
	scheme, rest, ok := strings.Cut(host, "://")
	switch {
	case !ok || rest == "":
		return engine{}, errors.New("is not a URL")
	case scheme == "ssh":
		return engine{}, errors.New("engines over ssh are not in this version")
	case scheme != "unix" && scheme != "tcp":
		return engine{}, fmt.Errorf("scheme %q is neither unix nor tcp", scheme)
	}
	return engine{Name: name, Host: host}, nil
}

// parseNetwork takes a network in CIDR form or one address.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network", text)
	}
	return prefix.Masked(), nil
}

// parseDuration takes Go durations that are not negative.
func parseDuration(text string) (time.Duration, error) {
	duration, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("is not a duration: digits with a unit (ms, s, m, h)")
	}
	if duration < 0 {
		return 0, errors.New("is negative")
	}
	return duration, nil
}

// parseToken takes what fits into an Authorization field; nothing means none.
func parseToken(text string) (string, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("a token is made of visible ASCII characters, without spaces")
	}
	return text, nil
}

var labelPrefix = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$`)

func parseLabelPrefix(text string) (string, error) {
	if !labelPrefix.MatchString(text) {
		return "", errors.New("is not made of a-z, 0-9, hyphens and underscores, in parts joined by dots")
	}
	return text, nil
}

// parseWord takes one of the given words.
func parseWord(words ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		if slices.Contains(words, text) {
			return text, nil
		}
		return "", unknownWord{known: words, nearest: spelling.Nearest(text, words)}
	}
}

// unknownWord is a word that is none of those a flag takes.
type unknownWord struct {
	known   []string
	nearest string // empty when none is near
}

func (u unknownWord) Error() string { return "is none of " + strings.Join(u.known, ", ") }

// parsePositiveDuration takes Go durations above zero.
func parsePositiveDuration(text string) (time.Duration, error) {
	duration, err := parseDuration(text)
	if err == nil && duration == 0 {
		return 0, errors.New("is zero: a wait without a bound would let one client keep a connection for ever")
	}
	return duration, err
}

// The heads that may be allowed: shorter ones would refuse what browsers send,
// longer ones let a client take as much memory.
const (
	leastHead = 1 << 10
	mostHead  = 16 << 20
)

func parseHeadSize(text string) (int, error) {
	bytes, err := labels.ParseSize(text)
	if err != nil {
		return 0, err
	}
	if bytes < leastHead || bytes > mostHead {
		return 0, errors.New("is not from 1KiB to 16MiB")
	}
	return int(bytes), nil
}

// mostCount is more than there can be of anything that is counted.
const mostCount = 1 << 30

// parseCount takes whole numbers above zero.
func parseCount(text string) (int, error) {
	count, err := parseCountOrNone(text)
	if err == nil && count == 0 {
		return 0, errors.New("is zero")
	}
	return count, err
}

// parseCountOrNone takes whole numbers, with 0 for the default.
func parseCountOrNone(text string) (int, error) {
	count, err := strconv.ParseUint(text, 10, 31)
	if err != nil || count > mostCount {
		return 0, fmt.Errorf("is not a whole number from 0 to %d", mostCount)
	}
	return int(count), nil
}
