package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// sample is what one round has shown of one candidate. What a case does not
// measure is 0.
type sample struct {
	CPU           float64 `json:"cpu_us_per_request,omitempty"` // user and system
	Requests      int     `json:"requests,omitempty"`
	RPS           float64 `json:"requests_per_second,omitempty"`
	P50           float64 `json:"p50_ms,omitempty"`
	P99           float64 `json:"p99_ms,omitempty"`
	Resident      float64 `json:"resident_mib,omitempty"` // in the middle of the load, or with all connections
	Elsewhere     float64 `json:"elsewhere_percent"`      // of the processors' time, for work that was not ours
	Baseline      float64 `json:"baseline_mib,omitempty"`
	PerConnection float64 `json:"kib_per_connection,omitempty"`
}

const (
	kiB = 1 << 10
	miB = 1 << 20
)

// measurer takes a sample of a candidate that has just been started.
type measurer interface {
	measure(ctx context.Context, i *instance, p pace) (sample, error)
}

// underLoad measures what a load costs.
type underLoad struct{ load }

func (u underLoad) measure(ctx context.Context, i *instance, p pace) (sample, error) {
	if p.warmup > 0 {
		if _, err := u.run(ctx, i.addr, i.host, p.warmup); err != nil {
			return sample{}, fmt.Errorf("while it was warmed up: %w", err)
		}
	}
	before, err := readCPU(i.group())
	if err != nil {
		return sample{}, err
	}
	memory := residentAfter(p.duration/2, i.group())
	out, err := u.run(ctx, i.addr, i.host, p.duration)
	held, memoryErr := memory()
	if err := errors.Join(err, memoryErr); err != nil {
		return sample{}, err
	}
	after, err := readCPU(i.group())
	if err != nil {
		return sample{}, err
	}
	spent, err := after.since(before)
	if err != nil {
		return sample{}, err
	}
	return sample{
		CPU:      float64(spent.Nanoseconds()) / 1e3 / float64(out.requests),
		Requests: out.requests,
		RPS:      float64(out.requests) / out.elapsed.Seconds(),
		P50:      float64(out.p50.Microseconds()) / 1e3,
		P99:      float64(out.p99.Microseconds()) / 1e3,
		Resident: float64(held) / miB,
	}, nil
}

// oncePrepared waits first for what a candidate does on its own after its start:
// forty thousand Upstreams are each connected to once.
type oncePrepared struct{ measurer }

func (o oncePrepared) measure(ctx context.Context, i *instance, p pace) (sample, error) {
	if _, err := settled(ctx, i.group(), p.settle); err != nil {
		return sample{}, err
	}
	return o.measurer.measure(ctx, i, p)
}

// residentAfter reads the memory of a group once d is over, or at the latest
// when its result is asked for.
func residentAfter(d time.Duration, group int) func() (int64, error) {
	var reading sync.WaitGroup
	var held int64
	var err error
	now := make(chan struct{})
	reading.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-now:
		}
		held, err = resident(group)
	})
	return func() (int64, error) {
		close(now)
		reading.Wait()
		return held, err
	}
}
