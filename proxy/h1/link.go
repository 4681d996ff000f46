package h1

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// errWouldBlock: nothing can be read now.
var errWouldBlock = errors.New("nothing to read yet")

// past is a deadline that ends every wait at once.
var past = time.Unix(1, 0)

// link is a connection as both sides use it. One goroutine reads and one, maybe
// another, writes; interrupt and look may be called by anybody.
//
// Where the system allows, sockets are read and written by system calls that the
// scheduler is not told of, which is right for calls that cannot block and saves
// a quarter of a microsecond each. Waiting is the runtime's poller's business,
// through RawConn. What is no socket (TLS) is read and written as a net.Conn.
type link struct {
	conn net.Conn
	dog  *Watchdog
	raw  syscall.RawConn // nil: not a socket, or not a system we know

	reading deadline
	writing deadline

	ending      sync.Mutex // held while a wait is being ended, or that is undone
	interrupted bool       // for good

	// of the reader, while it is in RawConn.Read
	readable func(fd uintptr) bool
	source   source
	begin    []byte // written first; nil when it is out
	behind   []byte // written behind it
	wary     bool   // if something has come, begin is not written: errUnclean
	wrote    bool   // some of begin is out
	blocked  bool   // the rest of it has to wait
	nowait   bool
	n        int
	err      error

	// of the writer, while it is in RawConn.Control
	sendable func(fd uintptr)
	out      []byte
	sent     int
	errno    syscall.Errno

	peekable func(fd uintptr)
	calm     bool
}

// source is who wants bytes.
type source interface {
	// room is where they go.
	room() []byte
	// park is called before a wait, and says until when, on the Watchdog's
	// clock; 0 is for ever. What room gave may be given back meanwhile.
	park() int64
}

// init makes it a link to the other end of conn. It must not be moved afterwards.
func (l *link) init(conn net.Conn, dog *Watchdog) {
	dog.init()
	l.conn, l.dog = conn, dog
	if rawIO {
		if tcp, ok := conn.(*net.TCPConn); ok {
			l.raw, _ = tcp.SyscallConn()
			// Bound once: a method value is an allocation.
			l.readable, l.sendable, l.peekable = l.onReadable, l.onSendable, l.onPeekable
		}
	}
}

// socket is the connection beneath TLS.
func (l *link) socket() net.Conn {
	if t, ok := l.conn.(*tls.Conn); ok {
		return t.NetConn()
	}
	return l.conn
}

// read waits for bytes and puts them where s wants them. The error is io.EOF
// only when the other side has ended its half.
func (l *link) read(s source) (int, error) { return l.exchange(nil, nil, s) }

// tryRead is read that does not wait: errWouldBlock if it had to. What is no
// socket always would.
func (l *link) tryRead(s source) (int, error) {
	if l.raw == nil {
		return 0, errWouldBlock
	}
	l.nowait = true
	n, err := l.exchange(nil, nil, s)
	l.nowait = false
	return n, err
}

// exchange writes out, and behind after it, if there is any, and then waits for
// bytes. All of it happens within one RawConn.Read: that forgets what the poller
// said before, then we write, so the answer's arrival cannot be missed and need not
// be looked for first.
func (l *link) exchange(out, behind []byte, s source) (int, error) {
	if l.raw == nil {
		return l.exchangePlain(out, behind, s)
	}
	l.source, l.begin, l.behind, l.wrote, l.n, l.err = s, out, behind, false, 0, nil
	for {
		l.blocked = false
		err := l.raw.Read(l.readable)
		late := l.endReading()
		switch {
		case err != nil:
			return 0, explain(err, late)
		case l.blocked:
			l.wrote = true // how much of it, if that fails, nobody can tell
			if err := l.writeBoth(l.begin, l.behind); err != nil {
				return 0, err
			}
			l.begin, l.behind = nil, nil
			continue
		case l.err == nil && l.n == 0:
			return 0, io.EOF
		}
		return l.n, l.err
	}
}

