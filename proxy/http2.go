package proxy

import (
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"sync"
)

// maxStreams is how many requests a client may have under way on one HTTP/2
// connection.
const maxStreams = 250

// newHTTP2Server is net/http's server for the connections that turn out to speak
// HTTP/2, with or without TLS.
func newHTTP2Server(o ListenerOptions) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:                      o.Handler,
		Protocols:                    protocols,
		TLSConfig:                    &tls.Config{NextProtos: []string{"h2"}}, // agreed on before it gets to see them
		ReadHeaderTimeout:            o.Bounds.HeadTimeout,
		IdleTimeout:                  o.Bounds.IdleTimeout,
		MaxHeaderBytes:               o.Bounds.HeadBytes,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: o.Bounds.Stall},
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(debugWriter{o.Log}, "", 0),
	}
}

// connQueue is a net.Listener of connections that somebody else has accepted.
type connQueue struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newConnQueue(addr net.Addr) *connQueue {
	return &connQueue{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

// put hands a connection over; one that comes too late is closed.
func (q *connQueue) put(conn net.Conn) {
	select {
	case q.conns <- conn:
	case <-q.done:
		_ = conn.Close()
	}
}

// Accept implements net.Listener.
func (q *connQueue) Accept() (net.Conn, error) {
	select {
	case conn := <-q.conns:
		return conn, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *connQueue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

// Addr implements net.Listener.
func (q *connQueue) Addr() net.Addr { return q.addr }
