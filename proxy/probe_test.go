package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/spec"
)

// Whoever starts is let in late by little: by less than a tenth of the time it
// took to start, or by a quarter of a second.
func TestProbePause(t *testing.T) {
	for _, c := range []struct{ elapsed, want time.Duration }{
		{0, time.Millisecond},
		{16 * time.Millisecond, time.Millisecond},
		{320 * time.Millisecond, 20 * time.Millisecond},
		{4 * time.Second, 250 * time.Millisecond},
		{time.Hour, 250 * time.Millisecond},
	} {
		if got := probePause(c.elapsed); got != c.want {
			t.Errorf("after %v the pause is %v, want %v", c.elapsed, got, c.want)
		}
	}
}

// A relay that lets everybody in and hangs up at once is no sign of life.
func TestProbeThroughARelay(t *testing.T) {
	rude := testrig.RawServer(t, func(*net.TCPConn) {})
	a := newBackend(t, "a", nil)
	g := newRig(t, Options{})
	relayed, good := upstream("rude", rude), a.upstream()
	relayed.Relayed, good.Relayed = true, true
	g.mux.Apply(target(relayed, good))
	g.ready(1)
	for range 4 {
		wantReply(t, g.get("/"), 200, "a")
	}
}

// However many start at once, only so many are connected to at a time, and each has
// its turn; one that is not wanted any more does not wait for it.
func TestProbesTakeTurns(t *testing.T) {
	const capacity = 4
	g := newRig(t, Options{})
	g.mux.shared.probes = make(turnstile, capacity)
	var inside, most atomic.Int32
	probed := testrig.RawServer(t, func(conn *net.TCPConn) {
		for now := inside.Add(1); ; {
			before := most.Load()
			if now <= before || most.CompareAndSwap(before, now) {
				break
			}
		}
		io.Copy(io.Discard, conn)
		inside.Add(-1)
	})
	many := make([]spec.Upstream, 10*capacity)
	for i := range many {
		many[i] = upstream(fmt.Sprintf("u%d", i), probed)
		many[i].Relayed = true // it stays connected for a while before it counts
	}
	g.mux.Apply(target(many...))
	g.ready(len(many))
	if got := most.Load(); got > 4*capacity { // those that are being closed, or kept for a request, included
		t.Errorf("%d were connected to at once, want no more than %d", got, capacity)
	}

	full := make(turnstile, 1)
	ctx, cancel := context.WithCancel(t.Context())
	if !full.pass(ctx) {
		t.Fatal("nobody was there, and the first was not let in")
	}
	cancel()
	if full.pass(ctx) {
		t.Error("one that is not wanted any more was let in")
	}
}
