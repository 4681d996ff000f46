package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rota-proxy/rota/admin"
	"github.com/rota-proxy/rota/discovery"
)

// psOptions are the flags of `rota ps` but for those that find the proxy.
type psOptions struct {
	watch, json, quiet, all bool
}

func newPsCommand(env environment) *cobra.Command {
	o := psOptions{}
	command := &cobra.Command{
		Use:   "ps [flags]",
		Short: "List containers, where they are routed, and why not",
		Long: `List every container the running proxy knows of: what it is asked for by its labels, its address, whether it is in rotation, and if not, why. The Upstreams of static Targets stand behind them. Below the table stands what to type to mend what needs mending.

Containers that ask for nothing are left out unless --all is given.`,
		Example: strings.Join([]string{
			"rota ps                                  the table",
			"rota ps -w                               the table, live",
			"docker compose exec rota rota ps         of the rota in a compose project",
			"rota ps --json | jq '.containers[].targets[].state'",
		}, "\n"),
		Args: noArguments,
	}
	flags := command.Flags()
	addSwitch(flags, &o.all, "all", flagText{shorthand: "a", help: "Show containers that ask for nothing as well."})
	addSwitch(flags, &o.watch, "watch", flagText{shorthand: "w", help: "Show it anew every second until Ctrl-C."})
	addSwitch(flags, &o.quiet, "quiet", flagText{shorthand: "q", help: "Only print container ids."})
	addSwitch(flags, &o.json, "json", flagText{help: "Print the answer of the API (docs/api.md); with --watch one line each time."})
	find := bindAdminFlags(flags)
	command.RunE = func(command *cobra.Command, _ []string) error {
		return runPs(command.Context(), find.find(env), o, command.OutOrStdout())
	}
	return command
}

func runPs(ctx context.Context, proxy found, o psOptions, out io.Writer) error {
	if o.watch {
		return watchPs(ctx, proxy, o, out)
	}
	answer, err := askPs(ctx, proxy.client)
	if err != nil {
		return proxy.explain(err)
	}
	width, _ := terminalSize(out)
	return printPs(out, answer, o, width, time.Now())
}

// printPs prints one answer in the form that was asked for.
func printPs(out io.Writer, answer psAnswer, o psOptions, width int, now time.Time) error {
	shown, hidden := split(answer.Containers, o.all)
	var err error
	switch {
	case o.json:
		answer.Containers = shown
		err = printAnswer(out, answer.ContainersAnswer, o.watch)
	case o.quiet:
		for _, container := range shown {
			_, err = fmt.Fprintln(out, printable(shortID(container.ID)))
		}
	default:
		page := psPage{engines: answer.Engines, files: answer.Files, shown: shown, static: answer.static, hidden: hidden, now: now}
		_, err = io.WriteString(out, strings.Join(page.lines(width), "\n")+"\n")
	}
	return err
}

// printAnswer prints JSON for people, or, repeatedly, one document a line.
func printAnswer(out io.Writer, answer admin.ContainersAnswer, oneLine bool) error {
	if oneLine {
		return json.NewEncoder(out).Encode(answer)
	}
	return printJSON(out, answer)
}

// split takes apart what is shown and counts what is not: containers that did
// not ask to be routed, unless it looks as if they had meant to.
func split(all []admin.ContainerView, everything bool) (shown []admin.ContainerView, hidden int) {
	shown = slices.DeleteFunc(slices.Clone(all), func(c admin.ContainerView) bool {
		return !everything && c.Outcome == string(discovery.Hidden) && !slices.ContainsFunc(c.Reasons, isTrouble)
	})
	return shown, len(all) - len(shown)
}

// isTrouble tells findings to look at from notes.
func isTrouble(r admin.ReasonView) bool { return r.Severity != string(discovery.Note) }

// shortID is an id as docker shows it.
func shortID(id string) string { return id[:min(len(id), 12)] }
