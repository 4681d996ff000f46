package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/sync/errgroup"
)

// idleConnections measures the memory of connections that have each been used
// once and are kept open. What the kernel keeps for them is not in it.
type idleConnections struct{ connections int }

const (
	// idleDialers is how many are opened at once.
	idleDialers = 32
	// Memory is at rest when nothing has moved it by more than atRest for
	// restFor readings.
	restEvery = 500 * time.Millisecond
	restFor   = 6
	atRest    = 0.005
)

func (l idleConnections) measure(ctx context.Context, i *instance, p pace) (sample, error) {
	baseline, err := settled(ctx, i.group(), p.settle)
	if err != nil {
		return sample{}, err
	}
	request := get(path1KiB, i.host)
	clients, err := l.open(ctx, i.addr, request)
	defer func() {
		for _, c := range clients {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	if err != nil {
		return sample{}, err
	}
	held, err := settled(ctx, i.group(), p.settle)
	if err != nil {
		return sample{}, err
	}
	for n, c := range clients {
		if _, err := c.ask(request); err != nil {
			return sample{}, fmt.Errorf("connection %d of %d was not kept open: %w", n+1, len(clients), err)
		}
	}
	return sample{
		Requests:      2 * l.connections,
		Baseline:      float64(baseline) / miB,
		Resident:      float64(held) / miB,
		PerConnection: float64(held-baseline) / kiB / float64(l.connections),
	}, nil
}

// open gives all clients there are, with an error too.
func (l idleConnections) open(ctx context.Context, addr string, request []byte) ([]*client, error) {
	clients := make([]*client, l.connections)
	dialers, ctx := errgroup.WithContext(ctx)
	dialers.SetLimit(idleDialers)
	for n := range clients {
		dialers.Go(func() (err error) {
			if clients[n], err = dial(ctx, addr); err != nil {
				return err
			}
			_, err = clients[n].ask(request)
			return err
		})
	}
	return clients, dialers.Wait()
}

// settled is a group's memory in bytes once it is at rest, or after most.
func settled(ctx context.Context, group int, most time.Duration) (int64, error) {
	deadline := time.Now().Add(most)
	again := time.NewTicker(restEvery)
	defer again.Stop()
	var reference int64
	for calm := 0; ; calm++ {
		now, err := resident(group)
		if err != nil {
			return 0, err
		}
		if math.Abs(float64(now-reference)) > atRest*float64(reference) {
			reference, calm = now, 0
		}
		if calm >= restFor || time.Now().After(deadline) {
			return now, nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
