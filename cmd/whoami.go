package cmd

import (
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/rota-proxy/rota/internal/whoami"
)

// whoamiOptions are the flags of `rota whoami`. They have no ROTA_ twins: the
// sample stands for somebody else's program.
type whoamiOptions struct {
	listen     string
	name       string
	startDelay time.Duration
	leave      whoami.Leave
}

func newWhoamiCommand(env environment) *cobra.Command {
	var o whoamiOptions
	c := &cobra.Command{
		Use:   "whoami",
		Short: "Run the sample upstream: a server that says who it is and what it was asked",
		Long: `Run the sample upstream: a server that says who it is and what it was asked.

  /                            who answers and the request, as text; JSON with ?json or by Accept
  /health                      200
  /status/503                  that status
  /sleep?for=2s                answers later, after 60 s at most
  /stream?ticks=10&every=1s    server-sent events, for 60 s at most`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runWhoami(c, o) },
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", ":80", "address to listen on")
	f.StringVar(&o.name, "name", env.get("WHOAMI_NAME"), "what it calls itself; WHOAMI_NAME, else the host name")
	f.DurationVar(&o.startDelay, "start-delay", 0, "wait before listening, like a program that starts slowly")
	f.DurationVar(&o.leave.Drain, "drain", 0, "go on accepting this long after SIGTERM")
	f.BoolVar(&o.leave.AtOnce, "exit-at-once", false, "on SIGTERM exit without finishing the running requests")
	return c
}

// runWhoami serves until the command's context ends, which SIGTERM and SIGINT do.
func runWhoami(c *cobra.Command, o whoamiOptions) error {
	if !whoami.Pause(c.Context(), o.startDelay) {
		return nil
	}
	ln, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listening for whoami: %w", err)
	}
	fmt.Fprintf(c.OutOrStdout(), "whoami answers on http://%s/\n", ln.Addr())
	return whoami.NewServer(whoami.Handler(o.name), o.leave).Serve(c.Context(), ln)
}
