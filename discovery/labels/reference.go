package labels

import (
	"fmt"
	"io"
	"strings"

	"github.com/rota-proxy/rota/proxy/spec"
)

// WriteReference writes docs/labels.md: the same rows as [WriteHelp] as
// Markdown, after the rules that hold for all labels.
func WriteReference(w io.Writer) error {
	p := newPage(w)
	p.line("<!-- Generated from discovery/labels/grammar.go: go run . labels --markdown > docs/labels.md -->")
	p.line()
	p.line(fmt.Sprintf(strings.TrimSpace(rules), MaxValue>>10, MaxLabels, MaxText>>10,
		MaxPattern>>10, spec.MaxInstructions, MaxPatterns>>10, MaxMatches))
	for _, s := range sectionNotes {
		if options := inSection(s.section); len(options) > 0 {
			p.line()
			p.line("## ", string(s.section))
			p.line()
			p.line(s.note)
			p.line()
			p.table(options)
		}
	}
	p.line()
	p.line(strings.TrimSpace(stages))
	p.line()
	p.line("## Not in this version")
	p.line()
	p.line("These keys are reserved and never name a Target. Using one is an error; a Target that asks for one that guards it (marked *) answers 503.")
	p.line()
	p.line("`", strings.Join(reservedKeys(), "` `"), "`")
	return p.Flush()
}

func (p page) table(options []Option) {
	p.line("| option | value | default | meaning | example |")
	p.line("|---|---|---|---|---|")
	for _, o := range options {
		p.line("| `", o.title(), "` | ", cell(o.Type), " | ", cell(o.Default), " | ", cell(o.Help), " | `", cell(o.Label(DefaultPrefix)+": "+o.Example), "` |")
	}
}

// cell keeps a bar from ending a table's cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

const rules = `
# Labels

One label exposes a service; everything else is optional.

` + "```yaml" + `
services:
  shop:
    labels: { rota.host: shop.example.com }

  app:
    labels:
      rota.host: app.example.com          # the default Target
      rota.port: "8080"
      rota.admin.host: app.example.com/admin   # a further Target, "admin"
      rota.admin.port: "9000"
` + "```" + `

## Keys

- A key is ` + "`rota.OPTION`" + ` or ` + "`rota.TARGET.OPTION`" + `. Prefix, Target and option are lower-case and compared exactly. Another
  prefix than ` + "`rota`" + ` is set by ` + "`--label-prefix`" + `.
- A Target's name is made of a-z, 0-9, _ and -, at most 63 of them. The name of an option, or a reserved word, never names
  a Target.
- The default Target exists as soon as an option other than ` + "`enable` and `name`" + ` is set without a Target, or when there is no
  named one. Named Targets inherit nothing from it.
- Where the key ends in NAME, that is the whole rest of the key, dots and letter case included. Names of header fields
  are compared without case; the same one twice is an error.
- An option that refines another (` + "`timeout.dial`" + `) without that one being set is a warning.

## Values

- Lists are split at commas outside ` + "`{}`" + `, items are trimmed, an empty item is an error, and there are no escapes. Values of
  ` + "`header.NAME` and `query.NAME`" + ` are no lists.
- Durations are written ` + "`500ms`, `30s`, `2m`" + `; booleans are ` + "`true` and `false`" + `; ` + "`off`" + ` disables a duration, size or count.
  Zero is only taken where the table says so.
- Values are data: nothing is expanded, and no label can name a file, a socket, or the address of anything but its own
  container.
- Limits: a value %d KiB, %d labels of ours on a container with %d KiB in all; a regular expression (RE2) %d KiB and %d
  compiled instructions, so ` + "`.+` rather than `.{0,999}.{0,999}`" + `, those of a container %d KiB in all; %d matches of
  hosts and paths in a Target, fewer if templates and conditions make each of them large. Control characters are refused.

## When something is wrong

Nothing a label says can stop the proxy or disturb another Target, and nothing is passed over in silence: ` + "`rota ps`" + ` names
label, value, reason and the nearest right spelling.

- A wrong option of the Target as a whole: it keeps its last good definition; without one it is not created.
- A wrong option of an Upstream: that container is left out, its siblings serve.
- A wrong option that guards (` + "`client`, `allow`, `deny`, `auth`, `tls.client-ca`" + `), or what looks like one mistyped: the Target
  answers 503. A check is never dropped: if it is not plain which Target one is for (` + "`rota..allow`, `rota.my app.client`" + `), or
  if its prefix is only nearly ours (` + "`Rota.allow`, `rota-allow`" + `), it shuts each Target of the container that it may be
  meant for.
`

const stages = `
## Which Target takes a request

Hosts are tried in stages: exact, template, wildcard (more labels first), none. If nothing in a stage fits path and
conditions, the next one is tried. Inside a stage the higher priority wins, then the longer path, then more conditions,
then the older Target.
`
