package discovery

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// callTimeout bounds one call that asks little: an engine that needs
	// longer hangs.
	callTimeout = 10 * time.Second
	// listTimeout bounds the list of all containers.
	listTimeout = time.Minute
	// parallelInspects is how many containers are asked for at a time.
	parallelInspects = 16
)

// session is one connection to the engine: subscribe, list, follow. Its
// goroutine, the Watcher's own, is the only one to touch what is known; the
// calls to the engine run beside it and only bring answers.
type session struct {
	*Watcher
	engine  engine
	version engineVersion // what it is, and how it is spoken to
	plan    *schedule
	answers chan answer
	lists   chan listAnswer
	calls   sync.WaitGroup

	// listing is when the list under way was asked for; zero: none is.
	listing time.Time
	// touched are the containers events told of since then: of them the list
	// may be outdated.
	touched map[string]bool
	// pending are the containers still to be inspected before the first full
	// picture of this connection is complete.
	pending  map[string]bool
	listed   bool // the first list is in
	complete bool // the first full picture is complete
	// suspects are being inspected because the list differed, not because of
	// an event.
	suspects  map[string]bool
	paroles   map[string]time.Time // when a signalled container is to be believed again
	reconcile time.Time            // when to list again
	networks  map[string]bool      // ids of networks seen, see lookAround
	// destroyed are the containers that went since the last list: a late event
	// must not bring one back.
	destroyed map[string]bool
}

// answer is what an inspect brought.
type answer struct {
	id         string
	generation uint64
	container  container
	err        error
}

type listAnswer struct {
	all []listed
	err error
}

func newSession(w *Watcher) *session {
	return &session{
		Watcher: w, plan: newSchedule(parallelInspects),
		answers: make(chan answer, parallelInspects), lists: make(chan listAnswer, 1),
		pending: map[string]bool{}, suspects: map[string]bool{}, paroles: map[string]time.Time{}, networks: map[string]bool{},
		destroyed: map[string]bool{},
	}
}

// run ends with the connection, or with ctx, and then all it started has ended.
func (s *session) run(ctx context.Context) error {
	var err error
	if s.engine, err = s.dial(); err != nil {
		return err
	}
	defer s.engine.close() // last, because it waits for what cancel ends
	ctx, cancel := context.WithCancel(ctx)
	defer s.calls.Wait()
	defer cancel()
	if s.version, err = s.greet(ctx); err != nil {
		return err
	}
	if err := s.findPlace(ctx); err != nil {
		return err
	}
	events, ended, err := s.subscribe(ctx)
	if err != nil {
		return err
	}
	s.startList(ctx)
	return s.follow(ctx, events, ended)
}

// greet agrees on an API version. An engine behind a filter may keep its own
// version to itself; only an engine that cannot be reached ends it here.
func (s *session) greet(ctx context.Context) (engineVersion, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	v, err := s.engine.version(ctx)
	if errors.Is(err, errRefused) {
		return v, nil
	}
	return v, err
}

// subscribe opens the event stream. The engine confirms a subscription at
// once; one that does not hangs.
func (s *session) subscribe(ctx context.Context) (<-chan event, <-chan error, error) {
	streaming, cancel := context.WithCancelCause(ctx)
	hang := time.AfterFunc(callTimeout, func() { cancel(context.DeadlineExceeded) })
	events, ended := s.engine.follow(streaming)
	if hung := !hang.Stop(); hung {
		<-ended
		return nil, nil, follows(context.Cause(streaming))
	}
	select {
	case err := <-ended:
		cancel(nil)
		return nil, nil, follows(cmp.Or(context.Cause(streaming), err))
	default:
		context.AfterFunc(ctx, func() { cancel(nil) }) // not before: the stream is in use
		return events, ended, nil
	}
}

// follow is the loop.
func (s *session) follow(ctx context.Context, events <-chan event, ended <-chan error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.startInspects(ctx)
		timer.Reset(time.Until(s.wake()))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return follows(err)
		case e := <-events:
			s.handle(e, time.Now())
		case a := <-s.answers:
			s.apply(a, time.Now())
		case l := <-s.lists:
			if err := s.takeList(l, ended); err != nil {
				return err
			}
		case now := <-timer.C:
			s.tick(ctx, now)
		}
		s.flush(time.Now())
	}
}

