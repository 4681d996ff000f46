// Package lifetime has a context that costs nothing until somebody waits for its
// end.
package lifetime

import (
	"sync"
	"sync/atomic"
	"time"
)

// Lifetime is a [context.Context] without a deadline and without values, whose
// Err is the reason that it was given. It has no parent and needs no cancelling:
// one that was never ended is only memory. The zero value has begun. All methods
// may be called from any goroutine; it must not be copied.
type Lifetime struct {
	followed atomic.Bool // somebody waits, or it has ended
	ended    atomic.Bool

	mu    sync.Mutex
	cause error
	done  chan struct{} // nil until somebody waits
	after map[*afterFunc]struct{}
}

type afterFunc struct{ do func() }

// Deadline says that there is none.
func (l *Lifetime) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value knows nothing.
func (l *Lifetime) Value(any) any { return nil }

// Done is closed by End.
func (l *Lifetime) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followed.Store(true)
	if l.done == nil {
		l.done = make(chan struct{})
		if l.cause != nil {
			close(l.done)
		}
	}
	return l.done
}

// Err is what the first End was given; nil before.
func (l *Lifetime) Err() error {
	if !l.ended.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// AfterFunc calls f in a goroutine of its own after the end, unless stop was
// called before. Package context asks for it, and then needs no goroutine of its
// own to follow.
func (l *Lifetime) AfterFunc(f func()) (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		go f()
		return func() bool { return false }
	}
	l.followed.Store(true)
	if l.after == nil {
		l.after = map[*afterFunc]struct{}{}
	}
	one := &afterFunc{f}
	l.after[one] = struct{}{}
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		_, pending := l.after[one]
		delete(l.after, one)
		return pending
	}
}

// End ends it, for the reason given; the first one counts.
func (l *Lifetime) End(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return
	}
	l.cause = cause
	l.ended.Store(true)
	l.followed.Store(true)
	if l.done != nil {
		close(l.done)
	}
	for one := range l.after {
		go one.do()
	}
	l.after = nil
}

// Followed says whether its end matters to anybody: somebody has asked to hear of
// it, or it has come.
func (l *Lifetime) Followed() bool { return l.followed.Load() }
