package labels

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/rota-proxy/rota/internal/spelling"
	"github.com/rota-proxy/rota/proxy/spec"
)

// setEnable only judges the value: the draft has already taken anything but true
// for hiding, whether the value or even the key is right or not.
func setEnable(_ *draft, l label) error {
	value := strings.TrimSpace(l.value)
	if _, err := boolean(value); err != nil {
		return refuse(meantBoolean(value), "is neither true nor false; the container is hidden")
	}
	return nil
}

func setVerify(d *draft, l label) error {
	verify, err := boolean(strings.TrimSpace(l.value))
	if err == nil {
		d.Upstream.TLS.SkipVerify = !verify
	}
	return err
}

// setHeader adds a condition on a request's field. Names are kept in one case,
// so that replicas that write them differently still say the same.
func setHeader(d *draft, l label) error {
	name := http.CanonicalHeaderKey(l.name)
	switch {
	case !httpguts.ValidHeaderFieldName(l.name):
		return refuse("", "names no header field; a name is made of letters, digits and !#$%%&'*+-.^_`|~")
	case name == "Host":
		return refusal{nearest: l.sibling("host"), elsewhere: true, reason: "is not a header condition; the host has an option of its own"}
	}
	for _, other := range d.match.Headers {
		if other.Name == name {
			return refuse("", "names a field that another label names in other letter case")
		}
	}
	return addCondition(&d.match.Headers, name, l.value)
}

func setQuery(d *draft, l label) error {
	return addCondition(&d.match.Queries, l.name, l.value)
}

func addCondition(conditions *[]spec.Condition, name, value string) error {
	expression, isPattern := strings.CutPrefix(value, "~")
	if isPattern {
		if _, err := pattern(expression); err != nil {
			return err
		}
	}
	*conditions = append(*conditions, spec.Condition{Name: name, Value: expression, Regexp: isPattern})
	return nil
}

// setRedirect knows but one word yet.
func setRedirect(d *draft, l label) error {
	value := strings.TrimSpace(l.value)
	if value != off {
		return refuse(spelling.Nearest(strings.ToLower(value), []string{off}), "is not in this version of rota, which only takes off")
	}
	d.Spec.TLS.Plain = true
	return nil
}

// laterStrategies are the values of `balance` that are still to come; those with
// a colon at the end take a name behind it.
var laterStrategies = []string{"least-conn", "p2c", "random", "hash:ip", "hash:path", "hash:header:", "hash:cookie:"}

func strategy(s string) (spec.Balance, error) {
	for _, later := range laterStrategies {
		if s == later || strings.HasSuffix(later, ":") && strings.HasPrefix(s, later) {
			return "", refuse(string(spec.RoundRobin), "is not in this version of rota")
		}
	}
	if s == string(spec.RoundRobin) {
		return spec.RoundRobin, nil
	}
	near := spelling.Nearest(strings.ToLower(s), append([]string{string(spec.RoundRobin)}, laterStrategies...))
	return "", refuse(near, "is no strategy")
}
