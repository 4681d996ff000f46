package h1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// hijackedConn is a connection that was handed to a handler. The server knows of
// it until it is closed.
type hijackedConn struct {
	net.Conn
	server *Server
	over   func()
	once   sync.Once
}

// handAway takes the connection out of the server's hands.
func (c *serverConn) handAway() (net.Conn, *bufio.Reader) {
	received := append([]byte(nil), c.buf[c.r:c.w]...)
	c.release()
	c.handed = true
	_ = c.link.conn.SetDeadline(time.Time{})
	h := &hijackedConn{Conn: c.link.conn, server: c.server, over: c.over}
	c.server.mu.Lock()
	c.server.hijacked[h] = struct{}{}
	c.server.mu.Unlock()
	return h, bufio.NewReader(io.MultiReader(bytes.NewReader(received), h.Conn))
}

// Close closes the connection.
func (h *hijackedConn) Close() error {
	h.once.Do(func() {
		h.server.mu.Lock()
		defer h.server.mu.Unlock()
		delete(h.server.hijacked, h)
		h.server.noteEmpty()
		h.over()
	})
	return h.Conn.Close()
}

// CloseWrite ends our half.
func (h *hijackedConn) CloseWrite() error {
	if half, ok := h.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return h.Close()
}

// ReadFrom lets the kernel move what comes from another socket.
func (h *hijackedConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(h.Conn, r) }
