package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rota-proxy/rota/discovery/labels"
)

const labelsName = "labels"

// labelsOptions are the flags of `rota labels`.
type labelsOptions struct {
	asJSON     bool
	asMarkdown bool
}

func newLabelsCommand() *cobra.Command {
	var o labelsOptions
	command := &cobra.Command{
		Use:     labelsName + " [OPTION] [flags]",
		Short:   "Print what can be said in labels",
		Long:    "Print what can be said in labels: every option, or all that is known about one.",
		Example: "rota labels\nrota labels timeout.dial\nrota labels --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return printLabels(command.OutOrStdout(), o, args)
		},
	}
	addSwitch(command.Flags(), &o.asJSON, "json", flagText{help: "Print JSON, the reserved keys included."})
	addSwitch(command.Flags(), &o.asMarkdown, "markdown", flagText{help: "Print docs/labels.md."})
	command.Flags().Lookup("markdown").Hidden = true
	return command
}

func printLabels(out io.Writer, o labelsOptions, args []string) error {
	if len(args) > 0 {
		return printOption(out, o, args[0])
	}
	switch {
	case o.asJSON:
		return printJSON(out, labels.Grammar())
	case o.asMarkdown:
		return labels.WriteReference(out)
	}
	return labels.WriteHelp(out)
}

// printOption prints one option; of a word that is none alone, such as `auth`,
// the options that begin with it.
func printOption(out io.Writer, o labelsOptions, key string) error {
	option, found := labels.Find(key)
	below := labels.Below(key)
	switch {
	case found && o.asJSON:
		return printJSON(out, option)
	case found:
		return labels.WriteOption(out, option)
	case len(below) == 0:
		return unknownOption(key)
	case o.asJSON:
		return printJSON(out, below)
	}
	return printKeys(out, below)
}

func unknownOption(key string) error {
	hint := "."
	if near := labels.Nearest(key); near != "" {
		hint = fmt.Sprintf("; did you mean rota labels %s?", near)
	}
	return usageErrorf("there is no option %q%s See all with: rota labels", key, hint)
}

func printKeys(out io.Writer, options []labels.Option) error {
	var text strings.Builder
	for _, option := range options {
		text.WriteString(option.Label(labels.DefaultPrefix))
		if !option.Available() {
			text.WriteString("   (not in this version)")
		}
		text.WriteByte('\n')
	}
	_, err := io.WriteString(out, text.String())
	return err
}
