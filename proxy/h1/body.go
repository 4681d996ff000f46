package h1

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// body is a request's body. Reads may come from another goroutine than the
// handler's, one at a time.
type body struct {
	conn    *serverConn
	sized   bool
	left    int64 // of a sized body, what was not read
	chunks  Chunks
	trailer http.Header // where the fields behind the body go; those announced

	// under the conn's asking
	ask     bool // the client waits for 100 before it sends
	forgone bool // it will not get it

	mu     sync.Mutex
	err    error // what every further Read answers
	closed bool
}

// readBody gives the request its body. What has come of it already stays where
// it is.
func (c *serverConn) readBody(x *exchange) {
	h := &c.head
	length := h.RequestBodyLength()
	x.request.ContentLength = length
	if length == 0 {
		x.request.Body = http.NoBody
		return
	}
	b := &body{}
	b.conn, b.sized, b.left, b.trailer, b.ask = c, length > 0, length, x.request.Trailer, h.Expect100()
	if length < 0 {
		x.request.ContentLength = -1
		b.chunks.Reset()
	}
	c.body = b
	x.request.Body = b
	if b.sized && !b.ask {
		c.readAhead(length)
	}
}

// readAhead looks whether the whole of a body is here, or can be had without
// waiting.
func (c *serverConn) readAhead(length int64) {
	c.long = length > smallBuffer/2
	if length > bodyAhead {
		return
	}
	need := int(length)
	if missing := need - (c.w - c.r); missing <= 0 || c.link.raw == nil {
		return
	}
	if len(c.buf)-c.r < need {
		c.grow(need + smallBuffer)
	}
	for c.w-c.r < need {
		n, err := c.link.tryRead(c)
		if err != nil {
			return
		}
		c.w += n
	}
}

// Buffered implements [Buffered].
func (b *body) Buffered() ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.conn
	if !b.sized || b.err != nil || b.closed || int64(c.w-c.r) < b.left || b.left == 0 {
		return nil, false
	}
	whole := c.buf[c.r : c.r+int(b.left) : c.r+int(b.left)]
	c.r += int(b.left)
	b.left, b.err = 0, io.EOF
	return whole, true
}

// Read waits for the client as long as the Server's Stall allows.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return 0, http.ErrBodyReadAfterClose
	case b.err != nil:
		return 0, b.err
	case len(p) == 0:
		return 0, nil
	}
	if b.err = b.askForIt(); b.err != nil {
		return 0, b.err
	}
	var n int
	if b.sized {
		n, b.err = b.readSized(p)
	} else {
		n, b.err = b.readChunked(p)
	}
	return n, b.err
}

// askForIt sends the 100 that the client waits for, unless an answer has begun.
func (b *body) askForIt() error {
	b.conn.asking.Lock()
	defer b.conn.asking.Unlock()
	if !b.ask || b.forgone {
		return nil
	}
	b.ask = false
	return b.conn.link.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
}

// forgo: an answer begins, and no 100 may follow. It says whether the client still
// waits for one.
func (b *body) forgo() bool {
	b.conn.asking.Lock()
	defer b.conn.asking.Unlock()
	b.forgone = true
	return b.ask
}

func (b *body) readSized(p []byte) (int, error) {
	c := b.conn
	p = p[:min(int64(len(p)), b.left)]
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	if n == 0 {
		var err error
		if n, err = c.link.read(&bodySource{c, p}); err != nil {
			return 0, cutBody(err)
		}
	}
	if b.left -= int64(n); b.left == 0 {
		return n, io.EOF
	}
	return n, nil
}

// readChunked decodes in the connection's buffer.
func (b *body) readChunked(p []byte) (int, error) {
	c := b.conn
	for {
		if c.r < c.w {
			data, used, done, err := b.chunks.Decode(c.buf[c.r:min(c.w, c.r+len(p))])
			n := copy(p, c.buf[c.r:c.r+data])
			c.r += used
			switch {
			case err != nil:
				return n, err
			case done:
				b.takeTrailer()
				return n, io.EOF
			case n > 0:
				return n, nil
			}
			continue
		}
		c.r, c.w = 0, 0
		n, err := c.link.read(bodyFiller{c})
		if err != nil {
			return 0, cutBody(err)
		}
		c.w += n
	}
}

// takeTrailer gives the announced fields their values.
func (b *body) takeTrailer() {
	received := b.chunks.Trailer()
	for name := range b.trailer {
		if values, ok := received[name]; ok {
			b.trailer[name] = values
		}
	}
}

func cutBody(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close ends reading. What the client still sends is the connection's business.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// whole says whether nothing of the body is left to come.
func (b *body) whole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Is(b.err, io.EOF)
}

// drop throws away what is left of the body; false if it is not all here.
func (b *body) drop() bool {
	if b.whole() {
		return true
	}
	_, ok := b.Buffered()
	return ok && !b.ask
}

// bodySource reads straight to where the reader wants it.
type bodySource struct {
	conn *serverConn
	p    []byte
}

func (s *bodySource) room() []byte { return s.p }
func (s *bodySource) park() int64  { return s.conn.bodyDue() }

// bodyFiller reads into the connection's buffer.
type bodyFiller struct{ conn *serverConn }

func (f bodyFiller) room() []byte { return f.conn.room() }
func (f bodyFiller) park() int64  { return f.conn.bodyDue() }

// bodyDue is until when more of a body must come; 0 if the handler has its own idea
// of that.
func (c *serverConn) bodyDue() int64 {
	if c.reads.Load() {
		return 0
	}
	return c.link.dog.after(c.server.stall())
}

// Buffered is a body that may be in memory.
type Buffered interface {
	// Buffered is the whole body, if all of it is in memory and none was read. It
	// is valid until the handler returns, and counts as read.
	Buffered() ([]byte, bool)
}
