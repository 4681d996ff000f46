package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// halfCloseGrace is how long a client that has sent FIN while it waits for its
// answer is taken for a half-closing one, which still reads.
const halfCloseGrace = time.Second

// writeLimit is how long one write to a client may take where nothing else
// bounds it.
const writeLimit = 60 * time.Second

// clientConn is a client's connection that remembers how its reading side ended:
// net/http reports a reset and a half-close alike.
type clientConn struct {
	net.Conn
	reset   atomic.Bool
	bounded atomic.Bool // somebody set a write deadline that is in force
	retired atomic.Bool // nothing more is read from it
	onClose func()      // set before the connection is handed over; may be nil
	closed  sync.Once
}

func (c *clientConn) Close() error {
	c.closed.Do(func() {
		if c.onClose != nil {
			c.onClose()
		}
		if c.retired.Load() {
			c.linger()
		}
	})
	return c.Conn.Close()
}

// retire makes the connection end after the answer at hand: whatever the client
// still sends is not read as a request.
func (c *clientConn) retire() {
	c.retired.Store(true)
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
}

const (
	lingerFor  = 500 * time.Millisecond
	lingerMost = 256 << 10
)

// linger gives the client time to read the answer: closing a connection on which
// something was received and not read resets it, and the answer may be lost.
func (c *clientConn) linger() {
	_ = c.CloseWrite()
	_ = c.Conn.SetReadDeadline(time.Now().Add(lingerFor))
	_, _ = io.CopyN(io.Discard, c.Conn, lingerMost)
}

func (c *clientConn) Read(p []byte) (int, error) {
	if c.retired.Load() {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p)
	if err != nil && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)) {
		c.reset.Store(true)
	}
	return n, err
}

// SetWriteDeadline sets the deadline of what is written next; the zero time
// leaves that to writeLimit.
func (c *clientConn) SetWriteDeadline(t time.Time) error {
	c.bounded.Store(!t.IsZero())
	return c.Conn.SetWriteDeadline(t)
}

// Write gives a client that does not read no more than writeLimit, be it a
// stream's: then it is as good as gone.
func (c *clientConn) Write(p []byte) (int, error) {
	if !c.bounded.Load() {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(writeLimit))
	}
	return c.Conn.Write(p)
}

// CloseWrite passes a half-close on, for upgraded connections.
func (c *clientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}

// connKey is the context key under which a Listener puts the *clientConn.
type connKey struct{}

// followClient is a context that ends when the client is gone: at once after a
// reset, after a grace when it has only stopped sending. Its cause is then
// errClientGone. conn is nil where somebody else's server accepted it: then there
// is no telling, and no grace. The function it returns ends it for another cause
// and must be called in any case.
func followClient(r *http.Request, conn *clientConn) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	stop := context.AfterFunc(r.Context(), func() {
		if conn != nil && !conn.reset.Load() {
			sleep(ctx, halfCloseGrace)
		}
		cancel(errClientGone)
	})
	return ctx, func(why error) {
		stop()
		cancel(why)
	}
}
