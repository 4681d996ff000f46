package standin

import (
	"sync"
	"time"

	"github.com/docker/docker/api/types/events"
)

// kept is how many events can still be read afterwards, with `since` or by a
// reader that is slow; an engine keeps 256.
const kept = 256

// journal is the engine's events in order. Readers ask for what came after the
// last one they saw, so a slow one holds up nobody.
type journal struct {
	mu   sync.Mutex
	last uint64           // number of the newest event; the first has 1
	ring []events.Message // the newest ones, oldest first
	news chan struct{}    // closed, and replaced, with every event
}

func newJournal() *journal { return &journal{news: make(chan struct{})} }

// add stamps an event and makes it known. Stamps never go backwards, whatever
// the system's clock does: readers order by them.
func (j *journal) add(m events.Message) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now().UnixNano()
	if n := len(j.ring); n > 0 && now <= j.ring[n-1].TimeNano {
		now = j.ring[n-1].TimeNano + 1
	}
	m.Scope, m.Time, m.TimeNano = "local", now/int64(time.Second), now
	if len(j.ring) == kept {
		j.ring = append(j.ring[:0:0], j.ring[1:]...) // readers may hold the old array
	}
	j.ring = append(j.ring, m)
	j.last++
	close(j.news)
	j.news = make(chan struct{})
}

// now is the number of the newest event.
func (j *journal) now() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// since is the number of the newest event before t, among those kept.
func (j *journal) since(t time.Time) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.last
	for i := len(j.ring) - 1; i >= 0 && j.ring[i].TimeNano >= t.UnixNano(); i-- {
		n--
	}
	return n
}

// after returns the events that came after number n, the number of the newest
// of them and what is closed when there are more. whole is false if some are
// not kept any more.
func (j *journal) after(n uint64) (found []events.Message, newest uint64, news <-chan struct{}, whole bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	missing := int(j.last - n)
	if missing > len(j.ring) {
		return nil, j.last, j.news, false
	}
	return j.ring[len(j.ring)-missing:], j.last, j.news, true
}
