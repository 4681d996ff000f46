package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"

	"github.com/rota-proxy/rota/discovery"
)

var (
	// bareVariable is the name of a variable in braces without a default.
	bareVariable = regexp.MustCompile(`(?i)^[_a-z][_a-z0-9]*$`)
	// hash is how the hash of a password begins, before compose has looked at it.
	hash = regexp.MustCompile(`\$(?:2[abxy]?|apr1|argon2\w*|1|5|6|y)\$`)
)

// checkVariables notes where compose puts something else in place of a `$` in a
// label of ours: variables that have no value, and hashes.
func (c *composeCheck) checkVariables(s planned) {
	for _, label := range c.files.labels(s.Service) {
		if !c.ours(label.name) || !strings.Contains(label.text, "$") {
			continue
		}
		if at := unescapedHash(label.text); at >= 0 {
			c.eatenHash(s, label)
			continue
		}
		for _, v := range variablesIn(label.text) {
			c.checkVariable(s, label, v)
		}
	}
}

// unescapedHash is where a hash stands whose `$` is not doubled, or -1.
func unescapedHash(text string) int {
	for _, at := range hash.FindAllStringIndex(text, -1) {
		if at[0] == 0 || text[at[0]-1] != '$' {
			return at[0]
		}
	}
	return -1
}

// eatenHash notes a hash that compose takes apart. Nothing of it is shown.
func (c *composeCheck) eatenHash(s planned, label pair) {
	c.add(label.valuePlace(), s.Service, discovery.Reason{
		Code: CodeEatenDollar, Severity: discovery.Error, Fix: "write $$ for each $ of the hash",
		Text: fmt.Sprintf("%s holds a hash, and compose takes a $ in it for the start of a variable", label.name),
	})
}

// variable is one `$` of a text, as compose reads it.
type variable struct {
	name     string // empty: a `$` that starts nothing
	from, to int
	// operator stands behind the name in braces: `:-`, `?` …
	operator string
}

// variablesIn finds what compose would replace, but for `$$`.
func variablesIn(text string) []variable {
	var all []variable
	last := 0
	lone := func(from, to int) {
		for i := from; i < to; i++ {
			if text[i] == '$' {
				all = append(all, variable{from: i, to: i + 1})
			}
		}
	}
	groups := template.DefaultPattern.SubexpNames()
	named, braced := slices.Index(groups, "named"), slices.Index(groups, "braced")
	for _, m := range template.DefaultPattern.FindAllStringSubmatchIndex(text, -1) {
		lone(last, m[0])
		last = m[1]
		switch {
		case m[2*named] >= 0:
			all = append(all, variable{name: text[m[2*named]:m[2*named+1]], from: m[0], to: m[1]})
		case m[2*braced] >= 0:
			all = append(all, bracedVariable(text[m[2*braced]:m[2*braced+1]], m[0], m[1]))
		case text[m[0]:m[1]] != "$$":
			all = append(all, variable{from: m[0], to: m[1]})
		}
	}
	lone(last, len(text))
	return all
}

func bracedVariable(inside string, from, to int) variable {
	v := variable{name: inside, from: from, to: to}
	if bareVariable.MatchString(inside) {
		return v
	}
	cut := strings.IndexAny(inside, ":-?+")
	v.name, v.operator = inside[:cut], strings.TrimPrefix(inside[cut:], ":")[:1]
	return v
}

func (c *composeCheck) checkVariable(s planned, label pair, v variable) {
	value, set := c.project.Environment[v.name]
	r := discovery.Reason{Severity: discovery.Warning, Code: CodeEatenDollar}
	name := label.name
	switch {
	case v.name == "":
		r.Text = fmt.Sprintf("%s has a $ that starts no variable: older versions of compose refuse it", name)
		r.Fix = "write $$ for a $"
	case v.operator == "?" && (!set || value == ""):
		c.leaveOut(s.Service, label.name)
		r.Code = CodeUnsetVariable
		r.Text = fmt.Sprintf("%s needs the variable %s, which is not set here", name, v.name)
		r.Fix = "set it in the environment or in .env, as where it will run"
	case v.operator == "" && !set:
		r.Text = fmt.Sprintf("the variable %s is not set: compose leaves %s without it", v.name, name)
		r.Fix = fmt.Sprintf("write $$%s if a $ is meant, or set the variable, or give a default: ${%s:-…}", v.name, v.name)
	default:
		return
	}
	c.add(label.part(v.from, v.to), s.Service, r)
}

// leaveOut keeps a label from being judged by a value that it will not have.
func (c *composeCheck) leaveOut(service, label string) {
	if c.unset[service] == nil {
		c.unset[service] = map[string]bool{}
	}
	c.unset[service][label] = true
}
