package discovery

import (
	"slices"
	"testing"
	"time"
)

func TestScheduleQuietAndCap(t *testing.T) {
	s, start := newSchedule(1), time.Unix(0, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	s.touch("a", at(0))
	s.touch("a", at(4*time.Millisecond))
	if next, _ := s.next(); next != at(9*time.Millisecond) {
		t.Errorf("next at %s, want 5 ms after the last event", next.Sub(start))
	}
	for d := time.Duration(0); d <= 60*time.Millisecond; d += 4 * time.Millisecond {
		s.touch("a", at(d))
	}
	if next, _ := s.next(); next != at(quietCap) {
		t.Errorf("next at %s, want 50 ms after the first event", next.Sub(start))
	}
}

func TestScheduleOnePlaceAtATime(t *testing.T) {
	s, now := newSchedule(1), time.Unix(0, 0)
	s.soon("a")
	s.soon("a")
	s.touch("a", now)
	if id, ok := s.begin(); id != "a" || !ok {
		t.Fatalf("begin: %q %t", id, ok)
	}
	s.soon("b")
	if _, ok := s.begin(); ok {
		t.Error("more at a time than there are slots")
	}
	// Touched while it is inspected: again, but not before the answer.
	s.soon("a")
	if _, waits := s.next(); waits || len(s.ripen(now)) != 0 {
		t.Error("an inspect was planned beside one of the same container")
	}
	s.done("a")
	s.ripen(now)
	var order []string
	for {
		id, ok := s.begin()
		if !ok {
			break
		}
		order = append(order, id)
		s.done(id)
	}
	if !slices.Equal(order, []string{"b", "a"}) || s.dirty("a") {
		t.Errorf("order %v", order)
	}
}

func TestScheduleSuspects(t *testing.T) {
	s, now := newSchedule(2), time.Unix(0, 0)
	s.later("a", now.Add(suspicion), true)
	s.later("b", now.Add(suspicion), true)
	s.touch("b", now) // its event came after all
	if got := s.ripen(now.Add(suspicion)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("suspects %v", got)
	}
}

func TestScheduleIdleWaitsForRoom(t *testing.T) {
	s, now := newSchedule(2), time.Unix(0, 0)
	s.idly("lazy", now)
	s.soon("a")
	s.soon("b")
	s.begin()
	s.begin()
	s.ripen(now.Add(unhurried))
	if len(s.queue) != 0 {
		t.Error("it was queued while all slots were taken")
	}
	s.done("a")
	s.ripen(now.Add(2 * unhurried))
	if len(s.queue) != 1 {
		t.Error("it was forgotten")
	}
	s.idly("hurried", now)
	s.touch("hurried", now)
	s.ripen(now.Add(quiet))
	if !s.queued["hurried"] {
		t.Error("an event did not make it urgent")
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	for i, want := range [...]time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000} {
		want *= time.Millisecond
		if got := b.next(); got < want/2 || got > want {
			t.Errorf("pause %d: %s, want between half of %s and all of it", i, got, want)
		}
	}
	b = backoff{attempts: 1 << 40}
	if got := b.next(); got > backoffMost {
		t.Errorf("after very many attempts: %s", got)
	}
}
