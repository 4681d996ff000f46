package proxy

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
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
	// One falls behind that owes so many times as many answers as another does,
	hangCrowd = 4
	// who have given so many since it gave one. Its turns are the others'.
	hangAnswers = 4

	// One hangs for certain that owes so many answers,
	hangLeast = 3
	// while each of the others has given hangAnswers,
	// and has been silent for so long, on a clock that ticks every 250 ms
	hangSilence = 300 * time.Millisecond
	// and for so many times as long as an answer takes here.
	hangTypical = 8

	// One that has been silent for so long is asked whether it hangs, if it owes
	// less than that, or nobody comes whom the others could answer; again when it
	// has been silent for twice as long, and so on.
	hangDoubt = 500 * time.Millisecond
	// hangWitnesses is how many of the others are asked the same.
	hangWitnesses = 3

	// hangMissed is how long a request that was given up must have waited at least
	// to be owed all the same.
	hangMissed = 50 * time.Millisecond

	// hangPatience is how long a request waits at least for one that hangs before
	// it is sent to another, if it may be.
	hangPatience = 400 * time.Millisecond
	// reassignStep is how often those that waited long enough are looked for.
	reassignStep = 50 * time.Millisecond
)

// pulse is what is known of how an Upstream answers.
type pulse struct {
	waiting  atomic.Int32  // requests that it has and has not answered
	missed   atomic.Int32  // those that were given up since it last answered
	since    atomic.Int64  // when it last answered, or got something to do after a rest
	mark     atomic.Uint64 // how many answers the Target had had by then
	failures atomic.Int32  // in a row
	out      atomic.Bool   // ejected for how it answers, and not for refusing connections

	// owned by the Upstreams
	examined bool  // somebody is asking whether it hangs
	cleared  int64 // when that was last found not to be so
}

// owed is how many answers the Upstream owes.
func (p *pulse) owed() int { return int(p.waiting.Load() + p.missed.Load()) }

// vitals is the same for a Target as a whole.
type vitals struct {
	answers atomic.Uint64
	typical atomic.Int64 // moving average of how long an answer takes
}

// sampled is one in how many answers the time is taken of: asking the clock costs
// more than everything else here.
const sampled = 8

// patience is how long an answer may take here, and least at any rate.
func (v *vitals) patience(least time.Duration) time.Duration {
	return max(least, hangTypical*time.Duration(v.typical.Load()))
}

// asked notes a request that an Upstream is about to get. Those whose body is
// still coming do not count: the client may be what is waited for.
func (s *Upstreams) asked(u *Upstream) {
	if u.pulse.waiting.Add(1) == 1 && u.pulse.missed.Load() == 0 {
		s.beginSilence(u)
	}
}

// beginSilence has u be silent from now on.
func (s *Upstreams) beginSilence(u *Upstream) {
	s.beat.Begin() // the clock may have stood still
	u.pulse.since.Store(s.dog.Now())
	u.pulse.mark.Store(s.vitals.answers.Load())
}

// forgive has u owe nothing for what was given up.
func (s *Upstreams) forgive(u *Upstream) {
	u.pulse.missed.Store(0)
	s.beginSilence(u)
}

// unheard notes that a request which was asked has ended without an answer. If it
// was given up after a while, the answer is owed until another one comes.
func (s *Upstreams) unheard(u *Upstream, asked time.Time, givenUp bool) {
	if givenUp && time.Since(asked) >= s.vitals.patience(hangMissed) {
		u.pulse.missed.Add(1)
	}
	u.pulse.waiting.Add(-1)
}

