// Command bench measures what a proxied request costs: rota beside nginx,
// haproxy and httputil.ReverseProxy, in one run on one machine. It needs
// Debian's nginx, haproxy and wrk, and Linux. docs/performance.md says how it
// measures and what the rows mean.
//
//	go run ./bench
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

func run(args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		if role := roleNamed(args[0]); role != nil {
			return runRole(role, args[1:])
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return runBench(ctx, args, stdout, stderr)
}

func runBench(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	s, err := newSession(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer s.close()
	results, err := s.run(ctx, stdout)
	if o.json != "" {
		err = errors.Join(err, writeJSON(o.json, s.machine, results))
	}
	return err
}
