package proxy

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// The bounds that every listener has, whatever the Targets behind it say.
const (
	headTimeout = 10 * time.Second
	idleTimeout = 120 * time.Second
	maxHead     = 64 << 10
)

// ListenerOptions say where a Listener accepts and what serves.
type ListenerOptions struct {
	Name    string // the entry's name, as labels use it: `http`
	Addr    string // host:port; port 0 takes a free one
	Handler http.Handler
	Log     zerolog.Logger
	// Grace is how long running requests may go on once Serve's context has
	// ended. 0 cuts them at once.
	Grace time.Duration
}

// Listener accepts connections and serves HTTP on them.
type Listener struct {
	o      ListenerOptions
	socket net.Listener
	server *http.Server

	mu       sync.Mutex
	upgraded map[net.Conn]struct{} // net/http forgets connections it handed over
}

// Listen binds the address at once, so that a port that is taken is found out
// before anything else is started. Nothing is accepted before Serve.
func Listen(o ListenerOptions) (*Listener, error) {
	socket, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("entry %q: %w", o.Name, explainBind(o.Addr, err))
	}
	l := &Listener{o: o, socket: socket, upgraded: map[net.Conn]struct{}{}}
	l.server = &http.Server{
		Handler:                      o.Handler,
		ReadHeaderTimeout:            headTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHead,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(debugWriter{o.Log}, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: l.follow,
	}
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
	failed := make(chan error, 1)
	go func() { failed <- l.server.Serve(clientListener{l.socket}) }()
	select {
	case err := <-failed:
		return fmt.Errorf("entry %q: accepting: %w", l.o.Name, err)
	case <-ctx.Done():
	}
	defer func() { <-failed }()
	return l.shutDown()
}

// shutDown drains for the grace and closes what is left then.
func (l *Listener) shutDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), l.o.Grace)
	defer cancel()
	err := l.server.Shutdown(ctx)
	if err == nil && l.awaitUpgraded(ctx) {
		return nil
	}
	l.closeUpgraded()
	if err := l.server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("entry %q: closing: %w", l.o.Name, err)
	}
	return nil
}

// follow keeps the list of upgraded connections.
func (l *Listener) follow(c net.Conn, state http.ConnState) {
	if state != http.StateHijacked {
		return
	}
	client, ok := c.(*clientConn)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.upgraded[c] = struct{}{}
	client.onClose = func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.upgraded, c)
	}
}

// upgradedPoll is how often a draining Listener looks for the last upgraded
// connection; it is as coarse as what net/http does for all others.
const upgradedPoll = 50 * time.Millisecond

// awaitUpgraded waits for upgraded connections to end; false if ctx did first.
func (l *Listener) awaitUpgraded(ctx context.Context) bool {
	for {
		l.mu.Lock()
		left := len(l.upgraded)
		l.mu.Unlock()
		if left == 0 {
			return true
		}
		if !sleep(ctx, upgradedPoll) {
			return false
		}
	}
}

func (l *Listener) closeUpgraded() {
	l.mu.Lock()
	conns := make([]net.Conn, 0, len(l.upgraded))
	for c := range l.upgraded {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// clientListener makes clientConns.
type clientListener struct{ net.Listener }

func (l clientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	limitUnsent(c)
	return &clientConn{Conn: c}, nil
}

// debugWriter takes what net/http logs: mostly what clients did wrong.
type debugWriter struct{ log zerolog.Logger }

func (w debugWriter) Write(p []byte) (int, error) {
	w.log.Debug().Bytes("error", p).Msg("connection ended")
	return len(p), nil
}
