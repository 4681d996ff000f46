package h1

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// Most requests have no body, or one that came with them, and change nothing about
// the connection. With Server.Inline they are answered inside one RawConn.Read that
// goes on for as long as they do. RawConn.Read forgets what the poller said when it
// begins, so that a read must be tried before each wait; as long as it does not
// begin anew, nothing is forgotten, and a read that took less than it could has
// left nothing behind but what the poller will tell of. That saves a system call a
// request.
//
// One thing the poller does not tell again: that the client ended its half at the
// same time as it sent something. So within a head a read is tried before each wait
// all the same, and the Watchdog looks once at a connection that has become idle.

// inlineLoop is what a serverConn needs inside RawConn.Read.
type inlineLoop struct {
	step    func(fd uintptr) bool // bound once
	inside  bool                  // a handler is running
	drained bool                  // the last read left nothing
	length  int                   // of the head of a request that cannot be answered inside
	refusal error                 // of a request that cannot be answered at all
	failure error                 // of the connection
}

// awaitInline answers requests until there is one that must be answered outside,
// which it says like awaitHead.
func (c *serverConn) awaitInline() (int, error) {
	l := &c.inline
	if l.step == nil {
		l.step = c.onClient
	}
	l.length, l.refusal, l.failure, l.drained = 0, nil, nil, false
	c.beginHead()
	err := c.link.raw.Read(l.step)
	for err != nil && c.again.Swap(false) {
		_ = c.link.conn.SetReadDeadline(time.Time{})
		l.drained = false
		err = c.link.raw.Read(l.step)
	}
	late := c.link.endReading()
	c.forgetLook()
	switch {
	case l.length > 0 || l.refusal != nil || c.handed || c.ended:
		return l.length, l.refusal
	case err == nil:
		err = l.failure
	}
	return 0, c.headFailure(explain(err, late))
}

// lookAgain makes a connection that waits read, whether or not the poller says so.
func (c *serverConn) lookAgain() {
	c.prod.Lock()
	defer c.prod.Unlock()
	if c.phase.Load() == idle {
		c.again.Store(true)
		_ = c.link.conn.SetReadDeadline(past)
	}
}

// forgetLook undoes a lookAgain that came too late: what is read next is a request.
func (c *serverConn) forgetLook() {
	c.prod.Lock()
	defer c.prod.Unlock()
	if c.again.Swap(false) {
		_ = c.link.conn.SetReadDeadline(time.Time{})
	}
}

// onClient is what RawConn.Read calls, first at once and then whenever the poller
// says that something has come. false is: wait.
func (c *serverConn) onClient(fd uintptr) bool {
	l := &c.inline
	c.link.endReading()
	for {
		n, err := c.parseHead()
		switch {
		case err != nil:
			l.refusal = err
			return true
		case c.handed:
			return true
		case n > 0 && !c.plain(n):
			l.length = n
			return true
		case n > 0:
			l.inside = true
			more := c.answer(n)
			l.inside = false
			if !more {
				c.ended = true
				return true
			}
			c.beginHead()
			continue
		}
		if done, wait := c.receiveInline(fd); done || wait {
			return done
		}
	}
}

// receiveInline reads more of a head. done: there will be no more; wait: there is
// nothing yet.
func (c *serverConn) receiveInline(fd uintptr) (done, wait bool) {
	l := &c.inline
	if c.r == c.w && c.server.closing.Load() {
		l.failure = io.EOF
		return true, false
	}
	if l.drained && c.r == c.w {
		l.drained = false
		c.link.reading.begin(c.park() | unseen)
		return false, true
	}
	c.makeRoom()
	room := c.room()
	n, errno := recv(fd, room)
	switch {
	case errno == syscall.EAGAIN:
		c.link.reading.begin(c.park())
		return false, true
	case errno != 0:
		l.failure = errno
		return true, false
	case n == 0:
		l.failure = io.EOF
		return true, false
	}
	c.w += n
	l.drained = n < len(room)
	if !c.awake() {
		l.failure = os.ErrClosed
		return true, false
	}
	return false, false
}

// plain says whether the request whose head of n bytes was just read can be
// answered inside: nothing else has to be read for it, and the connection stays
// what it is.
func (c *serverConn) plain(n int) bool {
	h := &c.head
	if h.Upgrade() || h.Expect100() || h.ExpectOther() {
		return false
	}
	length := h.RequestBodyLength()
	return length == 0 || length > 0 && length <= int64(c.w-c.r-n)
}

// headFailure is the answer, if any, to a connection that failed before there was
// a request.
func (c *serverConn) headFailure(err error) error {
	if errors.Is(err, ErrTimeout) && c.r < c.w {
		return errHeadTimeout
	}
	return nil
}
