package proxy

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// errHung is why an attempt is given up: its Upstream accepts and does not answer,
// while its siblings do.
var errHung = errors.New("the Upstream accepts requests and does not answer them")

// How an Upstream that hangs is told from one that is busy. All of it is relative
// to its siblings: a service that is slow as a whole has nobody who hangs.
const (
	// hangLeast is how many requests must wait for it,
	hangLeast = 3
	// hangAnswers how many times each sibling must have answered since it did,
	hangAnswers = 4
	// hangSilence how long it must have been silent at least, on a clock that
	// ticks four times a second,
	hangSilence = 150 * time.Millisecond
	// hangTypical and how many times as long as an answer takes here.
	hangTypical = 8
	// hangCrowd: or so many times as many requests wait for it as for a sibling.
	hangCrowd = 4

	// hangPatience is how long a request waits at least for one that hangs before
	// it is sent to another, if it may be.
	hangPatience = 400 * time.Millisecond
	// reassignStep is how often those that waited long enough are looked for.
	reassignStep = 50 * time.Millisecond
)

// pulse is what is known of how an Upstream answers.
type pulse struct {
	waiting  atomic.Int32  // requests that it has and has not answered
	since    atomic.Int64  // when it last answered, or got something to do after a rest
	mark     atomic.Uint64 // how many answers the Target had had by then
	failures atomic.Int32  // in a row
	out      atomic.Bool   // ejected for how it answers, and not for refusing connections
}

// vitals is the same for a Target as a whole.
type vitals struct {
	answers atomic.Uint64
	typical atomic.Int64 // moving average of how long an answer takes
}

// sampled is one in how many answers the time is taken of: asking the clock costs
// more than everything else here.
const sampled = 8

// asked notes a request that an Upstream is about to get. Those whose body is
// still coming do not count: the client may be what is waited for.
func (s *Upstreams) asked(u *Upstream) {
	if u.pulse.waiting.Add(1) == 1 {
		u.pulse.since.Store(s.dog.Now())
		u.pulse.mark.Store(s.vitals.answers.Load())
	}
}

// heard notes how a request that was asked has ended: with an answer, or not.
func (s *Upstreams) heard(u *Upstream, asked time.Time, answered bool) {
	u.pulse.waiting.Add(-1)
	if !answered {
		return
	}
	answers := s.vitals.answers.Add(1)
	if now := s.dog.Now(); u.pulse.since.Load() != now {
		u.pulse.since.Store(now) // four times a second, not with every answer
	}
	u.pulse.mark.Store(answers)
	if answers%sampled == 0 {
		// Two who write at once lose one of two samples, which does not matter.
		typical := s.vitals.typical.Load()
		s.vitals.typical.Store(typical + (int64(time.Since(asked))-typical)/16)
	}
	if u.pulse.out.Load() {
		s.answersAgain(u)
	}
}

// hangs says whether u is silent while its siblings answer.
func (s *Upstreams) hangs(u *Upstream) bool {
	waiting := int(u.pulse.waiting.Load())
	if waiting < hangLeast {
		return false
	}
	members := s.ready.Load().members
	siblings := len(members) - 1
	if siblings < 1 || s.vitals.answers.Load()-u.pulse.mark.Load() < uint64(hangAnswers*siblings) {
		return false
	}
	elsewhere := -waiting
	for _, m := range members {
		elsewhere += int(m.pulse.waiting.Load())
	}
	if waiting*siblings >= hangCrowd*(elsewhere+siblings) {
		return true
	}
	silence := time.Duration(s.dog.Now() - u.pulse.since.Load())
	return silence >= max(hangSilence, hangTypical*time.Duration(s.vitals.typical.Load()))
}

// answersAgain is called when one that is ejected has answered a request.
func (s *Upstreams) answersAgain(u *Upstream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.state == spec.Ejected && u.ailment.kind == hangs {
		u.relapses = 0
		s.readmit(u)
	}
}

// reassign sends what waits for an Upstream that hangs to others, as far as that
// may be done, until ctx ends.
func (s *Upstreams) reassign(ctx context.Context, u *Upstream) {
	patience := max(hangPatience, hangTypical*time.Duration(s.vitals.typical.Load()))
	for sleep(ctx, reassignStep) {
		overdue := time.Now().Add(-patience)
		u.cut(errHung, func(a *attempt) bool { return a.asked.Before(overdue) && repeatable(a) })
	}
}
