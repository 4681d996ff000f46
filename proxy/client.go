package proxy

import (
	"context"
	"errors"
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

// clientConn is a client's connection that remembers how its reading side ended:
// net/http reports a reset and a half-close alike.
type clientConn struct {
	net.Conn
	reset   atomic.Bool
	onClose func() // set before the connection is handed over; may be nil
	closed  sync.Once
}

func (c *clientConn) Close() error {
	c.closed.Do(func() {
		if c.onClose != nil {
			c.onClose()
		}
	})
	return c.Conn.Close()
}

func (c *clientConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)) {
		c.reset.Store(true)
	}
	return n, err
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
// reset, after a grace when it has only stopped sending. Its cause is
// errClientGone.
func followClient(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	conn, _ := r.Context().Value(connKey{}).(*clientConn)
	gone := func() { cancel(errClientGone) }
	if conn == nil {
		stop := context.AfterFunc(r.Context(), gone)
		return ctx, func() { stop(); cancel(nil) }
	}
	stop := context.AfterFunc(r.Context(), func() {
		if !conn.reset.Load() {
			sleep(ctx, halfCloseGrace)
		}
		gone()
	})
	return ctx, func() { stop(); cancel(nil) }
}
