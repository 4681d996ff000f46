package proxy

import (
	"context"
	"net"
	"time"
)

const (
	// The pause between two connection attempts is a share of the time it has
	// taken so far: what starts fast is noticed within a millisecond, what
	// starts slowly costs little, and nobody waits much longer than needed.
	probeShare = 16
	probeLeast = time.Millisecond
	probeMost  = 250 * time.Millisecond
	// relayPatience is how long a connection through a relay must stay open to
	// count: the relay accepts first and finds out then that nobody listens.
	relayPatience = 50 * time.Millisecond
)

// probesAtOnce bounds how many connections are being tried at the same time, of all
// Targets: what a thousand of them would take in descriptors and processor time when
// everything starts at once, clients would not get. A silent address has a place for
// no longer than one attempt may take.
const probesAtOnce = 256

// turnstile lets probes connect, so many at a time.
type turnstile chan struct{}

func newTurnstile() turnstile { return make(turnstile, min(probesAtOnce, connsAllowed())) }

// pass waits for a place; false if ctx ended before.
func (t turnstile) pass(ctx context.Context) bool {
	select {
	case t <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t turnstile) leave() { <-t }

// crowded says whether others are likely to wait.
func (t turnstile) crowded() bool { return len(t) == cap(t) }

// probe connects to u until it is let in or ctx ends. The connection is kept
// for the first request.
func (s *Upstreams) probe(ctx context.Context, u *Upstream) {
	start := time.Now()
	for {
		conn, err := s.knock(ctx, u)
		if err == nil {
			s.accepted(ctx, u, conn)
			return
		}
		if !sleep(ctx, probePause(time.Since(start))) {
			return
		}
	}
}

// probePause is how long to wait before the next attempt, elapsed after the
// first one.
func probePause(elapsed time.Duration) time.Duration {
	return min(max(elapsed/probeShare, probeLeast), probeMost)
}

// knock connects once.
func (s *Upstreams) knock(ctx context.Context, u *Upstream) (net.Conn, error) {
	if !s.probes.pass(ctx) {
		return nil, ctx.Err()
	}
	defer s.probes.leave()
	conn, err := u.dialer.dial(ctx, u.dialLimit(0, false))
	if err != nil || !u.spec.Load().Relayed {
		return conn, err
	}
	if !sleep(ctx, relayPatience) || peerClosed(conn) {
		conn.Close()
		return nil, errStale
	}
	return conn, nil
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
