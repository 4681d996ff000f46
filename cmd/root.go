// Package cmd is what a user types: one file per command, flags and their
// environment twins, exit codes. It ties discovery, proxy and admin together
// and is the only package that knows all three.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes, which are contract. `healthcheck` knows only fine and failed,
// because container engines reserve the rest.
const (
	exitFine   = 0
	exitFailed = 1 // while running
	exitUsage  = 2 // wrong usage or configuration
)

// Execute runs one command line and returns its exit code. environ is in the
// form of os.Environ. Nothing is kept between calls: several may run at once.
func Execute(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	return executeRoot(ctx, newRootCommand(environment(environ)), args, stdout, stderr)
}

func executeRoot(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	root.SetArgs(withDefaultCommand(args))
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitFine
	}
	_, _ = fmt.Fprintln(stderr, "rota:", err)
	return exitCode(command, err)
}

func exitCode(command *cobra.Command, err error) int {
	var usage usageError
	if command.Name() != healthcheckName && errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// usageError is wrong usage or configuration: what was asked for cannot be done
// however often it is tried. It makes the exit code 2.
type usageError struct{ err error }

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func newRootCommand(env environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "rota",
		Short: "A reverse proxy that finds its backends by the labels of Docker containers",
		Example: strings.Join([]string{
			"rota                        serve on port 80, follow the Docker engine of this machine",
			"rota --http :8080           the same on another port",
			"rota demo                   see it work: three labelled replicas and live rotation",
			"rota ps                     every container, and why it is or is not routed",
		}, "\n"),
		SilenceErrors: true,
		SilenceUsage:  true,
		// A first word that is no command must be called that, whatever flags
		// follow it; so they are left unread here.
		DisableFlagParsing: true,
		Args:               cobra.ArbitraryArgs,
		RunE:               runRoot,
		PersistentPreRunE: func(command *cobra.Command, _ []string) error {
			return env.applyTo(command.Flags())
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(commands(env)...)
	root.SetFlagErrorFunc(explainFlagError)
	root.SetHelpFunc(func(command *cobra.Command, _ []string) { writeHelp(command) })
	root.SetUsageFunc(func(command *cobra.Command) error { writeHelp(command); return nil })
	countArgumentsAsUsage(root)
	return root
}

// commands are all there are.
func commands(env environment) []*cobra.Command {
	return []*cobra.Command{
		newServeCommand(env),
		newPsCommand(env),
		newCheckCommand(env),
		newHealthcheckCommand(env),
		newDemoCommand(),
		newRootPEMCommand(env),
		newTrustCommand(env, systemTrust()),
		newLabelsCommand(),
		newVersionCommand(),
		withoutVariables(newWhoamiCommand(env)),
	}
}

// withoutVariables takes the environment twins from the flags of a command: the
// sample upstream stands for a program that is not ours.
func withoutVariables(command *cobra.Command) *cobra.Command {
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		annotate(flag, annotationNoVariable, "true")
	})
	return command
}

// withDefaultCommand makes `rota` and `rota --flag` mean `rota serve`.
func withDefaultCommand(args []string) []string {
	if len(args) == 0 {
		return []string{serveName}
	}
	switch first := args[0]; {
	case first == "--version" || first == "-v":
		return append([]string{versionName}, args[1:]...)
	case first == "--help" || first == "-h" || !strings.HasPrefix(first, "-"):
		return args
	}
	return append([]string{serveName}, args...)
}

// runRoot is reached with what is no command: a request for help or a slip.
func runRoot(root *cobra.Command, args []string) error {
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
		writeHelp(root)
		return nil
	}
	var names []string
	for _, command := range root.Commands() {
		names = append(names, command.Name())
	}
	return usageErrorf("there is no command %q%s See rota --help", args[0], didYouMean("rota ", args[0], names))
}

// countArgumentsAsUsage makes every refusal of positional arguments a usage
// error, whoever wrote the check.
func countArgumentsAsUsage(command *cobra.Command) {
	for _, child := range command.Commands() {
		countArgumentsAsUsage(child)
	}
	check := command.Args
	if check == nil {
		return
	}
	command.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

// noArguments is the check of commands that only take flags.
func noArguments(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageErrorf("%s takes no arguments, only flags, and got %q; see %s --help",
			command.CommandPath(), args[0], command.CommandPath())
	}
	return nil
}
