package spec

import (
	"net/netip"
	"slices"
	"strings"
)

// Match is one claim on requests: a host, a path below it and conditions that
// must all hold.
type Match struct {
	// Entries are listener names; none means every HTTP listener.
	Entries []string
	Host    Host
	Path    Path
	// Methods, upper-case; none means any.
	Methods []string
	Headers []Condition
	Queries []Condition
	// Clients are the networks the client must be in; none means any.
	Clients []netip.Prefix
	// Priority orders inside one host stage, higher first.
	Priority int
}

// HostKind is the stage at which a host pattern is looked up.
type HostKind uint8

// The kinds of host patterns, in the order in which they are tried.
const (
	ExactHost    HostKind = iota // shop.example.com
	TemplateHost                 // {tenant:[a-z]+}.example.com
	WildcardHost                 // *.example.com: one or more labels in front
	AnyHost                      // no host rule
)

// Host is a host pattern in its normal form: lower-case, punycode, no port, no
// trailing dot. Build it with [ParseHost].
type Host struct {
	Kind HostKind
	// Pattern is the host, the template, or for a wildcard what follows `*.`.
	// Empty for AnyHost.
	Pattern string
}

func (h Host) String() string {
	switch h.Kind {
	case WildcardHost:
		return "*." + h.Pattern
	case AnyHost:
		return "*"
	}
	return h.Pattern
}

// Path is a path pattern. Build it with [ParsePath]. The zero value matches
// every path and leaves the request target alone, byte for byte.
type Path struct {
	// Pattern is the prefix or template, starting with a slash and, unless Exact,
	// without one at the end (but for "/" itself). Empty: every path.
	Pattern string
	// Exact: nothing may follow the pattern. Otherwise it ends at a segment
	// boundary: `/api` takes `/api` and `/api/x`, never `/apix`.
	Exact bool
	// Template: the pattern has `{name}` or `{name:regexp}` parts.
	Template bool
}

func (p Path) String() string {
	if p.Exact {
		return "=" + p.Pattern
	}
	return p.Pattern
}

// Condition asks for the value of a header field or query parameter.
type Condition struct {
	Name string
	// Value is compared exactly, or, with Regexp, searched for as RE2.
	Value  string
	Regexp bool
}

func (c Condition) String() string {
	if c.Regexp {
		return c.Name + "=~" + c.Value
	}
	return c.Name + "=" + c.Value
}

// TakesEntry says whether requests that came in at the listener of that name are
// claimed.
func (m Match) TakesEntry(name string) bool {
	return len(m.Entries) == 0 || slices.Contains(m.Entries, name)
}

// Equal says whether both claim the same requests in the same order.
func (m Match) Equal(o Match) bool {
	return m.Host == o.Host && m.Path == o.Path && m.Priority == o.Priority &&
		slices.Equal(m.Entries, o.Entries) && slices.Equal(m.Methods, o.Methods) &&
		slices.Equal(m.Headers, o.Headers) && slices.Equal(m.Queries, o.Queries) &&
		slices.Equal(m.Clients, o.Clients)
}

// String is the claim as a person would type it: host and path, then the
// conditions.
func (m Match) String() string {
	var b strings.Builder
	b.WriteString(m.Host.String())
	b.WriteString(m.Path.String())
	for _, c := range m.conditions() {
		b.WriteString(" ")
		b.WriteString(c)
	}
	return b.String()
}

// conditions lists everything beyond host and path, sorted, so that two Matches
// with the same conditions in another order read alike.
func (m Match) conditions() []string {
	var all []string
	if len(m.Methods) > 0 {
		methods := slices.Clone(m.Methods)
		slices.Sort(methods)
		all = append(all, "method="+strings.Join(methods, ","))
	}
	for _, h := range m.Headers {
		h.Name = strings.ToLower(h.Name)
		all = append(all, "header."+h.String())
	}
	for _, q := range m.Queries {
		all = append(all, "query."+q.String())
	}
	if len(m.Clients) > 0 {
		clients := make([]string, len(m.Clients))
		for i, c := range m.Clients {
			clients[i] = c.String()
		}
		slices.Sort(clients)
		all = append(all, "client="+strings.Join(clients, ","))
	}
	slices.Sort(all)
	return all
}
