package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// rateLoad asks at a constant rate, whatever becomes of the requests before
// (open loop). A request that has to wait for a free connection is late, and
// how late counts as part of its time; a rate that could not be kept up shows
// in the requests a second.
type rateLoad struct {
	path        string
	size        int
	connections int
	rate        int // requests a second
}

// lastAnswers is how long the last ones may take.
const lastAnswers = 5 * time.Second

func (l rateLoad) run(ctx context.Context, addr, host string, d time.Duration) (outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o := &openLoop{rateLoad: l, request: get(l.path, host), begin: time.Now(), free: make(chan *rateConn, l.connections)}
	defer o.close()
	if err := o.dial(ctx, addr); err != nil {
		return outcome{}, err
	}
	o.read(cancel)
	o.begin = time.Now()
	o.keepRate(ctx, d)
	elapsed := time.Since(o.begin)
	if err := o.awaitAnswers(ctx); err != nil {
		return outcome{}, err
	}
	o.close()
	return o.outcome(elapsed), nil
}

// openLoop is one run of a rateLoad.
type openLoop struct {
	rateLoad
	request []byte
	begin   time.Time
	free    chan *rateConn // without a request on their way
	conns   []*rateConn
	readers sync.WaitGroup // one for each connection
}

// rateConn is a connection that is free or has one request on its way.
type rateConn struct {
	*client
	due     atomic.Int64 // since begin, when that request should have been sent
	closing atomic.Bool
	took    []time.Duration // what each request took; its reader's
}

func (o *openLoop) dial(ctx context.Context, addr string) error {
	for range o.connections {
		c, err := dial(ctx, addr)
		if err != nil {
			return err
		}
		o.conns = append(o.conns, &rateConn{client: c})
		o.free <- o.conns[len(o.conns)-1]
	}
	return nil
}

// read starts the readers. The first that fails ends the run.
func (o *openLoop) read(fail context.CancelCauseFunc) {
	for _, c := range o.conns {
		o.readers.Go(func() {
			if err := o.readAll(c); err != nil {
				fail(err)
			}
		})
	}
}

func (o *openLoop) readAll(c *rateConn) error {
	for {
		answer, err := c.answer()
		switch {
		case c.closing.Load():
			return nil
		case err != nil:
			return err
		case len(answer.body) != o.size:
			return fmt.Errorf("an answer has %d bytes instead of %d", len(answer.body), o.size)
		}
		c.took = append(c.took, time.Since(o.begin)-time.Duration(c.due.Load()))
		o.free <- c
	}
}

// keepRate sends until d is over. It has a thread for itself and sleeps in the
// kernel: the runtime's timers would send in bunches, a millisecond apart.
func (o *openLoop) keepRate(ctx context.Context, d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for n := range int(d.Seconds() * float64(o.rate)) {
		due := time.Duration(n) * time.Second / time.Duration(o.rate)
		if wait := due - time.Since(o.begin); wait > 0 {
			sleep(wait)
		}
		select {
		case c := <-o.free:
			c.due.Store(int64(due))
			if _, err := c.Write(o.request); err != nil {
				return // the reader meets the same and says it
			}
		case <-ctx.Done():
			return
		}
	}
}

// awaitAnswers returns when every connection is free again.
func (o *openLoop) awaitAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lastAnswers, fmt.Errorf("requests without an answer after %s", lastAnswers))
	defer cancel()
	for range o.conns {
		select {
		case <-o.free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// close may be called twice. After it nobody writes to took.
func (o *openLoop) close() {
	for _, c := range o.conns {
		c.closing.Store(true)
		_ = c.Close()
	}
	o.readers.Wait()
}

func (o *openLoop) outcome(elapsed time.Duration) outcome {
	var took []time.Duration
	for _, c := range o.conns {
		took = append(took, c.took...)
	}
	slices.Sort(took)
	return outcome{requests: len(took), elapsed: elapsed, p50: quantile(took, 0.50), p99: quantile(took, 0.99)}
}
