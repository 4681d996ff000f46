// Command rota is a reverse proxy that discovers its backends from the labels
// of Docker containers. See README.md.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rota-proxy/rota/cmd"
)

func main() {
	ctx := cmd.UntilSignal(context.Background(), func() {
		fmt.Fprintln(os.Stderr, "rota: told to stop twice, ending without waiting")
		os.Exit(1)
	})
	os.Exit(cmd.Execute(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
