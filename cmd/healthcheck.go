package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
)

const healthcheckName = "healthcheck"

func newHealthcheckCommand(env environment) *cobra.Command {
	command := &cobra.Command{
		Use:   healthcheckName + " [flags]",
		Short: "Exit 0 when the running proxy is alive, 1 when it is not, for HEALTHCHECK",
		Long: `Exit 0 when the running proxy is alive, 1 when it is not.

Alive is what /healthz says: the process answers. A proxy that has lost its engine is alive: it goes on serving what it knows, and an orchestrator that restarted it for that would only throw this away. Whether it has read its engines is what /readyz says.`,
		Args: noArguments,
	}
	flags := bindAdminFlags(command.Flags())
	command.RunE = func(command *cobra.Command, _ []string) error {
		proxy := flags.find(env)
		if err := proxy.client.Health(command.Context()); err != nil {
			return fmt.Errorf("not healthy: %w", proxy.explain(err))
		}
		_, _ = fmt.Fprintln(command.OutOrStdout(), "ok")
		return nil
	}
	return command
}
