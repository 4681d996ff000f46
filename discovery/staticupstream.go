package discovery

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/internal/spelling"
	"github.com/rota-proxy/rota/proxy/spec"
)

// staticAddress is what the URL of a static Upstream says.
type staticAddress struct {
	scheme spec.Scheme
	host   string // an IP address, or a name in normal form
	port   string
	base   string
}

// urlFault is why a URL cannot be an Upstream, and what was probably meant.
type urlFault struct{ reason, nearest string }

func (f urlFault) Error() string { return f.reason }

var staticSchemes = []string{string(spec.HTTP), string(spec.HTTPS), string(spec.H2C)}

// parseStaticURL reads `http://10.0.0.7:8080/base?x=1`. An error is a urlFault
// and never repeats the URL, which may hold a password.
func parseStaticURL(raw string) (staticAddress, error) {
	fault := func(nearest, format string, a ...any) (staticAddress, error) {
		return staticAddress{}, urlFault{fmt.Sprintf(format, a...), nearest}
	}
	switch {
	case raw == "":
		return fault("", "is empty")
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fault("", "has characters that no URL has, such as spaces; each item of the list is one URL")
	case !strings.Contains(raw, "//"):
		return fault("http://"+raw, "has no scheme")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return fault("", "is no URL")
	}
	switch {
	case !slices.Contains(staticSchemes, u.Scheme):
		near := spelling.Nearest(strings.ToLower(u.Scheme), staticSchemes)
		if near != "" {
			near += strings.TrimPrefix(raw, u.Scheme)
		}
		return fault(near, "has a scheme that is none of %s", strings.Join(staticSchemes, ", "))
	case u.User != nil:
		return fault("", "holds a user name, which is sent to nobody")
	case strings.Contains(raw, "#"):
		return fault("", "has a fragment, which is sent to nobody")
	case strings.HasPrefix(u.Path, "//"):
		return fault("", "has a path that begins with two slashes")
	case hasDotSegments(u.Path):
		return fault("", "has a dot segment in its path")
	}
	a := staticAddress{scheme: spec.Scheme(u.Scheme), port: u.Port(), base: baseOf(u)}
	if a.host, err = staticHost(u.Hostname()); err != nil {
		return staticAddress{}, err
	}
	if a.port == "" {
		a.port = map[spec.Scheme]string{spec.HTTP: "80", spec.HTTPS: "443", spec.H2C: "80"}[a.scheme]
	}
	if n, err := strconv.ParseUint(a.port, 10, 16); err != nil || n == 0 {
		return fault("", "has no port from 1 to 65535")
	}
	return a, nil
}

func staticHost(name string) (string, error) {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Unmap().String(), nil
	}
	host, err := spec.ParseHost(name)
	if err != nil || host.Kind != spec.ExactHost {
		return "", urlFault{reason: "names no host: an address or a name is wanted behind ://"}
	}
	return host.Pattern, nil
}

// baseOf is the URL's path and query, empty where they say nothing.
func baseOf(u *url.URL) string {
	base := u.EscapedPath()
	if base == "/" {
		base = ""
	}
	if u.RawQuery == "" {
		return base
	}
	if base == "" {
		base = "/"
	}
	return base + "?" + u.RawQuery
}

func hasDotSegments(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool { return s == "." || s == ".." })
}

// surroundings are what addresses of static Upstreams are compared with.
type surroundings struct {
	interfaces []netip.Prefix
	own        []net.Addr // of the proxy's listeners
}

// local says whether the address is this machine's.
func (s surroundings) local(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host == "localhost"
	}
	return ip.IsLoopback() || slices.ContainsFunc(s.interfaces, func(p netip.Prefix) bool { return p.Addr() == ip })
}

// isOwn says whether the address is one of the proxy's own listeners.
func (s surroundings) isOwn(host, port string) bool {
	ip, err := netip.ParseAddr(host)
	isName := err != nil
	for _, addr := range s.own {
		tcp, ok := addr.(*net.TCPAddr)
		if !ok || strconv.Itoa(tcp.Port) != port {
			continue
		}
		at, _ := netip.AddrFromSlice(tcp.IP)
		at = at.Unmap()
		switch {
		case !at.IsValid() || at.IsUnspecified():
			return s.local(host)
		case isName && host == "localhost" && at.IsLoopback(), !isName && ip == at:
			return true
		}
	}
	return false
}

// upstream describes the backend at a. What is written into requests is no part
// of its ID, so that a change of that is none of the backend.
func (s surroundings) upstream(a staticAddress, asked labels.Upstream) spec.Upstream {
	u := spec.Upstream{
		Scheme:     a.scheme,
		Address:    net.JoinHostPort(a.host, a.port),
		Local:      s.local(a.host),
		Base:       a.base,
		Weight:     asked.Weight,
		HostHeader: asked.HostHeader,
		Phase:      spec.Running,
	}
	u.Name = fmt.Sprintf("%s://%s%s", u.Scheme, u.Address, u.Base)
	u.ID = u.Name
	if u.Scheme == spec.HTTPS {
		u.TLS = asked.TLS
		if u.TLS.Name == "" {
			u.TLS.Name = a.host
		}
		u.ID += fmt.Sprintf(" as %s", u.TLS.Name)
		if u.TLS.SkipVerify {
			u.ID += " unverified"
		}
		if u.TLS.Certificate != "" {
			u.ID += " with " + u.TLS.Certificate
		}
	}
	u.Container = u.ID
	return u
}
