package main

import (
	"context"
	"time"
)

// load is requests for a proxy.
type load interface {
	// run puts the load on addr and host for about d. One request that is not
	// answered as it should be is an error.
	run(ctx context.Context, addr, host string, d time.Duration) (outcome, error)
}

// outcome is what came of a load.
type outcome struct {
	requests int
	elapsed  time.Duration
	p50, p99 time.Duration
}
