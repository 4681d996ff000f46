package h1

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// continueWait is how long a body is kept back for the Upstream's 100.
const continueWait = time.Second

// upload sends a body that is still coming, while its Conn waits for the answer:
// an answer may come first, and is then not to be missed.
type upload struct {
	conn    *Conn
	request *Request
	decided chan struct{} // closed when it is known whether the body is wanted
	wanted  bool          // valid after decided
	stop    chan struct{} // closed: it is not wanted any more
	done    chan struct{} // closed when run has returned; nil before start
	once    sync.Once

	complete bool // valid after done
}

func newUpload(c *Conn, r *Request) *upload {
	u := &upload{conn: c, request: r, decided: make(chan struct{}), stop: make(chan struct{})}
	if !r.AwaitContinue {
		u.decide(true)
	}
	return u
}

// decide says whether the body is wanted; the first decision counts.
func (u *upload) decide(wanted bool) {
	u.once.Do(func() {
		u.wanted = wanted
		close(u.decided)
	})
}

// start begins to send, once the head is out.
func (u *upload) start() {
	if u.done == nil {
		u.done = make(chan struct{})
		go u.run()
	}
}

// end stops sending and says whether everything was sent. The connection must
// be interrupted before, or known to be done with: a write may be waiting.
func (u *upload) end() (complete bool) {
	if u.done == nil {
		_ = u.request.Stream.Close()
		return false
	}
	close(u.stop)
	_ = u.request.Stream.Close()
	<-u.done
	return u.complete
}

// finished says whether everything was sent, without waiting for it.
func (u *upload) finished() bool {
	if u.done == nil {
		return false
	}
	select {
	case <-u.done:
		return u.complete
	default:
		return false
	}
}

func (u *upload) run() {
	defer close(u.done)
	if !u.awaitWanted() {
		return
	}
	length := u.request.Head.Length
	buf := lendBuffer(length < 0 || length > smallBuffer)
	defer putBuffer(buf)
	for {
		n, err := u.request.Stream.Read(buf[chunkRoom : len(buf)-tailRoom])
		if n > 0 && u.send(buf, n) != nil {
			return // the answer, or its absence, says more than this error
		}
		switch {
		case err == nil:
			u.conn.link.reading.extend(u.conn.link.dog, u.request.Timeout)
		case errors.Is(err, io.EOF):
			u.complete = u.conclude() == nil
			return
		default:
			u.conn.Interrupt() // the Upstream must not take what it has for the whole
			return
		}
	}
}

// awaitWanted waits until the body is to be sent; false if it is not.
func (u *upload) awaitWanted() bool {
	timer := time.NewTimer(continueWait)
	defer timer.Stop()
	select {
	case <-u.decided:
	case <-timer.C:
		u.decide(true)
	case <-u.stop:
		return false
	}
	return u.wanted
}

// chunkRoom is where the header of a chunk fits.
const chunkRoom = 16

// send sends n bytes that stand at chunkRoom, as a chunk if need be.
func (u *upload) send(buf []byte, n int) error {
	from, to := chunkRoom, chunkRoom+n
	if u.request.Head.Length < 0 {
		from, to = frameChunk(buf, from, to)
	}
	return u.conn.link.write(buf[from:to])
}

// frameChunk makes buf[from:to] a chunk, in place.
func frameChunk(buf []byte, from, to int) (int, int) {
	var header [chunkRoom]byte
	h := AppendChunkHeader(header[:0], to-from)
	from -= copy(buf[from-len(h):], h)
	to += copy(buf[to:], "\r\n")
	return from, to
}

// conclude sends what stands behind the body.
func (u *upload) conclude() error {
	if u.request.Head.Length >= 0 {
		return nil
	}
	var trailer http.Header
	if u.request.Trailer != nil {
		trailer = u.request.Trailer()
	}
	return u.conn.link.write(AppendLastChunk(nil, trailer))
}
