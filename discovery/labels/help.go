package labels

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"
)

// The layout of the help text, in columns.
const (
	helpIndent = 2
	helpKey    = 16
	helpWidth  = 92
)

// page writes lines and remembers the first error, which flush returns.
type page struct{ *bufio.Writer }

func newPage(w io.Writer) page { return page{bufio.NewWriter(w)} }

func (p page) line(parts ...string) {
	for _, part := range parts {
		_, _ = p.WriteString(part) // kept by the bufio.Writer until Flush
	}
	_ = p.WriteByte('\n')
}

// indented writes text wrapped to the width of the help, behind as many blanks.
func (p page) indented(blanks int, text string) {
	for _, line := range wrap(text, helpWidth-blanks) {
		p.line(strings.Repeat(" ", blanks), line)
	}
}

// WriteHelp writes the grammar for a terminal: every option that this version
// has, by section, and the words it keeps reserved.
func WriteHelp(w io.Writer) error {
	p := newPage(w)
	p.line("LABELS")
	p.line()
	p.line("  rota.OPTION: VALUE           of the container's default Target")
	p.line("  rota.TARGET.OPTION: VALUE    of a further Target of the same container")
	for _, s := range sectionNotes {
		if options := inSection(s.section); len(options) > 0 {
			p.heading(string(s.section), s.note)
			for _, o := range options {
				p.entry(o)
			}
		}
	}
	p.heading("Not in this version", "These keys are reserved; using one is an error. A Target that asks for one marked * answers 503, because a check is never dropped.")
	p.indented(helpIndent, strings.Join(reservedKeys(), "  "))
	p.line()
	p.line("More about one of them: rota labels OPTION. For programs: rota labels --json.")
	return p.Flush()
}

func (p page) heading(title, note string) {
	p.line()
	p.line(strings.ToUpper(title))
	p.indented(0, note)
	p.line()
}

// entry is one option in the list: what it does beside its key, what it takes
// below.
func (p page) entry(o Option) {
	key := strings.Repeat(" ", helpIndent) + o.title()
	lines := wrap(plain(o.Help), helpWidth-helpIndent-helpKey)
	p.line(pad(key, helpIndent+helpKey), lines[0])
	for _, line := range lines[1:] {
		p.line(strings.Repeat(" ", helpIndent+helpKey), line)
	}
	p.indented(helpIndent+helpKey, "["+o.facts()+"]")
}

// facts are type, default and example in one line.
func (o Option) facts() string {
	facts := []string{o.Type}
	if o.Default != "" {
		facts = append(facts, "default "+plain(o.Default))
	}
	return strings.Join(append(facts, "e.g. "+o.Example), " · ")
}

// WriteOption writes all that is known about one option, and which ones refine
// it.
func WriteOption(w io.Writer, o Option) error {
	p := newPage(w)
	p.line(DefaultPrefix, ".", o.title())
	p.line()
	if o.Help != "" {
		p.indented(helpIndent, plain(o.Help))
		p.line()
	}
	if !o.Available() {
		p.indented(helpIndent, "It is not in this version of rota: "+o.consequence())
		return p.Flush()
	}
	for _, fact := range [...]struct{ name, text string }{
		{"value", o.Type},
		{"default", plain(o.Default)},
		{"example", o.Label(DefaultPrefix) + `: "` + o.Example + `"`},
		{"when wrong", o.consequence()},
		{"refines", o.Parent},
		{"refined by", strings.Join(keysOf(Below(o.Key)), ", ")},
		{"in a file", o.Instead},
		{"since", o.Since},
	} {
		if fact.text != "" {
			p.line(pad(strings.Repeat(" ", helpIndent)+fact.name, helpIndent+helpKey-4), fact.text)
		}
	}
	return p.Flush()
}

// consequence is what a wrong value spoils.
func (o Option) consequence() string {
	switch o.Scope {
	case ContainerWide:
		return "every Target of the container keeps its last good definition"
	case PerUpstream:
		return "this container is left out, its siblings serve"
	case Access:
		return "the Target answers 503, for a check is never dropped"
	}
	return "the Target keeps its last good definition; without one it is not created"
}

// title is the key as people are shown it.
func (o Option) title() string {
	if o.Family() {
		return o.Key + "NAME"
	}
	return o.Key
}

// inSection are the section's options that this version has.
func inSection(s Section) []Option {
	var all []Option
	for _, o := range theGrammar.options {
		if o.Section == s && o.Available() {
			all = append(all, o)
		}
	}
	return all
}

// reservedKeys are those that this version has not, without their refinements;
// those that guard are marked.
func reservedKeys() []string {
	var all []string
	for _, o := range theGrammar.options {
		if o.Available() || o.Parent != "" && o.Scope != Access || strings.Count(o.Key, ".") > 1 {
			continue
		}
		key := o.title()
		if o.Scope == Access {
			key += "*"
		}
		if o.Parent == "" || theGrammar.byKey[o.Parent].Scope != Access {
			all = append(all, key)
		}
	}
	return all
}

func keysOf(options []Option) []string {
	keys := make([]string, len(options))
	for i, o := range options {
		keys[i] = o.title()
	}
	return keys
}

// plain is a help text without its marks for code.
func plain(s string) string { return strings.ReplaceAll(s, "`", "") }

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(s)))
}

// wrap breaks text at blanks into lines of at most width characters, unless a
// word is longer. There is at least one line.
func wrap(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
