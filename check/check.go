// Package check says what a running proxy would say of compose files, labels and
// files of static Targets, without a proxy and without an engine. It holds no
// grammar of its own: containers are planned as a compose file describes them, and
// discovery gives its Verdicts on those. What is added is what only a file can
// show: where something stands, and what compose does to it.
package check

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/discovery/labels"
)

// Options are how the proxy will be started, as far as that matters.
type Options struct {
	discovery.PlanOptions
	// Self is the compose service that is the proxy. Empty: it is looked for.
	Self string
	// Profiles of compose that are enabled, besides those of COMPOSE_PROFILES.
	Profiles []string
	// Environ is what compose finds in its environment, in the form of os.Environ.
	Environ []string
}

// labelPrefix is what our labels begin with, its dot included.
func (o Options) labelPrefix() string { return cmp.Or(o.Prefix, labels.DefaultPrefix) + "." }

// Finding is one thing to look at.
type Finding struct {
	File     string             `json:"file"`
	Line     int                `json:"line,omitempty"`   // from 1; absent: the file as a whole
	Column   int                `json:"column,omitempty"` // likewise, in characters
	Severity discovery.Severity `json:"severity"`
	Code     discovery.Code     `json:"code"`
	Service  string             `json:"service,omitempty"` // of compose
	Text     string             `json:"message"`
	Fix      string             `json:"fix,omitempty"` // what to type; may be several lines
	// Excerpt is the line of the file, without what may be a secret, and Caret what
	// to print below it.
	Excerpt string `json:"-"`
	Caret   string `json:"-"`
}

// Report is everything found, in the order of files and lines.
type Report struct {
	Findings []Finding
	Subjects int // services, entries or containers looked at
}

// Count is how many findings have the severity.
func (r Report) Count(s discovery.Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// The findings that only a file can have; docs/check.md has a paragraph on each.
// Those of Verdicts are in discovery.
const (
	CodeBadFile        discovery.Code = "bad-file"        // compose, or rota, would not take the file
	CodeEatenDollar    discovery.Code = "eaten-dollar"    // compose takes a `$` for the start of a variable
	CodeUnsetVariable  discovery.Code = "unset-variable"  // a variable that compose needs has no value here
	CodeDuplicateLabel discovery.Code = "duplicate-label" // the same label twice: the last one counts
	CodeDeployLabel    discovery.Code = "deploy-label"    // a label of the Swarm service, not of its containers
	CodePlainSecret    discovery.Code = "plain-secret"    // a password that everybody can read
	CodeFixedName      discovery.Code = "fixed-name"      // `container_name`: no second replica
	CodeFixedPort      discovery.Code = "fixed-port"      // a port of the host: no second replica
	CodeNoHealthcheck  discovery.Code = "no-healthcheck"  // something waits for a check that is not there
)

// Codes are all of them, in the order of the page.
func Codes() []discovery.Code {
	return []discovery.Code{
		CodeBadFile, CodeEatenDollar, CodeUnsetVariable, CodeDuplicateLabel, CodeDeployLabel, CodePlainSecret,
		CodeFixedName, CodeFixedPort, CodeNoHealthcheck,
	}
}

// found builds a Report.
type found struct{ all []Finding }

// add notes a finding at a place. Whatever comes from a file is made fit for a
// terminal here.
func (f *found) add(at place, service string, r discovery.Reason) {
	finding := Finding{
		File: printable(at.file()), Severity: r.Severity, Code: r.Code, Service: printable(service),
		Text: printable(r.Text), Fix: printableLines(r.Fix),
	}
	finding.Line, finding.Column, finding.Excerpt, finding.Caret = at.show()
	f.all = append(f.all, finding)
}

// report puts the findings in the order of files, as they were given, and lines.
func (f *found) report(files []string, subjects int) Report {
	rank := map[discovery.Severity]int{discovery.Error: 0, discovery.Warning: 1, discovery.Note: 2}
	slices.SortStableFunc(f.all, func(x, y Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(files, x.File), slices.Index(files, y.File)),
			cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column), cmp.Compare(rank[x.Severity], rank[y.Severity]),
		)
	})
	return Report{Findings: slices.Compact(f.all), Subjects: subjects}
}

// longest is how much is shown of a text that comes from a file.
const longest = 1 << 10

func printable(s string) string { return labels.Printable(s, longest) }

func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