// onReadable is what RawConn.Read calls, first at once and then whenever the
// poller says that something has come. false is: wait.
func (l *link) onReadable(fd uintptr) bool {
	if len(l.begin) > 0 {
		if l.wary && !quiet(fd) {
			l.err = errUnclean
			return true
		}
		l.wary = false
		n, errno := sendBoth(fd, l.begin, l.behind)
		if errno != 0 && errno != syscall.EAGAIN {
			l.err = errno
			return true
		}
		l.wrote = l.wrote || n > 0
		first := min(n, len(l.begin))
		l.begin, l.behind = l.begin[first:], l.behind[n-first:]
		if l.blocked = len(l.begin)+len(l.behind) > 0; l.blocked {
			return true
		}
		l.begin, l.behind = nil, nil
		l.wait()
		return false // whatever comes next comes after this moment
	}
	n, errno := recv(fd, l.source.room())
	switch {
	case errno == syscall.EAGAIN && l.nowait:
		l.err = errWouldBlock
	case errno == syscall.EAGAIN:
		l.wait()
		return false
	case errno != 0:
		l.err = errno
	default:
		l.n = n
	}
	return true
}

func (l *link) wait() { l.reading.begin(l.source.park()) }

// exchangePlain is exchange for what is no socket.
func (l *link) exchangePlain(out, behind []byte, s source) (int, error) {
	if len(out) > 0 {
		l.wrote = true
		if err := l.writeBoth(out, behind); err != nil {
			return 0, err
		}
	}
	l.reading.begin(s.park())
	n, err := l.conn.Read(s.room())
	late := l.endReading()
	if n > 0 {
		return n, nil
	}
	return 0, explain(err, late)
}

// write sends all of p.
func (l *link) write(p []byte) error { return l.writeWithin(p, writeStall) }

// writeWithin is write to a peer that may not stand still longer than limit.
func (l *link) writeWithin(p []byte, limit time.Duration) error {
	if l.raw != nil {
		n, errno := l.sendNow(p)
		if errno != 0 && errno != syscall.EAGAIN {
			return errno
		}
		p = p[n:]
	}
	return l.writeSlowlyWithin(p, limit)
}

func (l *link) writeBoth(p, q []byte) error {
	if err := l.write(p); err != nil {
		return err
	}
	return l.write(q)
}

// writeStep is how much is written under one deadline: progress is what counts,
// not the whole.
const writeStep = 64 << 10

// writeSlowlyWithin lets the runtime wait for room in the socket.
func (l *link) writeSlowlyWithin(p []byte, limit time.Duration) error {
	for len(p) > 0 {
		l.writing.begin(l.dog.after(limit))
		n, err := l.conn.Write(p[:min(len(p), writeStep)])
		late := l.writing.clear() && l.undo(l.conn.SetWriteDeadline)
		if err != nil {
			return explain(err, late)
		}
		p = p[n:]
	}
	return nil
}

// explain tells a wait that the Watchdog ended from one that somebody else did.
func explain(err error, late bool) error {
	if late && errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrTimeout
	}
	return err
}

// look ends waits that have lasted too long.
func (l *link) look(now int64) {
	if l.reading.overdue(now) {
		l.end(&l.reading, now, l.conn.SetReadDeadline)
	}
	if l.writing.overdue(now) {
		l.end(&l.writing, now, l.conn.SetWriteDeadline)
	}
}

func (l *link) end(d *deadline, now int64, set func(time.Time) error) {
	l.ending.Lock()
	defer l.ending.Unlock()
	if d.expired(now) {
		_ = set(past)
	}
}

// endReading is the end of a wait for bytes, and says whether the Watchdog has
// ended it.
func (l *link) endReading() (late bool) { return l.reading.clear() && l.undo(l.conn.SetReadDeadline) }

// undo takes back the deadline by which the Watchdog has ended a wait, or is just
// about to: the wait may have ended well at that moment, and the next is none of
// its business.
func (l *link) undo(set func(time.Time) error) bool {
	l.ending.Lock()
	defer l.ending.Unlock()
	if !l.interrupted {
		_ = set(time.Time{})
	}
	return true
}

// interrupt ends the waits of now and those to come.
func (l *link) interrupt() {
	l.ending.Lock()
	defer l.ending.Unlock()
	l.interrupted = true
	_ = l.conn.SetDeadline(past)
}
