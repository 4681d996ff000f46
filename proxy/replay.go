package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// replayLimit is how much of a request's body is remembered, so that it can
	// be sent to another Upstream.
	replayLimit = 64 << 10
	// replayStep is how much is read from the client at a time.
	replayStep = 16 << 10
)

var (
	errReplaced   = errors.New("another attempt sends this body now")
	errBodyUnread = errors.New("the client's body can no longer be read")
)

// replay is a request's body, read from the client once and remembered while it
// is small. Each attempt reads it through a view of its own.
//
// One goroutine reads from the client, started by the first who wants something
// and joined by close. So nobody else ever waits inside a read that cannot be
// cancelled, and what is read belongs to no attempt in particular.
type replay struct {
	src     io.ReadCloser
	control *http.ResponseController // for the client's read deadline
	stall   time.Duration            // longest silence of the client; 0: no bound
	reader  sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{} // closed, and replaced, whenever something below changes
	started  bool          // the reader is there
	seen     []byte        // what was read and is kept, from offset start on
	start    int           // 0 while everything is kept
	err      error         // how src ended, io.EOF included
	current  *replayView
	wanted   bool // the current view has read all there is
	finished bool
}

func newReplay(src io.ReadCloser, control *http.ResponseController, stall time.Duration) *replay {
	return &replay{src: src, control: control, stall: stall, changed: make(chan struct{})}
}

// view starts the body over for a new attempt and ends the attempt before. When
// the start is not there any more, reading it fails.
func (b *replay) view() *replayView {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current, b.wanted = &replayView{body: b}, false
	b.signal()
	return b.current
}

// replayable says whether the body can be sent once more from its start.
func (b *replay) replayable() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.start == 0
}

// reclaim ends the current view and says whether the body can be sent once
// more. If so it stays that way until the next view.
func (b *replay) reclaim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current, b.wanted = nil, false
	b.signal()
	return b.start == 0
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
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begin()
}

// begin starts the reader. It needs mu.
func (b *replay) begin() {
	if !b.started && !b.finished {
		b.started = true
		b.reader.Go(b.read)
	}
}

// read is the reader.
func (b *replay) read() {
	buf := make([]byte, replayStep)
	for b.awaitRoom() {
		n, err := b.readClient(buf)
		b.remember(buf[:n], err)
	}
}

// awaitRoom waits until more may be read; false if no more is to be read. What
// can be remembered is read at once, the rest only when it is asked for.
func (b *replay) awaitRoom() bool {
	b.mu.Lock()
	for {
		if b.finished || b.err != nil {
			b.mu.Unlock()
			return false
		}
		if b.wanted || b.start == 0 && len(b.seen) <= replayLimit-replayStep {
			b.mu.Unlock()
			return true
		}
		b.wait()
	}
}

// readClient reads once, no longer than a stall may last. The deadline is gone
// once the body has ended: the server goes on reading to notice that the client
// leaves.
func (b *replay) readClient(p []byte) (int, error) {
	b.beginStall()
	n, err := b.src.Read(p)
	if b.stall > 0 && err == io.EOF {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// beginStall sets the deadline of one read, unless close has set its own.
func (b *replay) beginStall() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stall > 0 && !b.finished {
		_ = b.control.SetReadDeadline(time.Now().Add(b.stall))
	}
}

// remember keeps what was read. Beyond the limit, what the current view has had
// is dropped; while there is none, everything may be needed again.
func (b *replay) remember(p []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	had := b.current != nil && b.current.offset == b.start+len(b.seen)
	if had && len(b.seen)+len(p) > replayLimit || b.start > 0 {
		b.start += len(b.seen)
		b.seen = b.seen[:0]
	}
	b.seen = append(b.seen, p...)
	b.err, b.wanted = err, false
	b.signal()
}

// signal wakes everybody who waits. It needs mu.
func (b *replay) signal() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// wait gives mu up until something has changed.
func (b *replay) wait() {
	changed := b.changed
	b.mu.Unlock()
	<-changed
	b.mu.Lock()
}

// whole says whether the body was read to its end.
func (b *replay) whole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err == io.EOF
}

// close ends all views and joins the reader, and says whether the body was read
// to its end. A reader that waits for the client is woken by a deadline in the
// past.
func (b *replay) close() bool {
	b.mu.Lock()
	b.finished, b.current = true, nil
	if b.started && b.err == nil {
		_ = b.control.SetReadDeadline(time.Unix(1, 0))
	}
	b.signal()
	b.mu.Unlock()
	b.reader.Wait()
	return b.whole()
}

// replayView is the body as one attempt sends it.
type replayView struct {
	body     *replay
	offset   int
	closed   bool   // guarded by body.mu
	progress func() // called after every read; may be nil
	ended    func() // called at the body's end; may be nil
}

// Read serves what was read from the client, and waits for more.
func (v *replayView) Read(p []byte) (int, error) {
	n, err := v.take(p)
	switch {
	case n > 0 && v.progress != nil:
		v.progress()
	case err == io.EOF && v.ended != nil:
		v.ended()
	}
	return n, err
}

func (v *replayView) take(p []byte) (int, error) {
	b := v.body
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begin()
	for {
		at := v.offset - b.start
		switch {
		case b.finished, v.closed:
			return 0, errBodyUnread
		case b.current != v:
			return 0, errReplaced
		case at < 0:
			return 0, errBodyUnread
		case at < len(b.seen):
			n := copy(p, b.seen[at:])
			v.offset += n
			return n, nil
		case b.err != nil:
			return 0, b.err
		}
		if !b.wanted {
			b.wanted = true
			b.signal()
		}
		b.wait()
	}
}

// Close ends the attempt's interest and wakes its Read. The client's body stays
// open for others.
func (v *replayView) Close() error {
	v.body.mu.Lock()
	defer v.body.mu.Unlock()
	v.closed = true
	v.body.signal()
	return nil
}
