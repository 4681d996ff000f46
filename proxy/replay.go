package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// replayLimit is how much of a request's body is remembered, so that it can be
// sent to another Upstream.
const replayLimit = 64 << 10

var (
	errReplaced   = errors.New("another attempt sends this body now")
	errBodyUnread = errors.New("the client's body can no longer be read")
)

// replay is a request's body, read from the client once and remembered while it
// is small. Each attempt reads it through a view of its own; a view that was
// replaced fails, but what it was reading at that moment is not lost.
type replay struct {
	src     io.ReadCloser
	control *http.ResponseController // for the client's read deadline
	stall   time.Duration            // longest silence of the client; 0: no bound

	reading sync.Mutex // held while src is read: one reader at a time

	mu       sync.Mutex // guards the rest; never held while waiting for the client
	seen     []byte     // all that was read so far, while whole
	whole    bool       // seen has everything from the start
	err      error      // how src ended, io.EOF included
	current  *replayView
	finished bool

	ahead   sync.WaitGroup // the goroutine that reads ahead
	started atomic.Bool    // something was read: the client was told to continue
}

func newReplay(src io.ReadCloser, control *http.ResponseController, stall time.Duration) *replay {
	return &replay{src: src, control: control, stall: stall, whole: true}
}

// view starts the body over for a new attempt and ends the attempt before.
// It must not be called when replayable says no.
func (b *replay) view() *replayView {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current = &replayView{body: b}
	return b.current
}

// replayable says whether the body can be sent once more from its start.
func (b *replay) replayable() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whole
}

// failure is the client's error while it sent the body, nil if there was none.
func (b *replay) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if errors.Is(b.err, io.EOF) {
		return nil
	}
	return b.err
}

// readAhead reads what can be remembered while the request is held, so that a
// client that leaves is noticed. It returns at once.
func (b *replay) readAhead() {
	if !b.started.CompareAndSwap(false, true) {
		return
	}
	b.ahead.Go(func() {
		buf := make([]byte, aheadStep)
		for b.fill(buf) {
		}
	})
}

// aheadStep is how much is read ahead at a time.
const aheadStep = 8 << 10

func (b *replay) mayReadAhead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err == nil && !b.finished && b.current == nil && len(b.seen) <= replayLimit-aheadStep
}

// fill reads once from the client for nobody in particular, and says whether it
// may do so again.
func (b *replay) fill(buf []byte) bool {
	b.reading.Lock()
	defer b.reading.Unlock()
	if !b.mayReadAhead() {
		return false
	}
	n, err := b.src.Read(buf)
	b.remember(nil, buf[:n], err)
	return true
}

// close joins whoever still reads. Where that is somebody who waits for the
// client, only a deadline in the past wakes it; the connection cannot be used
// for another request then, nor could it with half a body left on it.
func (b *replay) close() {
	b.mu.Lock()
	b.finished, b.current = true, nil
	ended := b.err != nil
	b.mu.Unlock()
	defer b.ahead.Wait()
	if ended {
		return
	}
	if !b.reading.TryLock() {
		_ = b.control.SetReadDeadline(time.Unix(1, 0))
		b.reading.Lock()
	}
	defer b.reading.Unlock()
}

// remember notes what was read; v is the view it was read for.
func (b *replay) remember(v *replayView, p []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil && b.err == nil {
		b.err = err
	}
	if !b.whole {
		return
	}
	// Bytes that a replaced view was reading belong to its successor, whatever
	// the limit says.
	if len(b.seen)+len(p) > replayLimit && (v == nil || v == b.current) {
		b.whole, b.seen = false, nil
		return
	}
	b.seen = append(b.seen, p...)
}

// replayView is the body as one attempt sends it.
type replayView struct {
	body     *replay
	offset   int
	progress func() // called after every read; may be nil
	ended    func() // called at the body's end; may be nil
}

// Read serves what is remembered, then reads on from the client.
func (v *replayView) Read(p []byte) (int, error) {
	n, err := v.read(p)
	if err == io.EOF && v.ended != nil {
		v.ended()
	}
	return n, err
}

func (v *replayView) read(p []byte) (int, error) {
	if n, err, done := v.recall(p); done {
		return n, err
	}
	b := v.body
	b.reading.Lock()
	defer b.reading.Unlock()
	if n, err, done := v.recall(p); done { // somebody read on meanwhile
		return n, err
	}
	b.started.Store(true)
	n, err := b.readClient(p)
	b.remember(v, p[:n], err)
	return v.took(n, err)
}

// readClient reads once, no longer than a stall may last. The deadline is gone
// once the body has ended: the server goes on reading to notice that the client
// leaves.
func (b *replay) readClient(p []byte) (int, error) {
	if b.stall > 0 {
		_ = b.control.SetReadDeadline(time.Now().Add(b.stall))
	}
	n, err := b.src.Read(p)
	if b.stall > 0 && err == io.EOF {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// recall is Read from memory; done is false when the client must be read.
func (v *replayView) recall(p []byte) (n int, err error, done bool) {
	b := v.body
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.finished:
		return 0, errBodyUnread, true
	case b.current != v:
		return 0, errReplaced, true
	case v.offset < len(b.seen):
		n = copy(p, b.seen[v.offset:])
		v.offset += n
		return n, nil, true
	case b.err != nil:
		return 0, b.err, true
	}
	return 0, nil, false
}

// took hands over n bytes just read, unless another view needs them now.
func (v *replayView) took(n int, err error) (int, error) {
	b := v.body
	b.mu.Lock()
	replaced := b.current != v
	b.mu.Unlock()
	if replaced {
		return 0, errReplaced
	}
	v.offset += n
	if v.progress != nil {
		v.progress()
	}
	return n, err
}

// Close ends the attempt's interest; the client's body stays open for others.
func (v *replayView) Close() error { return nil }
