package proxy

import (
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/rota-proxy/rota/proxy/h1"
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
		Handler:                      http2Guard{o.Handler, o.Bounds.Fields},
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

// http2Guard refuses what net/http lets through and the engine would not (RFC 9113
// sections 8.1.1 and 8.3.1).
type http2Guard struct {
	next   http.Handler
	fields int
}

func (g http2Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case countFields(r.Header) > g.fields:
		refuseUnread(w, http.StatusRequestHeaderFieldsTooLarge, "too many header fields")
	case !h1.ValidToken(r.Method):
		refuseUnread(w, http.StatusBadRequest, "the method is no token")
	case r.Method != http.MethodConnect && !strings.HasPrefix(r.RequestURI, "/") && r.RequestURI != "*":
		refuseUnread(w, http.StatusBadRequest, ":path does not begin with a slash")
	case !plausibleLength(r):
		refuseUnread(w, http.StatusBadRequest, "content-length and the body contradict each other")
	default:
		g.next.ServeHTTP(w, r)
	}
}

func countFields(h http.Header) (n int) {
	for _, values := range h {
		n += len(values)
	}
	return n
}

// plausibleLength says whether Content-Length is a number, and 0 if there is no
// body. That it is what the body has net/http finds out itself.
func plausibleLength(r *http.Request) bool {
	values := r.Header["Content-Length"]
	if len(values) == 0 {
		return true
	}
	length, err := strconv.ParseUint(values[0], 10, 63)
	digits := !strings.ContainsFunc(values[0], func(c rune) bool { return c < '0' || c > '9' })
	return len(values) == 1 && err == nil && digits && r.ContentLength == int64(length)
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