// heard notes that a request which was asked has been answered.
func (s *Upstreams) heard(u *Upstream, asked time.Time) {
	u.pulse.waiting.Add(-1)
	if u.pulse.missed.Load() != 0 {
		u.pulse.missed.Store(0)
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

// othersAnswered is how many answers there were from others since u was silent.
func (s *Upstreams) othersAnswered(u *Upstream) int {
	return int(s.vitals.answers.Load() - u.pulse.mark.Load())
}

// lags says whether u has fallen so far behind that its turn should be another's.
// Where requests come evenly and are alike, none does.
func (s *Upstreams) lags(u *Upstream, tried []*Upstream) bool {
	owed := u.pulse.owed()
	if owed < hangCrowd || s.othersAnswered(u) < hangAnswers {
		return false
	}
	return owed >= hangCrowd*(s.idlest(tried).pulse.owed()+1)
}

// idlest is, of those in rotation to whom the request has not been, the one that
// owes the fewest answers; nil when there is none.
func (s *Upstreams) idlest(tried []*Upstream) (idlest *Upstream) {
	for _, u := range s.ready.Load().members {
		if u.weight() > 0 && !contains(tried, u) && (idlest == nil || u.pulse.owed() < idlest.pulse.owed()) {
			idlest = u
		}
	}
	return idlest
}

// look is called a few times a second while answers are owed: clients that all wait
// for one that hangs do not come back to find it out.
func (s *Upstreams) look(now int64) {
	if !s.mu.TryLock() {
		return // the next round will do
	}
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		s.beat.End()
		return
	}
	for _, u := range s.ready.Load().members {
		if !u.pulse.examined && s.doubtful(u, now) {
			u.pulse.examined = true
			s.wg.Go(func() { s.examine(u, now) })
		}
	}
	if answers := s.vitals.answers.Load(); s.looked != answers {
		s.looked = answers
	} else if !s.owing() {
		s.beat.End()
		if s.owing() { // since a moment ago
			s.beat.Begin()
		}
	}
}

// owing says whether somebody in rotation owes an answer.
func (s *Upstreams) owing() bool {
	for _, u := range s.ready.Load().members {
		if u.pulse.owed() > 0 {
			return true
		}
	}
	return false
}

// doubtful says whether u should be examined. It needs mu.
func (s *Upstreams) doubtful(u *Upstream, now int64) bool {
	if u.pulse.owed() == 0 || s.candidates(nil) < 2 {
		return false
	}
	since, cleared := u.pulse.since.Load(), u.pulse.cleared
	if s.hangs(u, now) {
		return true
	}
	silent := time.Duration(now-since) >= s.vitals.patience(hangDoubt)
	return silent && (cleared < since || now-cleared >= cleared-since)
}

// hangs says whether u is silent while its siblings answer.
func (s *Upstreams) hangs(u *Upstream, now int64) bool {
	siblings := len(s.ready.Load().members) - 1
	return siblings > 0 && u.pulse.owed() >= hangLeast && s.othersAnswered(u) >= hangAnswers*siblings &&
		time.Duration(now-u.pulse.since.Load()) >= s.vitals.patience(hangSilence)
}

// examine ejects u if it hangs. What it does for requests, and whether the others
// answered some, may not say enough; then it is asked for something harmless, and
// has to answer if others do.
func (s *Upstreams) examine(u *Upstream, now int64) {
	mark := u.pulse.mark.Load()
	if s.hangs(u, now) || s.deaf(u) && u.pulse.mark.Load() == mark {
		s.eject(u, ailment{kind: hangs})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u.pulse.examined, u.pulse.cleared = false, s.dog.Now()
}

// deaf says whether u does not answer when asked, while others do.
func (s *Upstreams) deaf(u *Upstream) bool {
	took, ok := s.witness(u)
	if !ok {
		return false
	}
	if s.answers(s.ctx, u, max(askQuickly, hangTypical*took)) {
		u.pulse.missed.Store(0)
		return false
	}
	return s.ctx.Err() == nil
}

// witness asks some of u's siblings what u is to be asked, and says how long the
// first answer took.
func (s *Upstreams) witness(u *Upstream) (took time.Duration, ok bool) {
	ctx, enough := context.WithCancel(s.ctx)
	defer enough()
	members := s.ready.Load().members
	begin, asked := time.Now(), 0
	var all sync.WaitGroup
	var first sync.Once
	for _, i := range rand.Perm(len(members)) {
		sibling := members[i]
		if sibling == u || asked == hangWitnesses {
			continue
		}
		asked++
		all.Go(func() {
			if s.answers(ctx, sibling, askQuickly) {
				first.Do(func() { took, ok = time.Since(begin), true })
				enough()
			}
		})
	}
	all.Wait()
	return took, ok
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
	patience := s.vitals.patience(hangPatience)
	for sleep(ctx, reassignStep) {
		overdue := time.Now().Add(-patience)
		u.cut(errHung, func(a *attempt) bool { return a.asked.Before(overdue) && repeatable(a) })
	}
}
