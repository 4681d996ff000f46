package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rota-proxy/rota/check"
	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/discovery/labels"
)

const checkName = "check"

// The forms in which findings are printed.
const (
	formatText   = "text"
	formatGitHub = "github"
)

// standardInput stands for a list of labels on it.
const standardInput = "-"

// checkOptions are the flags of `rota check`.
type checkOptions struct {
	check.Options
	file, format, expose  string
	asJSON, strict, notes bool
	files                 []string
}

func newCheckCommand(env environment) *cobra.Command {
	o := checkOptions{}
	command := &cobra.Command{
		Use:   checkName + " [FILES] [flags]",
		Short: "Say what is wrong with compose files, labels or static Targets, without an engine",
		Long: `Say what is wrong with compose files before anything runs: labels that do not exist or cannot be understood, hosts that clash, ports and networks that lead nowhere, what compose does to a $, and what keeps a service from being scaled.

FILES are those of one project, the later over the earlier, as docker compose -f takes them; without any they are found as compose does. With - a list of labels is read from standard input. Services of profiles that are not enabled are looked at each by itself.

It ends with exit code 1 if there are errors, or, with --strict, warnings.`,
		Example: strings.Join([]string{
			"rota check                                the compose file of this folder",
			"rota check compose.yml compose.prod.yml   two files of one project",
			"rota check --file routes.yml              static Targets",
			"docker inspect -f '{{json .Config.Labels}}' web | rota check -",
		}, "\n"),
		RunE: func(command *cobra.Command, args []string) error {
			o.files = args
			return runCheck(command.Context(), o, env, command.InOrStdin(), command.OutOrStdout())
		},
	}
	o.bind(command.Flags())
	return command
}

func (o *checkOptions) bind(flags *pflag.FlagSet) {
	annotate(addFlag(flags, "file", flagValue(&o.file, "", parseText), flagText{
		placeholder: "FILE", example: "routes.yml", shown: "none", help: "Look at a file of static Targets.",
	}), annotationNoVariable, "true")
	addFlag(flags, "format", flagValue(&o.format, formatText, parseWord(formatText, formatJSON, formatGitHub)), flagText{
		placeholder: "text|json|github", example: formatGitHub,
		help: "How findings are printed; github is for annotations in GitHub Actions.",
	})
	addSwitch(flags, &o.asJSON, "json", flagText{help: "The same as --format json."})
	addSwitch(flags, &o.strict, "strict", flagText{help: "Warnings count as errors do."})
	addSwitch(flags, &o.notes, "notes", flagText{help: "Print notes as well: what is right, and worth knowing."})
	addFlag(flags, "profile", &list[string]{into: &o.Profiles, parse: parseText}, flagText{
		placeholder: "NAME", example: "dev", shown: "those of COMPOSE_PROFILES",
		help: "A profile of compose that is enabled. Repeatable, or a comma-separated list.",
	})
	o.bindProxy(flags)
}

// bindProxy defines the flags that say how the proxy will be started.
func (o *checkOptions) bindProxy(flags *pflag.FlagSet) {
	const group = "The proxy that is to be"
	addFlag(flags, "self", flagValue(&o.Self, "", parseText), flagText{
		group: group, placeholder: "SERVICE", example: "proxy", shown: "the one whose image is called rota",
		help: "The compose service that is rota itself. Without one, rota is taken to be on every network.",
	})
	addFlag(flags, "label-prefix", flagValue(&o.Prefix, labels.DefaultPrefix, parseLabelPrefix), flagText{
		group: group, placeholder: "PREFIX", example: labels.DefaultPrefix, help: "What our labels begin with.",
	})
	addFlag(flags, "default-host", flagValue(&o.DefaultHost, discovery.DefaultHost, parseTemplate), flagText{
		group: group, placeholder: "TEMPLATE", example: "'{{.Service}}.example.com'", help: "The host of containers that name none.",
	})
	addFlag(flags, "expose", flagValue(&o.expose, exposeLabelled, parseWord(exposeLabelled, exposeAll)), flagText{
		group: group, placeholder: "labelled|all", example: exposeAll, help: "Which containers are routed.",
	})
}

// runCheck looks at what was asked for and prints what it found. The error, if
// there is one, sums up.
func runCheck(ctx context.Context, o checkOptions, env environment, in io.Reader, out io.Writer) error {
	o.ExposeAll, o.Environ = o.expose == exposeAll, env
	if o.asJSON {
		o.format = formatJSON
	}
	report, err := o.look(ctx, in)
	if err != nil {
		return usageError{err}
	}
	if !o.notes {
		report.Findings = slices.DeleteFunc(report.Findings, func(f check.Finding) bool { return f.Severity == discovery.Note })
	}
	if err := printReport(out, report, o.format); err != nil {
		return err
	}
	return o.sum(report)
}

// look is everything that was asked for, as one Report.
func (o checkOptions) look(ctx context.Context, in io.Reader) (check.Report, error) {
	var all check.Report
	add := func(r check.Report, err error) error {
		all.Findings = append(all.Findings, r.Findings...)
		all.Subjects += r.Subjects
		return err
	}
	if o.file != "" {
		if err := add(check.Static(o.Options, o.file)); err != nil {
			return all, err
		}
	}
	switch {
	case slices.Equal(o.files, []string{standardInput}):
		text, err := io.ReadAll(io.LimitReader(in, maxLabelList))
		if err != nil {
			return all, fmt.Errorf("reading standard input: %w", err)
		}
		return all, add(check.Labels(o.Options, "stdin", text))
	case slices.Contains(o.files, standardInput):
		return all, errors.New("- is for labels on standard input, and goes with no files")
	case len(o.files) > 0 || o.file == "":
		return all, add(check.Compose(ctx, o.Options, o.files))
	}
	return all, nil
}

// maxLabelList is how many bytes of standard input are read.
const maxLabelList = 16 << 20

func printReport(out io.Writer, report check.Report, format string) error {
	switch format {
	case formatJSON:
		findings := report.Findings
		if findings == nil {
			findings = []check.Finding{}
		}
		return printJSON(out, checkAnswer{
			Errors: report.Count(discovery.Error), Warnings: report.Count(discovery.Warning), Checked: report.Subjects, Findings: findings,
		})
	case formatGitHub:
		return check.WriteGitHub(out, report)
	}
	if len(report.Findings) == 0 {
		_, err := fmt.Fprintf(out, "nothing wrong (%d looked at)\n", report.Subjects)
		return err
	}
	return check.WriteText(out, report)
}

// checkAnswer is what `rota check --json` prints.
type checkAnswer struct {
	Errors   int             `json:"errors"`
	Warnings int             `json:"warnings"`
	Checked  int             `json:"checked"` // services, static Targets or lists of labels
	Findings []check.Finding `json:"findings"`
}

// sum is the error that makes the exit code, or nil.
func (o checkOptions) sum(report check.Report) error {
	wrong, odd := report.Count(discovery.Error), report.Count(discovery.Warning)
	if wrong == 0 && (odd == 0 || !o.strict) {
		return nil
	}
	return fmt.Errorf("%s and %s", counted(wrong, "error"), counted(odd, "warning"))
}
