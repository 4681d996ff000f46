package discovery

import (
	"context"
	"slices"
	"time"
)

const (
	// reconcileEvery is the pause between two lists …
	reconcileEvery = 30 * time.Second
	// … which is stretched so that listing never takes more than a fiftieth
	// of the time.
	reconcileShare = 50
	// suspicion is how long a difference between list and knowledge may wait
	// for the event that explains it.
	suspicion = 500 * time.Millisecond
)

// startList asks for all containers, beside the loop.
func (s *session) startList(ctx context.Context) {
	s.listing, s.touched = time.Now(), map[string]bool{}
	s.calls.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, listTimeout)
		defer cancel()
		all, err := s.engine.list(ctx)
		s.lists <- listAnswer{all, err}
	})
}

// compare takes in a list. The first one of a connection is believed, because
// anything may have happened before; later ones should only confirm what the
// events told.
func (s *session) compare(all []listed, now time.Time) {
	present := make(map[string]bool, len(all))
	s.lookAround(nil)
	for _, l := range all {
		present[l.ID] = true
		s.compareOne(l, now)
	}
	for id, e := range s.inventory.containers {
		if !present[id] && !s.touched[id] {
			s.missing(e, now)
		}
	}
	clear(s.destroyed)
	s.inventory.forgetEmpty(now)
	took := time.Since(s.listing)
	s.reconcile = now.Add(max(s.every, reconcileShare*took))
	s.listing, s.touched, s.listed = time.Time{}, nil, true
	s.report(func(st *EngineStatus) { st.LastSync = now })
}

func (s *session) compareOne(l listed, now time.Time) {
	e := s.inventory.containers[l.ID]
	switch {
	case e == nil && s.touched[l.ID]:
		return // destroyed while the list was made
	case e == nil:
		e = s.inventory.put(l.container, false)
	case !s.inventory.wanted(e) && !differs(e.container, l.container):
		return
	case !s.inventory.wanted(e):
		e.inspected = false // the list knows better than an inspect of long ago
		s.inventory.put(l.container, false)
	}
	switch {
	case !s.inventory.wanted(e):
	case !s.listed:
		s.want(e.ID)
	case !e.inspected || differs(e.container, l.container):
		s.suspect(e, now)
	}
}

// missing deals with a container the list does not have.
func (s *session) missing(e *entry, now time.Time) {
	if s.listed && s.inventory.wanted(e) {
		s.suspect(e, now)
		return
	}
	s.forget(e.ID)
}

// suspect has a container inspected, unless an event comes first.
func (s *session) suspect(e *entry, now time.Time) {
	if !s.plan.dirty(e.ID) && !s.touched[e.ID] {
		s.plan.later(e.ID, now.Add(suspicion), true)
	}
}

// differs says whether two descriptions of a container disagree in what a list
// can know.
func differs(known, seen container) bool {
	if known.State != seen.State || known.Name != seen.Name {
		return true
	}
	if !seen.alive() {
		return false // addresses and health of stopped containers mean nothing
	}
	return seen.State == stateRunning && known.Health != seen.Health ||
		!slices.Equal(known.Networks, seen.Networks) || !slices.Equal(known.Published, seen.Published)
}
