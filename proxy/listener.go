package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/proxy/h1"
)

// ListenerOptions say where a Listener accepts and what serves.
type ListenerOptions struct {
	Name    string // the entry's name, as labels use it: `http`
	Addr    string // host:port; port 0 takes a free one
	Handler http.Handler
	// Inline: the Handler is a Mux's, see [h1.Server.Inline].
	Inline bool
	Log    zerolog.Logger
	// Grace is how long running requests may go on once Serve's context has
	// ended. 0 cuts them at once.
	Grace time.Duration
	// Bounds of connections and of what comes on them. Zero values are defaults.
	Bounds Bounds
	// TLS, if given, is spoken on every connection; whether it then is HTTP/1.1
	// or HTTP/2 is agreed on (ALPN). nil: neither is encrypted.
	TLS *tls.Config
}

// Listener accepts connections and serves HTTP on them: HTTP/1.1 by the engine
// (package h1), HTTP/2 by net/http.
type Listener struct {
	o      ListenerOptions
	socket net.Listener
	guests *guestBook
	engine *h1.Server
	http2  *http.Server
	queue  *connQueue // of those that speak HTTP/2
	conns  sync.WaitGroup
}

// Listen binds the address at once, so that a port that is taken is found out
// before anything else is started. Nothing is accepted before Serve.
func Listen(o ListenerOptions) (*Listener, error) {
	socket, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("entry %q: %w", o.Name, explainBind(o.Addr, err))
	}
	o.Bounds = o.Bounds.orDefaults()
	l := &Listener{
		o: o, socket: socket,
		guests: newGuestBook(o.Bounds.Conns, o.Bounds.ConnsPerClient),
		queue:  newConnQueue(socket.Addr()),
	}
	l.engine = &h1.Server{
		Handler:     o.Handler,
		Inline:      o.Inline,
		HeadTimeout: o.Bounds.HeadTimeout,
		IdleTimeout: o.Bounds.IdleTimeout,
		Stall:       o.Bounds.Stall,
		Limits:      h1.Limits{HeadBytes: o.Bounds.HeadBytes, Fields: o.Bounds.Fields},
		HTTP2:       l.queue.put,
		Refuse:      refuseUnread,
		Panicked: func(v any) {
			o.Log.Error().Interface("panic", v).Bytes("stack", debug.Stack()).Msg("BUG: a request failed inside the proxy")
		},
	}
	l.http2 = newHTTP2Server(o)
	return l, nil
}

// explainBind adds what to do about the two usual reasons.
func explainBind(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken by another process: stop it or choose another address: %w", addr, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s needs the right to bind ports below 1024 (CAP_NET_BIND_SERVICE), or choose a higher one: %w", addr, err)
	}
	return err
}

// Addr is the address that was bound.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// Close gives the address up without having served.
func (l *Listener) Close() error { return l.socket.Close() }

// Serve accepts until ctx ends, then lets running requests finish for the
// grace. A clean end is nil.
func (l *Listener) Serve(ctx context.Context) error {
	var servers sync.WaitGroup
	servers.Go(func() { _ = l.http2.Serve(l.queue) })
	failed := make(chan error, 1)
	servers.Go(func() { failed <- l.accept(ctx) })
	defer servers.Wait()
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("entry %q: accepting: %w", l.o.Name, err)
	case <-ctx.Done():
		_ = l.socket.Close()
	}
	l.shutDown()
	return err
}

// accept takes connections until the socket is closed. What fails for want of
// descriptors or memory is tried again.
func (l *Listener) accept(ctx context.Context) error {
	var pause time.Duration
	for {
		conn, err := l.socket.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case isPassing(err):
			pause = min(max(2*pause, acceptPause), time.Second)
			l.o.Log.Warn().Err(err).Dur("pause_ms", pause).Str("entry", l.o.Name).Msg("no connection can be accepted for now")
			sleep(ctx, pause)
			continue
		case err != nil:
			return err
		}
		pause = 0
		client := addrOf(conn)
		if !l.guests.admit(client) {
			_ = conn.Close()
			l.guests.complain(l.o.Log, l.o.Name)
			continue
		}
		l.conns.Go(func() { l.serve(conn.(*net.TCPConn), func() { l.guests.leave(client) }) })
	}
}

// acceptPause is how long to wait, at first, when accepting fails.
const acceptPause = 5 * time.Millisecond

func isPassing(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOBUFS) ||
		errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.ECONNABORTED)
}

// addrOf is whom a connection is counted for.
func addrOf(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// serve serves one connection by whatever protocol it speaks. over is called when
// it is closed.
func (l *Listener) serve(conn *net.TCPConn, over func()) {
	limitUnsent(conn)
	if l.o.TLS == nil {
		l.engine.ServeConn(conn, over)
		return
	}
	l.serveTLS(conn, over)
}

func (l *Listener) serveTLS(conn *net.TCPConn, over func()) {
	secure := tls.Server(&guestConn{TCPConn: conn, over: over}, l.o.TLS)
	ctx, cancel := context.WithTimeout(context.Background(), l.o.Bounds.HandshakeTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		l.o.Log.Debug().Err(err).Str("entry", l.o.Name).Msg("TLS handshake failed")
		_ = secure.Close()
		return
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		l.queue.put(secure)
		return
	}
	l.engine.ServeConn(secure, nil)
}

// shutDown drains for the grace and closes what is left then.
func (l *Listener) shutDown() {
	ctx, cancel := context.WithTimeout(context.Background(), l.o.Grace)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() {
		if l.engine.Shutdown(ctx) != nil {
			l.engine.Close()
		}
	})
	both.Go(func() {
		if l.http2.Shutdown(ctx) != nil {
			_ = l.http2.Close()
		}
	})
	both.Wait()
	_ = l.queue.Close()
	l.conns.Wait()
}

// debugWriter takes what net/http logs: mostly what clients did wrong.
type debugWriter struct{ log zerolog.Logger }

func (w debugWriter) Write(p []byte) (int, error) {
	w.log.Debug().Bytes("error", p).Msg("connection ended")
	return len(p), nil
}
