package proxy

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

const (
	// An Upstream that is ejected for how it answers is asked at once whether it
	// does, and then after pauses that grow with the time it has been out.
	askShare     = 4
	askPauseMin  = 20 * time.Millisecond
	askPauseMost = 250 * time.Millisecond
	// askQuickly is how long most of these questions may take. Where even what is
	// harmless takes longer, one that may take askPatiently waits beside them.
	askQuickly   = 500 * time.Millisecond
	askPatiently = 10 * time.Second

	// One that answers when it is asked, and fails again with requests, is let
	// alone before it is asked the next time: at first for restLeast, then for
	// twice as long each time. It has recovered when it is in rotation for steady.
	restLeast = 500 * time.Millisecond
	restMost  = time.Minute
	restStep  = 50 * time.Millisecond
	steady    = 10 * time.Second
)

// ailment is why an Upstream is ejected.
type ailment struct {
	kind   ailmentKind
	status int // of declines
}

type ailmentKind uint8

const (
	refuses  ailmentKind = iota // it does not accept connections
	hangs                       // it accepts, and does not answer while its siblings do
	breaks                      // it ends connections without an answer that can be read
	quarrels                    // TLS with it fails
	dawdles                     // its answers do not come in time
	declines                    // its answers are of a status that ejects
)

// says is the ailment in words, for the log and for people.
func (a ailment) says() string {
	switch a.kind {
	case hangs:
		return "accepts and does not answer"
	case breaks:
		return "accepts and breaks off without an answer"
	case quarrels:
		return "accepts, but TLS with it fails"
	case dawdles:
		return "does not answer in time"
	case declines:
		return fmt.Sprintf("answers %d", a.status)
	}
	return "not accepting"
}

// failed notes a request that an Upstream took and failed with. So many of them in
// a row, as the Target's description says, eject it.
func (s *Upstreams) failed(u *Upstream, limit int, a ailment) {
	if n := u.pulse.failures.Add(1); limit > 0 && int(n) >= limit {
		s.eject(u, a)
	}
}

// did notes an answer that ejects nobody.
func (u *Upstream) did() {
	if u.pulse.failures.Load() != 0 {
		u.pulse.failures.Store(0)
	}
}

// eject takes an Upstream out of the rotation for how it answers, unless it is the
// last one, and sees to it that it comes back.
func (s *Upstreams) eject(u *Upstream, a ailment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.state != spec.Ready || s.candidates(nil) < 2 {
		return
	}
	if u.returned.IsZero() || time.Since(u.returned) >= steady {
		u.relapses = 0
	} else {
		u.relapses++
	}
	s.enter(u, spec.Ejected)
	u.ailment = a
	u.pulse.out.Store(true)
	ctx, stop := context.WithCancel(s.ctx)
	u.stopProbe = stop
	s.nurse(ctx, u, a)
	s.publish()
	s.log.Warn().Str("upstream", u.name()).Str("address", u.spec.Load().Address).
		Msg("upstream " + a.says() + ": it gets no more requests until that changes")
}

// nurse starts what brings an ejected Upstream back. It needs mu.
func (s *Upstreams) nurse(ctx context.Context, u *Upstream, a ailment) {
	if a.kind == declines {
		pause := doubled(s.ejection.For, u.relapses, s.ejection.Max)
		s.wg.Go(func() {
			if s.rest(ctx, pause) {
				s.recovered(ctx, u)
			}
		})
		return
	}
	if a.kind == hangs {
		s.wg.Go(func() { s.reassign(ctx, u) })
	}
	pause := time.Duration(0)
	if u.relapses > 0 {
		pause = doubled(restLeast, u.relapses-1, restMost)
	}
	for _, patience := range [...]time.Duration{askQuickly, askPatiently} {
		s.wg.Go(func() {
			if s.rest(ctx, pause) {
				s.inquire(ctx, u, patience)
			}
		})
	}
}

// doubled is d after so many doublings, which end at most; 0 is no bound.
func doubled(d time.Duration, times int, most time.Duration) time.Duration {
	if most == 0 {
		most = math.MaxInt64 / 2
	}
	first := d
	for ; times > 0 && 0 < d && d < most; times-- {
		d *= 2
	}
	return max(first, min(d, most))
}

// rest lets an ejected Upstream alone, but not when nobody else is left; false if
// ctx ended before.
func (s *Upstreams) rest(ctx context.Context, pause time.Duration) bool {
	for end := time.Now().Add(pause); s.candidates(nil) > 0; {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		if !sleep(ctx, min(left, restStep)) {
			return false
		}
	}
	return ctx.Err() == nil
}

// inquire asks an ejected Upstream until it answers.
func (s *Upstreams) inquire(ctx context.Context, u *Upstream, patience time.Duration) {
	for start := time.Now(); !s.answers(ctx, u, patience); {
		if !sleep(ctx, min(max(time.Since(start)/askShare, askPauseMin), askPauseMost)) {
			return
		}
	}
	s.recovered(ctx, u)
}

// answers asks an Upstream for something harmless. Whatever it says will do.
func (s *Upstreams) answers(ctx context.Context, u *Upstream, patience time.Duration) bool {
	w := u.carrier.Load()
	if w == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return (*w).ask(ctx) == nil
}

// recovered is called when an ejected Upstream is to be tried again.
func (s *Upstreams) recovered(ctx context.Context, u *Upstream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil { // something else became of it meanwhile
		return
	}
	s.readmit(u)
	u.returned = time.Now()
	// Whether it has recovered is shown by the first request: let one be enough.
	u.pulse.failures.Store(int32(s.ejection.Failures - 1))
}

// readmit puts an ejected Upstream back into the rotation. It needs mu.
func (s *Upstreams) readmit(u *Upstream) {
	out := time.Since(u.since)
	u.pulse.failures.Store(0)
	s.forgive(u)
	s.enter(u, spec.Ready)
	s.publish()
	s.log.Info().Str("upstream", u.name()).Dur("after_ms", out).Msg("upstream is back in rotation")
}
