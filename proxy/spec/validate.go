package spec

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxWeight is the greatest weight of an Upstream.
const MaxWeight = 65_536

// Validate says what is wrong with a description, all of it at once; every
// error names the field as a Go programmer would write it
// (`Matches[0].Path: …`). It is meant for descriptions that were not made from
// labels: those have been checked on the way.
func (t Target) Validate() error {
	var errs fieldErrors
	errs.check(t.ID != "", "ID", "it is empty")
	for i, m := range t.Matches {
		errs.within(fmt.Sprintf("Matches[%d]", i), m.Validate())
	}
	errs.within("TLS", t.TLS.validate())
	errs.check(t.Balance == "" || t.Balance == RoundRobin, "Balance", "%q is not known", string(t.Balance))
	errs.within("Eject", t.Eject.validate())
	errs.within("Retry", t.Retry.validate())
	errs.check(t.Wait.For >= 0, "Wait.For", "%v is negative", t.Wait.For)
	errs.within("Timeout", t.Timeout.validate())
	errs.check(t.Drain >= 0, "Drain", "%v is negative", t.Drain)
	seen := map[string]bool{}
	for i, u := range t.Upstreams {
		field := fmt.Sprintf("Upstreams[%d]", i)
		errs.within(field, u.Validate())
		errs.check(!seen[u.ID], field+".ID", "%q is there twice", u.ID)
		seen[u.ID] = true
	}
	return errs.join()
}

// Validate is [Target.Validate] for one Match.
func (m Match) Validate() error {
	var errs fieldErrors
	for i, e := range m.Entries {
		errs.check(e != "", fmt.Sprintf("Entries[%d]", i), "it is empty")
	}
	errs.within("Host", m.Host.validate())
	errs.within("Path", m.Path.validate())
	errs.within("Path", checkNamesApart(m))
	for i, method := range m.Methods {
		errs.check(isToken(method) && method == strings.ToUpper(method), fmt.Sprintf("Methods[%d]", i),
			"%q is not an upper-case method", method)
	}
	for i, c := range m.Headers {
		field := fmt.Sprintf("Headers[%d]", i)
		errs.check(isToken(c.Name), field+".Name", "%q is not a header name", c.Name)
		errs.check(!strings.EqualFold(c.Name, "Host"), field+".Name", "the host is said by Host")
		errs.within(field+".Value", c.validate())
	}
	for i, c := range m.Queries {
		field := fmt.Sprintf("Queries[%d]", i)
		errs.check(c.Name != "", field+".Name", "it is empty")
		errs.within(field+".Value", c.validate())
	}
	for i, p := range m.Clients {
		errs.check(p.IsValid(), fmt.Sprintf("Clients[%d]", i), "it is no network")
	}
	return errs.join()
}

// validate holds a pattern that was built by hand to what ParseHost makes.
func (h Host) validate() error {
	if h.Kind == AnyHost {
		if h.Pattern != "" {
			return fmt.Errorf("%q belongs to no host rule", h.Pattern)
		}
		return nil
	}
	parsed, err := ParseHost(h.String())
	if err == nil && parsed != h {
		err = fmt.Errorf("%q is not in normal form: build it with ParseHost", h.Pattern)
	}
	return err
}

// checkNamesApart: host and path give their parts into one set of variables.
func checkNamesApart(m Match) error {
	inHost := map[string]bool{}
	host, _ := splitTemplate(m.Host.Pattern) // errors are others' business
	for _, p := range host {
		inHost[p.name] = p.name != ""
	}
	path, _ := splitTemplate(m.Path.Pattern)
	for _, p := range path {
		if inHost[p.name] {
			return fmt.Errorf("the name {%s} is used in the host too", p.name)
		}
	}
	return nil
}

func (p Path) validate() error {
	if p == (Path{}) {
		return nil
	}
	parsed, err := ParsePath(p.String())
	if err == nil && parsed != p {
		err = fmt.Errorf("%q is not in normal form: build it with ParsePath", p.Pattern)
	}
	return err
}

func (c Condition) validate() error {
	if !c.Regexp {
		return nil
	}
	_, err := RegexpSize(c.Value)
	return err
}

