package discovery

import "time"

// A container that an event touched is looked at when it has been quiet for a
// moment, because events come in groups, and at the latest after a while,
// because some never stop coming.
const (
	quiet    = 5 * time.Millisecond
	quietCap = 50 * time.Millisecond
)

// schedule says which container is to be inspected when. A container is in one
// place at a time: waiting for its time, queued for a free slot, or being
// inspected; touched while being inspected it waits as well.
type schedule struct {
	waiting  map[string]appointment
	queued   map[string]bool
	queue    []string
	inflight map[string]bool
	slots    int
}

type appointment struct {
	first   time.Time // when the first event of the group came
	at      time.Time
	suspect bool // no event: the list showed something else than what is known
	idle    bool // only when there is little else to do
}

func newSchedule(slots int) *schedule {
	return &schedule{
		waiting: map[string]appointment{}, queued: map[string]bool{}, inflight: map[string]bool{}, slots: slots,
	}
}

// touch makes a container dirty because of an event.
func (s *schedule) touch(id string, now time.Time) {
	if s.queued[id] {
		return
	}
	a, found := s.waiting[id]
	if !found || a.suspect || a.idle {
		a = appointment{first: now}
	}
	a.at = now.Add(quiet)
	if last := a.first.Add(quietCap); a.at.After(last) {
		a.at = last
	}
	s.waiting[id] = a
}

// later makes a container dirty at a time of its own, unless it is sooner.
func (s *schedule) later(id string, at time.Time, suspect bool) {
	if a, found := s.waiting[id]; s.queued[id] || found && a.at.Before(at) {
		return
	}
	s.waiting[id] = appointment{first: at, at: at, suspect: suspect}
}

// unhurried is how long a look waits that is only taken with little else to do.
const unhurried = time.Second

// idly makes a container dirty that can wait, unless it is dirty already.
func (s *schedule) idly(id string, now time.Time) {
	if _, found := s.waiting[id]; found || s.queued[id] {
		return
	}
	s.waiting[id] = appointment{at: now.Add(unhurried), idle: true}
}

// soon queues a container without a quiet period.
func (s *schedule) soon(id string) {
	if s.queued[id] {
		return
	}
	if s.inflight[id] {
		s.waiting[id] = appointment{} // due at once when the answer is there
		return
	}
	delete(s.waiting, id)
	s.queued[id] = true
	s.queue = append(s.queue, id)
}

// dirty says whether a container is to be looked at, or is being looked at.
func (s *schedule) dirty(id string) bool {
	_, waits := s.waiting[id]
	return waits || s.queued[id] || s.inflight[id]
}

// forget drops what is planned for a container that is gone.
func (s *schedule) forget(id string) { delete(s.waiting, id) }

// ripen queues what is due and answers which of it was only suspected.
func (s *schedule) ripen(now time.Time) (suspects []string) {
	for id, a := range s.waiting {
		if a.at.After(now) || s.inflight[id] {
			continue
		}
		if a.idle && !s.spare() {
			a.at = now.Add(unhurried)
			s.waiting[id] = a
			continue
		}
		if a.suspect {
			suspects = append(suspects, id)
		}
		s.soon(id)
	}
	return suspects
}

// next is when ripen has something to do again.
func (s *schedule) next() (time.Time, bool) {
	var next time.Time
	found := false
	for id, a := range s.waiting {
		if !s.inflight[id] && (!found || a.at.Before(next)) {
			next, found = a.at, true
		}
	}
	return next, found
}

// begin takes a queued container into a free slot.
func (s *schedule) begin() (id string, ok bool) {
	if len(s.queue) == 0 || len(s.inflight) >= s.slots {
		return "", false
	}
	id, s.queue = s.queue[0], s.queue[1:]
	delete(s.queued, id)
	s.inflight[id] = true
	return id, true
}

// spare says whether at least half of the slots are free and nobody waits for
// one.
func (s *schedule) spare() bool { return len(s.queue) == 0 && 2*len(s.inflight) <= s.slots }

// done frees the slot.
func (s *schedule) done(id string) { delete(s.inflight, id) }
