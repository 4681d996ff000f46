package cmd

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	helpIndent = 2
	helpColumn = 28 // where explanations begin
	helpWidth  = 88 // beyond this, lines are hard to read
)

// writeHelp prints the help text of a command on its standard output: what it
// is, how it is called, every flag with its default and its variable.
func writeHelp(command *cobra.Command) {
	p := newHelpPage(command.OutOrStdout())
	p.paragraph(about(command))
	p.heading("Usage")
	for _, line := range usageLines(command) {
		p.line(line)
	}
	if command.HasExample() {
		p.heading("Examples")
		for line := range strings.SplitSeq(command.Example, "\n") {
			p.line(strings.TrimSpace(line))
		}
	}
	p.commands(command)
	p.flags(flagsToShow(command))
	p.closing(command)
}

func about(command *cobra.Command) string {
	if command.Long != "" {
		return command.Long
	}
	return command.Short + "."
}

func usageLines(command *cobra.Command) []string {
	if command.HasParent() {
		return []string{command.UseLine()}
	}
	return []string{"rota [flags]            the same as rota serve", "rota COMMAND [flags]"}
}

// flagsToShow are a command's own; the bare program shows those of serve,
// because that is what it does.
func flagsToShow(command *cobra.Command) *pflag.FlagSet {
	if command.HasParent() {
		return command.Flags()
	}
	for _, child := range command.Commands() {
		if child.Name() == serveName {
			return child.Flags()
		}
	}
	return command.Flags()
}

type helpPage struct {
	out  io.Writer
	bold bool
}

func newHelpPage(out io.Writer) *helpPage {
	return &helpPage{out: out, bold: isTerminal(out)}
}

func (p *helpPage) line(text string) {
	_, _ = fmt.Fprintln(p.out, strings.TrimRight(strings.Repeat(" ", helpIndent)+text, " "))
}

func (p *helpPage) heading(text string) {
	if p.bold {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	_, _ = fmt.Fprintf(p.out, "\n%s\n", text)
}

// paragraph keeps the line breaks it is given and adds those that are needed,
// but for lines that are indented, which stay as they are.
func (p *helpPage) paragraph(text string) {
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		lines := []string{block}
		if !strings.HasPrefix(block, " ") {
			lines = wrap(block, helpWidth)
		}
		for _, line := range lines {
			_, _ = fmt.Fprintln(p.out, line)
		}
	}
}

// pair prints a name and, in the column beside it, its explanation.
func (p *helpPage) pair(name, text string) {
	if len(name)+helpIndent+2 > helpColumn {
		p.line(name)
		name = ""
	}
	if name == "" && text == "" {
		return
	}
	for _, part := range wrap(text, helpWidth-helpColumn) {
		p.line(fmt.Sprintf("%-*s%s", helpColumn-helpIndent, name, part))
		name = ""
	}
}

func (p *helpPage) commands(command *cobra.Command) {
	if !command.HasAvailableSubCommands() {
		return
	}
	p.heading("Commands")
	for _, child := range command.Commands() {
		if child.IsAvailableCommand() && child.Name() != "help" {
			p.pair(child.Name(), child.Short)
		}
	}
}

// flags prints every flag under the heading of its group, groups in the order
// in which their first flag was defined.
func (p *helpPage) flags(flags *pflag.FlagSet) {
	flags.SortFlags = false
	var groups []string
	members := map[string][]*pflag.Flag{}
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden || flag.Name == "help" {
			return
		}
		group := note(flag, annotationGroup)
		if group == "" {
			group = "Flags"
		}
		if !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
		members[group] = append(members[group], flag)
	})
	for _, group := range groups {
		p.heading(group)
		for _, flag := range members[group] {
			name, text := describeFlag(flag)
			p.pair(name, text)
			p.pair("", flagOrigin(flag))
		}
	}
}

// describeFlag is a flag as it is typed, and its sentence.
func describeFlag(flag *pflag.Flag) (name, text string) {
	placeholder, text := note(flag, annotationPlaceholder), flag.Usage
	if placeholder == "" && flag.NoOptDefVal == "" {
		placeholder, text = pflag.UnquoteUsage(flag)
	}
	name = "--" + flag.Name
	if flag.Shorthand != "" {
		name = "-" + flag.Shorthand + ", " + name
	}
	if placeholder != "" {
		name += " " + placeholder
	}
	return name, text
}

// flagOrigin says where a flag's value comes from when it is not typed.
func flagOrigin(flag *pflag.Flag) string {
	shown := note(flag, annotationShown)
	if shown == "" && flag.NoOptDefVal == "" && !slices.Contains([]string{"0", "0s", "[]"}, flag.DefValue) {
		shown = flag.DefValue
	}
	var origin []string
	if hasVariable(flag) {
		origin = append(origin, variableOf(flag.Name))
	}
	if shown != "" {
		origin = append(origin, "default "+shown)
	}
	return strings.Join(origin, ", ")
}

func (p *helpPage) closing(command *cobra.Command) {
	if len(variablesOf(command)) == 0 {
		p.heading("Exit codes")
	} else {
		p.heading("Environment and exit codes")
		p.line("A flag can be given by the environment variable named under it; the flag wins.")
	}
	if command.Name() == healthcheckName {
		p.line("Exit code 0: healthy, 1: everything else.")
		return
	}
	p.line("Exit code 0: fine, 1: failed while running, 2: wrong usage or configuration.")
	if !command.HasParent() {
		p.line("rota COMMAND --help explains one command.")
	}
}

// wrap breaks a text at spaces into lines of at most width bytes, where it can.
func wrap(text string, width int) []string {
	words := strings.Fields(text)
	if len(words) == 0 {
		return []string{""}
	}
	lines, line := []string{}, words[0]
	for _, word := range words[1:] {
		if len(line)+1+len(word) > width {
			lines, line = append(lines, line), word
			continue
		}
		line += " " + word
	}
	return append(lines, line)
}
