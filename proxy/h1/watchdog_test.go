package h1

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// watchedFunc is watched and calls a function.
type watchedFunc struct{ do func(now int64) }

func (w *watchedFunc) look(now int64) { w.do(now) }

// waiter is a deadline that is watched, and when it was found to be over.
type waiter struct {
	deadline
	began time.Time
	over  atomic.Int64 // how long it took; 0: it goes on
}

func (w *waiter) look(now int64) {
	if w.expired(now) {
		w.over.Store(int64(time.Since(w.began)))
	}
}

// wait begins a wait, after an offset to the ticks.
func wait(d *Watchdog, offset, limit time.Duration) *waiter {
	w := &waiter{}
	d.add(w)
	time.Sleep(offset) // of the bubble's clock
	w.began = time.Now()
	w.begin(d.after(limit))
	return w
}

func TestWaitsEndInTime(t *testing.T) {
	for _, limit := range []time.Duration{
		time.Millisecond, 100 * time.Millisecond, tick, 300 * time.Millisecond, time.Second, shortWait - time.Millisecond, shortWait, 10 * time.Second,
	} {
		for _, offset := range []time.Duration{0, tick / 10, tick - time.Millisecond, 3*tick + tick/2} {
			synctest.Test(t, func(t *testing.T) {
				d := &Watchdog{}
				w := wait(d, offset, limit)
				defer d.remove(w)
				time.Sleep(limit - time.Nanosecond)
				synctest.Wait()
				if w.over.Load() != 0 {
					t.Errorf("limit %v, begun %v into a tick: it ended after %v", limit, offset, time.Duration(w.over.Load()))
				}
				most := limit + alarmStep
				if limit >= shortWait {
					most = limit + 2*tick
				}
				time.Sleep(most - limit + time.Nanosecond)
				synctest.Wait()
				if took := time.Duration(w.over.Load()); took == 0 || took > most {
					t.Errorf("limit %v, begun %v into a tick: it ended after %v", limit, offset, took)
				}
			})
		}
	}
}

func TestNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Watchdog{}
		for _, limit := range []time.Duration{0, -time.Second} {
			w := wait(d, 0, limit)
			time.Sleep(time.Hour)
			synctest.Wait()
			if w.over.Load() != 0 {
				t.Errorf("a wait without limit ended after %v", time.Duration(w.over.Load()))
			}
			d.remove(w)
		}
	})
}

func TestExtend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Watchdog{}
		w := wait(d, 0, time.Second)
		defer d.remove(w)
		for range 10 {
			time.Sleep(900 * time.Millisecond)
			w.extend(d, time.Second)
		}
		synctest.Wait()
		if w.over.Load() != 0 {
			t.Errorf("a wait that was extended ended after %v", time.Duration(w.over.Load()))
		}
		w.clear()
		w.extend(d, time.Millisecond)
		time.Sleep(time.Minute)
		synctest.Wait()
		if w.over.Load() != 0 {
			t.Error("a wait that was over was extended")
		}
	})
}

func TestUnseenMark(t *testing.T) {
	d := &Watchdog{}
	d.init()
	var l deadline
	if l.takeMark() {
		t.Error("nothing waits, and has a mark")
	}
	for _, limit := range []time.Duration{time.Second, time.Minute} {
		for range 100 {
			if l.begin(d.after(limit)); l.takeMark() {
				t.Fatal("a deadline has a mark that nobody made")
			}
		}
	}
	l.due.Store(d.after(time.Minute) | unseen)
	if !l.takeMark() || l.takeMark() {
		t.Error("the mark is to be seen once")
	}
	if l.due.Load() == 0 {
		t.Error("the wait went with its mark")
	}
}

func TestExpiresOnce(t *testing.T) {
	var l deadline
	l.begin(5)
	if l.overdue(4) || l.expired(4) || !l.overdue(5) || !l.expired(5) || l.overdue(6) || l.expired(6) {
		t.Error("a wait has to end once, when its time has come")
	}
	if l.begin(10); l.overdue(20) || !l.clear() {
		t.Error("who went on with a wait does not hear that it was ended")
	}
	if l.begin(10); l.clear() {
		t.Error("a wait that nobody has ended counts as ended")
	}
}

func TestNothingIsWatchedNoTimerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Watchdog{}
		looks := 0
		w := &watchedFunc{func(int64) { looks++ }}
		d.add(w)
		time.Sleep(4 * tick)
		synctest.Wait()
		d.remove(w)
		before := looks
		time.Sleep(2 * tick)
		synctest.Wait()
		stopped := d.Now()
		time.Sleep(time.Hour)
		synctest.Wait()
		if before != 4 || looks != before || d.Now() != stopped {
			t.Errorf("looked %d times while it was watched, %d times in all; the clock went on by %v", before, looks, time.Duration(d.Now()-stopped))
		}
		d.add(w)
		defer d.remove(w)
		time.Sleep(tick)
		synctest.Wait()
		if looks != before+1 || d.Now() <= stopped {
			t.Errorf("watched again, it was looked at %d times", looks-before)
		}
	})
}

// A round can take longer than a tick: thousands of connections on a machine that
// is busy. The next ones must come all the same, and not at the same time.
func TestSlowRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Watchdog{}
		var at, looks atomic.Int64
		w := &watchedFunc{func(int64) {
			if at.Add(1) > 1 {
				t.Error("two rounds at once")
			}
			if looks.Add(1) <= 2 {
				time.Sleep(3 * tick)
			}
			at.Add(-1)
		}}
		d.add(w)
		defer d.remove(w)
		time.Sleep(20 * tick)
		synctest.Wait()
		if n := looks.Load(); n < 10 {
			t.Errorf("after slow rounds nobody looks any more: %d looks", n)
		}
		d.after(time.Millisecond) // sets the timer anew
		late := &waiter{began: time.Now()}
		late.begin(d.after(10 * time.Millisecond))
		d.add(late)
		defer d.remove(late)
		time.Sleep(2 * tick)
		synctest.Wait()
		if late.over.Load() == 0 {
			t.Error("after slow rounds no wait ends")
		}
	})
}

func TestBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Watchdog{}
		calls := 0
		var b *Beat
		b = d.NewBeat(func(now int64) {
			if now != d.Now() {
				t.Error("it is not told the time")
			}
			if calls++; calls%3 == 0 {
				b.End()
			}
		})
		for begun := 1; begun <= 2; begun++ {
			b.Begin()
			b.Begin()
			time.Sleep(time.Hour)
			synctest.Wait()
			if calls != 3*begun {
				t.Errorf("begun %d times, it was called %d times", begun, calls)
			}
		}
	})
}
