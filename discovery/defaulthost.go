package discovery

import (
	"errors"
	"fmt"
	"strings"
	"text/template"

	"github.com/rota-proxy/rota/proxy/spec"
)

// DefaultHost is the host of a Target whose labels name none.
const DefaultHost = "{{.Service}}.localhost"

// hostTemplate derives hosts for containers that name none.
type hostTemplate struct{ parsed *template.Template }

// newHostTemplate parses text, a Go template with .Service .Project .Name and
// .Label, and tries it, so that a misspelt field is found at the start.
func newHostTemplate(text string) (hostTemplate, error) {
	if text == "" {
		text = DefaultHost
	}
	parsed, err := template.New("default host").Option("missingkey=error").Parse(text)
	if err != nil {
		return hostTemplate{}, fmt.Errorf("default host %q: %w", text, err)
	}
	t := hostTemplate{parsed}
	if _, err := t.render(sampleFacts{hostFacts{Service: "web", Project: "shop", Name: "shop-web-1"}}); err != nil {
		return hostTemplate{}, fmt.Errorf("default host %q: %w; it may use .Service .Project .Name and {{.Label \"x\"}}", text, plainly(err))
	}
	return t, nil
}

// plainly is a template's error without the names of Go's types, which would
// tell nobody what to write.
func plainly(err error) error {
	_, rest, found := strings.Cut(err.Error(), "can't evaluate field ")
	if !found {
		return err
	}
	field, _, _ := strings.Cut(rest, " ")
	return fmt.Errorf("there is no .%s", field)
}

// hostFacts are what a template may use.
type hostFacts struct {
	Service, Project, Name string
	labels                 map[string]string
}

// Label is the value of one label of the container; one it does not have is an
// error, because a host with a hole in it is somebody else's.
func (f hostFacts) Label(key string) (string, error) {
	value, found := f.labels[key]
	if !found {
		return "", fmt.Errorf("the container has no label %q", key)
	}
	return value, nil
}

// sampleFacts has every label, for trying a template.
type sampleFacts struct{ hostFacts }

// Label answers for every key.
func (sampleFacts) Label(string) (string, error) { return "label", nil }

// host derives c's host.
func (t hostTemplate) host(c container) (spec.Host, error) {
	name, err := t.render(hostFacts{Service: c.service(), Project: c.project(), Name: c.Name, labels: c.Labels})
	if err != nil {
		return spec.Host{}, err
	}
	host, err := spec.ParseHost(name)
	if err != nil {
		return spec.Host{}, fmt.Errorf("%q: %w", name, err)
	}
	return host, nil
}

// render fills in the template; an underscore, which compose allows in names
// and DNS does not in hosts, becomes a hyphen.
func (t hostTemplate) render(facts any) (string, error) {
	var b strings.Builder
	if err := t.parsed.Execute(&b, facts); err != nil {
		var inner template.ExecError
		if errors.As(err, &inner) && errors.Unwrap(inner.Err) != nil {
			return "", errors.Unwrap(inner.Err)
		}
		return "", err
	}
	return hyphened(b.String()), nil
}

// hyphened is a name as it may stand in a host.
func hyphened(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// ownHost is what to write to give r's Target a host by label, other than the
// derived one: with the project's name in it, which two services of one name do
// not share, else with a number.
func (a assembler) ownHost(r replica, derived spec.Host) string {
	first, rest, _ := strings.Cut(derived.Pattern, ".")
	project := hyphened(r.project())
	names := []string{first + "-2"}
	if project != "" && !strings.Contains(derived.Pattern, project) {
		names = []string{project + "-" + first, first + "-2"}
	}
	for _, name := range names {
		if rest != "" {
			name += "." + rest
		}
		if host, err := spec.ParseHost(name); err == nil && host.Kind == spec.ExactHost {
			return a.label(r, "host", host.Pattern)
		}
	}
	return a.label(r, "host", exampleHost)
}

// exampleHost stands for a host that only its owner can know.
const exampleHost = "web.example.com"
