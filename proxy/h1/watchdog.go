package h1

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// tick is how often a Watchdog looks around while it has something to watch.
	// Long waits are cut up to two ticks late.
	tick = 250 * time.Millisecond
	// Waits shorter than shortWait are cut on time, give or take an alarmStep.
	shortWait = 8 * tick
	alarmStep = 8 * time.Millisecond
	// alarms are enough for all steps of a shortWait, and one that has begun.
	alarms = int(shortWait/alarmStep) + 1
)

// Watchdog ends waits that last too long, for many connections at once: setting
// a deadline for each operation would cost a lock and a timer each time. It runs
// from a timer that is set only while something is watched, so it need not be
// stopped. The zero value is ready; it must not be copied.
type Watchdog struct {
	born sync.Once
	zero time.Time    // the clock counts from here
	now  atomic.Int64 // coarse: as of the last tick
	next atomic.Int64 // when the timer goes off
	// when short waits end that began before the timer's next round: each has
	// its place, and is of no importance any more once it is past
	alarms [alarms]atomic.Int64

	round   sync.Mutex // held during a round
	scratch []watched  // of the round

	mu      sync.Mutex
	watched map[watched]struct{}
	timer   *time.Timer
}

// watched is looked at every tick, by one goroutine at a time. It may be looked at
// once more right after it was removed.
type watched interface{ look(now int64) }

func (d *Watchdog) init() {
	d.born.Do(func() {
		d.zero = time.Now().Add(-time.Second) // 0 means nothing is due
		d.watched = map[watched]struct{}{}
		d.now.Store(d.clock())
		d.next.Store(math.MaxInt64)
	})
}

// Now is the time of the last tick, in nanoseconds since some moment. It costs
// nothing to ask. While nothing is watched it stands still.
func (d *Watchdog) Now() int64 { return d.now.Load() }

func (d *Watchdog) clock() int64 { return int64(time.Since(d.zero)) }

func (d *Watchdog) add(w watched) {
	d.init()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watched[w] = struct{}{}
	if len(d.watched) == 1 {
		d.now.Store(d.clock())
		d.schedule(int64(tick))
	}
}

func (d *Watchdog) remove(w watched) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.watched, w)
}

// schedule sets the timer. It needs mu.
func (d *Watchdog) schedule(in int64) {
	d.next.Store(d.clock() + in)
	if d.timer == nil {
		d.timer = time.AfterFunc(time.Duration(in), d.lookAround)
		return
	}
	d.timer.Reset(time.Duration(in))
}

// lookAround looks at everything once. A round that would overtake another is put
// off.
func (d *Watchdog) lookAround() {
	if !d.round.TryLock() {
		d.mu.Lock()
		d.schedule(int64(tick)) // the other has set the timer before it began
		d.mu.Unlock()
		return
	}
	defer d.round.Unlock()
	d.mu.Lock()
	for w := range d.watched {
		d.scratch = append(d.scratch, w)
	}
	now := d.clock()
	d.now.Store(now)
	d.next.Store(math.MaxInt64)
	if len(d.scratch) > 0 {
		d.schedule(d.untilAlarm(now))
	}
	d.mu.Unlock()
	for _, w := range d.scratch {
		w.look(now)
	}
	clear(d.scratch)
	d.scratch = d.scratch[:0]
}

// Beat calls a function in every round of a Watchdog, four times a second and more,
// from its Begin to its End; all methods may be called from any goroutine. The
// Watchdog's clock runs meanwhile.
type Beat struct {
	dog *Watchdog
	do  func(now int64)
	on  atomic.Bool

	mu sync.Mutex
}

// NewBeat is a Beat that has not begun. do is called by one goroutine at a time,
// which others wait for: it must not take long. It may be called once more after
// the Beat has ended.
func (d *Watchdog) NewBeat(do func(now int64)) *Beat { return &Beat{dog: d, do: do} }

// Begin costs nothing if the Beat has begun.
func (b *Beat) Begin() {
	if b.on.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dog.add(b)
	b.on.Store(true)
}

// End may be called from the function.
func (b *Beat) End() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dog.remove(b)
	b.on.Store(false)
}

func (b *Beat) look(now int64) { b.do(now) }

// after is the time limit from now on; 0, which is never, for a limit of 0 or
// less. Long limits are counted from the last tick, which saves asking the
// clock; short ones exactly, and the timer is set for them.
func (d *Watchdog) after(limit time.Duration) int64 {
	if limit <= 0 {
		return 0
	}
	if limit >= shortWait {
		return (d.now.Load() + int64(limit+tick)) &^ unseen
	}
	due := (d.clock() + int64(limit)) &^ unseen
	d.setAlarm(due)
	if due < d.next.Load() {
		d.mu.Lock()
		d.schedule(max(0, due-d.clock()))
		d.mu.Unlock()
	}
	return due
}

// setAlarm has a round made at the end of the step that a short wait ends in.
func (d *Watchdog) setAlarm(due int64) {
	step := due/int64(alarmStep) + 1
	alarm, at := &d.alarms[step%int64(len(d.alarms))], step*int64(alarmStep)
	if alarm.Load() != at {
		alarm.Store(at)
	}
}

// untilAlarm is how long it is to the next alarm, but no longer than a tick.
func (d *Watchdog) untilAlarm(now int64) int64 {
	for step := now/int64(alarmStep) + 1; ; step++ {
		at := step * int64(alarmStep)
		if at >= now+int64(tick) {
			return int64(tick)
		}
		if d.alarms[step%int64(len(d.alarms))].Load() == at {
			return at - now
		}
	}
}

// deadline is one wait that a Watchdog may end. The zero value waits for
// nothing.
type deadline struct {
	due   atomic.Int64 // 0: nobody waits; ended: the Watchdog has ended the wait
	floor atomic.Int64 // until then no wait is too long
}

// ended is the due of a wait that was too long, until who waited has seen it. It
// has no mark.
const ended = -2

// begin begins a wait, or goes on with one.
func (l *deadline) begin(due int64) {
	if l.due.Swap(due) == ended {
		l.due.Store(ended)
	}
}

// extend makes a wait, those that follow included, no shorter than limit from now
// on. A limit of 0 makes no difference.
func (l *deadline) extend(d *Watchdog, limit time.Duration) { l.floor.Store(d.after(limit)) }

// forgetExtension is extend's end.
func (l *deadline) forgetExtension() {
	if l.floor.Load() != 0 {
		l.floor.Store(0)
	}
}

// unseen is a mark on a deadline: whoever waits has not looked before, and is to
// be looked after once. A nanosecond more or less makes no difference.
const unseen = 1

// takeMark says, once, that the deadline has the mark.
func (l *deadline) takeMark() bool {
	due := l.due.Load()
	return due&unseen != 0 && l.due.CompareAndSwap(due, due&^unseen)
}

// clear is the end of a wait, if one has begun, and says whether it was the
// Watchdog who has ended it.
func (l *deadline) clear() (late bool) { return l.due.Load() != 0 && l.due.Swap(0) == ended }

// overdue says whether there is a wait that has lasted too long.
func (l *deadline) overdue(now int64) bool {
	due := l.due.Load()
	return due > 0 && now >= due && now >= l.floor.Load()
}

// expired ends, once, a wait that has lasted too long.
func (l *deadline) expired(now int64) bool {
	due := l.due.Load()
	return due > 0 && now >= due && now >= l.floor.Load() && l.due.CompareAndSwap(due, ended)
}
