package h1

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// headRoom is kept free in front of what is read from an Upstream, so that
	// the head for the client fits there, and tailRoom behind it, for the end of
	// a chunk and of a body.
	headRoom = 512
	tailRoom = 16
	// maxInterims bounds the interim responses to one request.
	maxInterims = 32
)

// Conn is a connection to an Upstream, with at most one request on it at a time.
// RoundTrip, its Answer and Close belong to one goroutine; Interrupt may be
// called from any.
type Conn struct {
	link link
	pool *Pool

	buf   []byte // nil while nothing is in it
	r, w  int    // buf[r:w] was received and not used
	large bool   // read into a large buffer
	used  bool   // it has carried a request
	last  bool   // the request at hand has asked for the connection to end
	since int64  // unused since, on the Watchdog's clock

	timeout time.Duration // of the wait at hand
	due     int64         // when the wait for a head ends; 0: not begun
	head    Head
	answer  Answer
	upload  *upload
	closing sync.Once
}

func newConn(conn net.Conn, p *Pool) *Conn {
	c := &Conn{pool: p}
	c.link.init(conn, p.dog)
	c.answer.conn = c
	return c
}

// Request is what is sent to an Upstream.
type Request struct {
	Head RequestHead
	// Body is the body, if it is in memory.
	Body []byte
	// Stream is the body, if it is still coming; nil if not. It is closed when
	// it is not wanted any longer, which has to end a Read that waits.
	Stream io.ReadCloser
	// Trailer are the fields that follow the Stream, asked for at its end; nil
	// for none.
	Trailer func() http.Header
	// AwaitContinue keeps the Stream back until the Upstream asks for it, but
	// not for longer than a second (RFC 9110 section 10.1.1).
	AwaitContinue bool
	// Timeout bounds the wait for the head of the answer; it begins when there
	// is nothing left to send, or nothing has been sent for as long. 0 is for ever.
	Timeout time.Duration
	// Interim gets the interim responses other than 100; nil ignores them.
	Interim InterimReceiver
}

// InterimReceiver takes interim responses. An error ends the exchange.
type InterimReceiver interface {
	Interim(status int, header http.Header) error
}

// RoundTrip sends r and waits for the head of the answer, which must be closed.
// An *[ExchangeError] says how far it got; the connection is closed then. Any
// other error is about r itself, of which nothing was sent.
func (c *Conn) RoundTrip(r *Request) (*Answer, error) {
	out, err := c.compose(r)
	if err != nil {
		c.Close()
		return nil, err
	}
	c.link.wary, c.used = c.used, true // nothing may have come while it was idle
	c.last = r.Head.Close
	c.timeout, c.due = r.Timeout, 0
	c.link.reading.forgetExtension()
	c.upload = nil
	if r.Stream != nil {
		c.upload = newUpload(c, r)
	}
	if stage, err := c.awaitHead(r, out); err != nil {
		return nil, c.fail(stage, err)
	}
	if c.upload != nil {
		c.upload.decide(false) // who answers without having asked for the body does not want it
	}
	c.answer.begin(r.Head.Method)
	return &c.answer, nil
}

// compose writes the head of the request into the buffer in which the answer is
// awaited: it is out before anything is read.
func (c *Conn) compose(r *Request) ([]byte, error) {
	c.large = c.pool.large.Load()
	c.buf = lendBuffer(c.large)
	return r.Head.Append(c.buf[:0])
}

// fail closes the connection and says why.
func (c *Conn) fail(stage Stage, err error) error {
	c.Close()
	return &ExchangeError{stage, err}
}

// awaitHead sends out and reads until there is the head of a final answer.
func (c *Conn) awaitHead(r *Request, out []byte) (Stage, error) {
	c.head.Reset()
	c.r, c.w = headRoom, headRoom
	for interims := 0; ; {
		n, err := c.head.ParseResponse(c.buf[c.r:c.w], Limits{HeadBytes: DefaultResponseHeadBytes, Fields: maxAnswerFields})
		switch {
		case err != nil:
			return Answering, err
		case n == 0:
			if stage, err := c.more(out, r.Body); err != nil {
				if interims > 0 {
					stage = Answering
				}
				return stage, err
			}
			out = nil
			continue
		}
		status := c.head.Status()
		if status >= 200 || status == http.StatusSwitchingProtocols {
			c.r += n
			return Answering, nil
		}
		if interims++; interims > maxInterims {
			return Answering, ErrInterims
		}
		if err := c.interim(r, status); err != nil {
			return Answering, err
		}
		c.r += n
		c.head.Reset()
	}
}

// maxAnswerFields bounds the fields in the head of an answer.
const maxAnswerFields = 1000

// more sends the request, if out is there, and reads on.
func (c *Conn) more(out, body []byte) (Stage, error) {
	if out == nil {
		c.makeRoom()
		body = nil
	}
	n, err := c.link.exchange(out, body, c)
	c.w += n
	switch {
	case err == nil:
		return Answering, nil
	case out != nil && !c.link.wrote:
		return Unsent, err // what came before has nothing to do with it
	case c.w > c.r:
		return Answering, cutShort(err)
	}
	return Unanswered, cutShort(err)
}

// cutShort: the end of a connection in the middle of a message is no end.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return errCut
	}
	return err
}

// makeRoom sees to it that more of a head can be read.
func (c *Conn) makeRoom() {
	if c.buf == nil || len(c.room()) > 0 {
		return
	}
	held := c.buf[c.r:c.w]
	bigger := c.buf
	if c.r == headRoom {
		bigger = getBuffer(2 * len(c.buf))
	}
	c.w = headRoom + copy(bigger[headRoom:], held)
	if c.r == headRoom {
		putBuffer(c.buf)
	}
	c.r, c.buf = headRoom, bigger
}

// interim handles an interim response. 100 is between us and the Upstream.
func (c *Conn) interim(r *Request, status int) error {
	switch {
	case status == http.StatusContinue:
		if c.upload != nil {
			c.upload.decide(true)
		}
	case r.Interim != nil:
		return r.Interim.Interim(status, c.answer.Header())
	}
	return nil
}

// room is where the next bytes go; see source.
func (c *Conn) room() []byte {
	if c.buf == nil {
		c.buf = lendBuffer(c.large)
		c.r, c.w = headRoom, headRoom
	}
	return c.buf[c.w : len(c.buf)-tailRoom]
}

// park gives back a buffer in which nothing is; see source.
func (c *Conn) park() int64 {
	if c.r == c.w {
		c.release()
	}
	if c.answer.begun {
		return c.link.dog.after(c.timeout)
	}
	if c.upload != nil {
		c.upload.start()
	}
	if c.due == 0 {
		c.due = c.link.dog.after(c.timeout)
	}
	return c.due
}

func (c *Conn) release() {
	if c.buf != nil {
		putBuffer(c.buf)
		c.buf = nil
	}
	c.r, c.w = headRoom, headRoom
}

// Interrupt ends what the connection is waiting for; it is no good afterwards. It
// must not be called once the Answer is closed: the connection may then be
// somebody else's.
func (c *Conn) Interrupt() { c.link.interrupt() }

// Close ends the connection, whatever is going on. It is for connections without
// an Answer; those with one are ended by closing that.
func (c *Conn) Close() {
	c.closing.Do(func() {
		_ = c.link.conn.Close()
		c.pool.forget(c)
	})
	if c.upload != nil {
		c.upload.end()
		c.upload = nil
	}
	c.release()
}
