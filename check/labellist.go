package check

import (
	"bytes"
	"errors"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/rota-proxy/rota/discovery"
)

// Labels checks the labels of one container: lines of `key=value` or `key: value`,
// or a JSON object, as `docker inspect -f '{{json .Config.Labels}}'` prints it.
// name is what the text is called in findings. An error means that the options
// are wrong.
func Labels(o Options, name string, text []byte) (Report, error) {
	c := labelCheck{source: newSource(name, text), at: map[string]pair{}}
	given := c.read()
	// On a network with the proxy: where it will be is not asked here.
	verdicts, _, err := discovery.Plan(o.PlanOptions, []discovery.Planned{{Name: "container", Labels: given, Networks: []string{"network"}}})
	if err != nil {
		return Report{}, err
	}
	reasons := verdicts[0].Reasons
	for _, t := range verdicts[0].Targets {
		reasons = append(reasons, t.Reasons...)
	}
	for _, r := range reasons {
		if r.Label != "" || r.Code == discovery.CodeBadOption || r.Code == discovery.CodeBadHost || r.Code == discovery.CodeUnguarded {
			c.add(c.placeOf(r), "", r)
		}
	}
	return c.report([]string{name}, 1), nil
}

// labelCheck is one run over a list of labels.
type labelCheck struct {
	found
	source *source
	at     map[string]pair // by key
}

// read takes the text apart.
func (c *labelCheck) read() map[string]string {
	given := map[string]string{}
	if bytes.HasPrefix(bytes.TrimSpace(c.source.text), []byte("{")) {
		return c.readObject()
	}
	for i, line := range c.source.lines {
		line = strings.TrimSuffix(line, "\r")
		if text := strings.TrimSpace(line); text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		p, err := c.readLine(i+1, line)
		if err != nil {
			c.add(place{source: c.source, line: i + 1, column: 1, width: len(line)}, "", badFile(err.Error(), "write key=value or key: value, one a line"))
			continue
		}
		c.take(given, p)
	}
	return given
}

// take notes a label. Of two of the same key the last one counts.
func (c *labelCheck) take(given map[string]string, p pair) {
	if _, twice := given[p.name]; twice {
		c.add(p.keyPlace(), "", duplicate(p.name))
	}
	given[p.name], c.at[p.name] = p.text, p
	c.source.maskSecrets(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{p.key, p.value}}, 0)
}

// readLine is one label. A dash in front and quotes around, as in compose files,
// are passed over.
func (c *labelCheck) readLine(number int, line string) (pair, error) {
	text := strings.TrimSpace(line)
	line = strings.TrimRight(line, " \t")
	if rest, found := strings.CutPrefix(text, "- "); found {
		text = strings.TrimLeft(rest, " ")
	}
	if bare := unquoted(text); len(bare)+2 == len(text) {
		line, text = line[:len(line)-1], bare
	}
	cut, width := separator(text)
	if cut <= 0 {
		return pair{}, errors.New("it is no label: neither key=value nor key: value")
	}
	start := len([]rune(line)) - len([]rune(text)) + 1
	key, value := text[:cut], text[cut+width:]
	behind := strings.TrimLeft(value, " ")
	scalar := func(text string, column int) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: unquoted(text), Line: number, Column: column}
	}
	p := pair{
		source: c.source, key: scalar(key, start),
		value: scalar(behind, start+len([]rune(text))-len([]rune(behind))),
	}
	p.name, p.text = p.key.Value, p.value.Value
	return p, nil
}

// separator is where the value's separator stands, and how long that is: the
// first `=`, unless a colon and a space stand before it.
func separator(text string) (at, width int) {
	equals, colon := strings.Index(text, "="), strings.Index(text, ": ")
	if colon >= 0 && (equals < 0 || colon < equals) {
		return colon, 1
	}
	if equals < 0 && strings.HasSuffix(strings.TrimSpace(text), ":") {
		return strings.LastIndex(text, ":"), 1
	}
	return equals, 1
}

// unquoted is a text without the quotes around all of it.
func unquoted(text string) string {
	text = strings.TrimSpace(text)
	if len(text) >= 2 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0] {
		return text[1 : len(text)-1]
	}
	return text
}

// readObject reads JSON, which is YAML as well.
func (c *labelCheck) readObject() map[string]string {
	given := map[string]string{}
	if err := c.source.parse(); err != nil {
		c.addFault(c.source, err)
		return given
	}
	for _, p := range (node{c.source, c.source.root}).pairs(0) {
		c.take(given, p)
	}
	return given
}

func (c *labelCheck) placeOf(r discovery.Reason) place {
	p, found := c.at[r.Label]
	switch {
	case !found:
		return place{source: c.source}
	case r.OfValue:
		return p.valuePlace()
	}
	return p.keyPlace()
}
