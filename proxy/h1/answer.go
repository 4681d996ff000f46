package h1

import (
	"io"
	"net"
	"net/http"
	"time"
)

// Answer is an Upstream's final answer, head read and body on its way. It
// belongs to the goroutine that called RoundTrip.
type Answer struct {
	// Stall is how long the body may stand still. 0 is for ever. While the Answer
	// is relayed it holds for the client as well, who is given the Server's if it
	// is 0.
	Stall time.Duration

	conn   *Conn
	begun  bool
	length int64 // see Head.BodyLength
	left   int64 // of a sized body
	got    int64
	chunks Chunks
	done   bool
	err    error
}

// begin makes it the answer whose head was just parsed, to a request of the
// given method.
func (a *Answer) begin(method string) {
	a.begun, a.Stall, a.got, a.err = true, 0, 0, nil
	a.length = a.conn.head.BodyLength(method)
	a.left = max(0, a.length)
	a.done = a.length == 0
	if a.length == ChunkedBody {
		a.chunks.Reset()
	}
	if !a.done {
		a.readOn()
	}
}

// readOn looks whether more of the body is here already: what comes a moment
// after the head can then leave with it. It does not wait. That the connection was
// reset the kernel says only once, and calls it an end afterwards.
func (a *Answer) readOn() {
	c := a.conn
	if a.length > int64(c.w-c.r) || a.length < 0 && c.r == c.w {
		n, err := c.link.tryRead(c)
		if c.w += n; err != nil && err != errWouldBlock && err != io.EOF {
			a.err = err
		}
	}
}

// Status is the status code: 101, or 200 to 999.
func (a *Answer) Status() int { return a.conn.head.Status() }

// Length of the body; -1 if only its end will tell.
func (a *Answer) Length() int64 { return max(-1, a.length) }

// Value is that of the first field of that name, given in lower case; nil
// if there is none. It is valid before the body is read.
func (a *Answer) Value(name string) []byte {
	h := &a.conn.head
	for i := range h.Len() {
		if equalFold(h.Name(i), name) {
			return h.Value(i)
		}
	}
	return nil
}

// Header is all fields, those about the connection included. Ask before the body
// is read.
func (a *Answer) Header() http.Header {
	h := &a.conn.head
	header := make(http.Header, h.Len())
	for i := range h.Len() {
		name := http.CanonicalHeaderKey(string(h.Name(i)))
		header[name] = append(header[name], string(h.Value(i)))
	}
	return header
}

// Trailer is the fields behind the body; nil if there are none, or the body has
// not been read to its end.
func (a *Answer) Trailer() http.Header {
	if a.length != ChunkedBody || !a.done {
		return nil
	}
	return a.chunks.Trailer()
}

// Next is the next piece of the body, valid until the next call. The error is
// io.EOF at the end and nowhere else.
func (a *Answer) Next() ([]byte, error) {
	from, to, err := a.next()
	if err != nil {
		return nil, err
	}
	return a.conn.buf[from:to], nil
}

// next is Next by position in the Conn's buffer. There are headRoom bytes of no
// value in front of what it gives, and tailRoom behind.
func (a *Answer) next() (from, to int, err error) {
	c := a.conn
	for a.err == nil && !a.done {
		if c.r == c.w {
			a.err = a.fill()
			continue
		}
		if from, to = a.take(); to > from {
			a.got += int64(to - from)
			return from, to, nil
		}
	}
	if a.err == nil {
		return 0, 0, io.EOF
	}
	return 0, 0, a.err
}

// take takes what is at hand.
func (a *Answer) take() (from, to int) {
	c := a.conn
	from = c.r
	switch a.length {
	case ChunkedBody:
		data, used, done, err := a.chunks.Decode(c.buf[c.r:c.w])
		c.r += used
		a.done, a.err = done, err
		if err != nil {
			return from, from
		}
		return from, from + data
	case UntilClose:
		c.r = c.w
	default:
		n := min(int64(c.w-c.r), a.left)
		a.left -= n
		c.r += int(n)
		a.done = a.left == 0
	}
	return from, c.r
}

// fill reads more of the body.
func (a *Answer) fill() error {
	c := a.conn
	full := c.buf != nil && c.w == len(c.buf)-tailRoom
	if c.r, c.w = headRoom, headRoom; !c.large && (full || a.left > smallBuffer) {
		c.release()
		c.large = true
	}
	c.timeout = a.Stall
	n, err := c.link.read(c)
	switch {
	case err == io.EOF && a.length == UntilClose:
		a.done = true
		return nil
	case err != nil:
		return cutShort(err)
	}
	c.w += n
	return nil
}

// Upgraded says whether the Upstream has switched protocols: then Hijack is what
// is left to do.
func (a *Answer) Upgraded() bool { return a.Status() == http.StatusSwitchingProtocols }

// Hijack takes the connection out of its Pool. What came behind the head is read
// from it first. The error is a request with a Stream: a new protocol begins only
// behind the whole of a request (RFC 9110 section 7.8), and nobody may be sending
// the old one any more.
func (a *Answer) Hijack() (net.Conn, error) {
	c := a.conn
	if c.upload != nil {
		return nil, errUploading
	}
	received := append([]byte(nil), c.buf[c.r:c.w]...)
	c.closing.Do(func() { c.pool.forget(c) })
	c.release()
	return &handedConn{Conn: c.link.conn, received: received}, nil
}

// Discard is Close for a connection that was interrupted, or may be at any moment.
func (a *Answer) Discard() {
	if a.begun {
		a.begun = false
		a.conn.Close()
	}
}

// Close is the end of the exchange. The connection goes back to its Pool if the
// next answer on it can only be the next request's: both messages are through, and
// nothing has come behind.
func (a *Answer) Close() {
	c := a.conn
	if !a.begun {
		return
	}
	a.begun = false
	c.pool.noteLength(a.got)
	sent := c.upload == nil || c.upload.finished()
	if !a.done || a.err != nil || !sent || c.last || c.r != c.w || !c.head.KeepAlive() || a.length == UntilClose || a.Upgraded() {
		c.Close()
		return
	}
	if c.upload != nil {
		c.upload.end()
		c.upload = nil
	}
	c.release()
	c.pool.put(c)
}