// takeList takes in a list, which is what the Watcher asks next after the
// subscription: an engine that has answered it and not ended the stream
// meanwhile is reached. A refused subscription may show only now.
func (s *session) takeList(l listAnswer, ended <-chan error) error {
	if l.err != nil {
		return l.err
	}
	if !s.listed {
		select {
		case err := <-ended:
			return follows(err)
		default:
			s.reached(s.version, s.hasSynced())
		}
	}
	s.compare(l.all, time.Now())
	return nil
}

// flush publishes what changed, but nothing before the first full picture:
// a part of the truth would look like the rest had gone.
func (s *session) flush(now time.Time) {
	if !s.complete && s.listed && len(s.pending) == 0 {
		s.complete = true
		s.report(func(st *EngineStatus) { st.StaleSince, st.LastSync = time.Time{}, now })
		s.publish(now)
		return
	}
	if s.hasSynced() {
		s.publish(now)
	}
}

// wake is when the next thing is due that no event announces.
func (s *session) wake() time.Time {
	next := time.Now().Add(time.Hour)
	if at, some := s.plan.next(); some && at.Before(next) {
		next = at
	}
	for _, at := range s.paroles {
		if at.Before(next) {
			next = at
		}
	}
	if s.listing.IsZero() && s.reconcile.Before(next) {
		next = s.reconcile
	}
	return next
}

// tick does what is due.
func (s *session) tick(ctx context.Context, now time.Time) {
	for _, id := range s.plan.ripen(now) {
		s.suspects[id] = true
	}
	for id, at := range s.paroles {
		if !at.After(now) {
			delete(s.paroles, id)
			s.plan.soon(id)
		}
	}
	if s.listing.IsZero() && !s.reconcile.After(now) {
		s.startList(ctx)
	}
}

// startInspects fills the free slots.
func (s *session) startInspects(ctx context.Context) {
	for {
		id, ok := s.plan.begin()
		if !ok {
			return
		}
		e := s.inventory.containers[id]
		if e == nil {
			s.plan.done(id)
			delete(s.pending, id)
			continue
		}
		generation := e.generation
		s.calls.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, callTimeout)
			defer cancel()
			c, err := s.engine.inspect(ctx, id)
			s.answers <- answer{id, generation, c, err}
		})
	}
}

// apply takes in what an inspect brought.
func (s *session) apply(a answer, now time.Time) {
	s.plan.done(a.id)
	suspected := s.suspects[a.id]
	delete(s.suspects, a.id)
	e := s.inventory.containers[a.id]
	switch {
	case e == nil: // destroyed meanwhile
	case errors.Is(a.err, errGone):
		s.drift(suspected)
		s.forget(a.id)
	case a.err != nil:
		s.unread(e, a.err, now)
	case e.generation != a.generation:
		s.plan.touch(a.id, now)
		return
	default:
		s.drift(suspected && (!e.inspected || differs(e.container, a.container)))
		s.learn(a.container, now)
	}
	delete(s.pending, a.id)
}

// learn takes in a full description.
func (s *session) learn(c container, now time.Time) {
	s.lookAround(c.Networks)
	e := s.inventory.put(c, true)
	e.failures = 0
	if owner := s.inventory.owner(e); owner != nil && !owner.inspected {
		s.want(owner.ID)
	}
	if !e.signalled() {
		delete(s.paroles, e.ID)
		return
	}
	if at := e.takeBackAt(); at.After(now) {
		s.paroles[e.ID] = at
		return
	}
	e.takenBack = now
	s.inventory.touch(e)
}

// want has a container inspected, and the first picture wait for it.
func (s *session) want(id string) {
	s.plan.soon(id)
	if !s.complete {
		s.pending[id] = true
	}
}

// unread keeps what is known of a container that could not be read, and tries
// again. The first full picture does not wait for that.
func (s *session) unread(e *entry, err error, now time.Time) {
	s.plan.later(e.ID, now.Add(backoffStep(e.failures)), false)
	e.failures++
	e.unread = !e.inspected
	s.inventory.touch(e)
	s.options.Log.Debug().Err(err).Str("container", e.Name).Msg("container not read, trying again")
}

// forget drops a container that is gone.
func (s *session) forget(id string) {
	s.inventory.remove(id)
	s.plan.forget(id)
	delete(s.paroles, id)
	delete(s.suspects, id)
	delete(s.pending, id)
}

func (s *session) drift(found bool) {
	if found {
		s.report(func(st *EngineStatus) { st.Drift++ })
	}
}
