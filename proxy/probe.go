package proxy

import (
	"context"
	"time"
)

const (
	// probeFast and probeSlow are the pauses between two connection attempts:
	// fast during probeEager, for what has just been started or has just
	// failed, then slow.
	probeFast  = 20 * time.Millisecond
	probeSlow  = 250 * time.Millisecond
	probeEager = time.Second
	// relayPatience is how long a connection through a relay must stay open to
	// count: the relay accepts first and finds out then that nobody listens.
	relayPatience = 50 * time.Millisecond
)

// probe connects to u until it is let in or ctx ends. The connection is kept
// for the first request.
func (s *Upstreams) probe(ctx context.Context, u *Upstream) {
	start := time.Now()
	for {
		conn, err := u.dialer.dial(ctx, u.dialLimit(0, false))
		if err == nil && u.spec.Load().Relayed {
			if !sleep(ctx, relayPatience) || peerClosed(conn) {
				conn.Close()
				err = errStale
			}
		}
		if err == nil {
			s.accepted(ctx, u, conn)
			return
		}
		pause := probeFast
		if time.Since(start) > probeEager {
			pause = probeSlow
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// sleep waits for d; false if ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