func (e Eject) validate() error {
	var errs fieldErrors
	errs.check(e.Failures >= 0, "Failures", "%d is negative", e.Failures)
	errs.check(e.For >= 0, "For", "%v is negative", e.For)
	errs.check(e.Max >= 0, "Max", "%v is negative", e.Max)
	errs.checkStatuses(e.Statuses)
	return errs.join()
}

func (r Retry) validate() error {
	var errs fieldErrors
	errs.check(r.Attempts >= 0, "Attempts", "%d is negative", r.Attempts)
	errs.check(r.Budget <= 1, "Budget", "%v is more than 1, which is all requests", r.Budget)
	errs.checkStatuses(r.Statuses)
	return errs.join()
}

func (t Timeout) validate() error {
	var errs fieldErrors
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"Response", t.Response}, {"Dial", t.Dial}, {"Idle", t.Idle}, {"Stall", t.Stall}, {"Total", t.Total},
	} {
		errs.check(f.value >= 0, f.name, "%v is negative", f.value)
	}
	return errs.join()
}

// Validate is [Target.Validate] for one Upstream.
func (u Upstream) Validate() error {
	var errs fieldErrors
	errs.check(u.ID != "", "ID", "it is empty")
	errs.check(slices.Contains([]Scheme{"", HTTP, HTTPS, H2C}, u.Scheme), "Scheme",
		"%q is not http, https or h2c", string(u.Scheme))
	errs.within("Address", checkAddress(u.Address))
	errs.within("Base", checkBase(u.Base))
	errs.check(0 <= u.Weight && u.Weight <= MaxWeight, "Weight", "%d is not from 0 to %d", u.Weight, MaxWeight)
	errs.within("HostHeader", checkHostHeader(u.HostHeader))
	errs.check(u.Phase <= Paused, "Phase", "%v is not known", u.Phase)
	return errs.join()
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not host:port", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q has no port from 1 to 65535", address)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	if _, ok := NormalizeHost(host); !ok {
		return fmt.Errorf("%q has neither an IP address nor a name", address)
	}
	return nil
}

func checkBase(base string) error {
	if base == "" {
		return nil
	}
	u, err := url.ParseRequestURI(base)
	if err != nil || base[0] != '/' || strings.HasPrefix(base, "//") || strings.Contains(base, "#") || u.IsAbs() {
		return fmt.Errorf("%q is not a path with or without a query", base)
	}
	return nil
}

func checkHostHeader(value string) error {
	if value == "" || value == HostKeep || value == HostUpstream {
		return nil
	}
	if _, ok := NormalizeHost(value); !ok {
		return fmt.Errorf("%q is neither keep, upstream nor a host", value)
	}
	return nil
}

// isToken is the token of RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if !isAlpha(s[i]) && !isDigit(s[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// fieldErrors gathers errors, each with the field it is about.
type fieldErrors []error

func (e *fieldErrors) check(ok bool, field, format string, args ...any) {
	if !ok {
		*e = append(*e, fmt.Errorf("%s: "+format, append([]any{field}, args...)...))
	}
}

func (e *fieldErrors) checkStatuses(ranges []StatusRange) {
	for i, s := range ranges {
		e.check(100 <= s.From && s.From <= s.To && s.To <= 599, fmt.Sprintf("Statuses[%d]", i),
			"%d-%d is no range of status codes", s.From, s.To)
	}
}

// within takes over the errors of a part, field in front of each.
func (e *fieldErrors) within(field string, err error) {
	var several fieldErrors
	switch {
	case err == nil:
	case errors.As(err, &several):
		for _, one := range several {
			*e = append(*e, fmt.Errorf("%s.%w", field, one))
		}
	default:
		*e = append(*e, fmt.Errorf("%s: %w", field, err))
	}
}

func (e fieldErrors) join() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// Error has one line per field.
func (e fieldErrors) Error() string { return errors.Join(e...).Error() }

// Unwrap lets errors.Is and errors.As look at each.
func (e fieldErrors) Unwrap() []error { return e }
