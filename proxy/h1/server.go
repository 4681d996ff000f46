package h1

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The defaults of a Server's bounds.
const (
	DefaultHeadTimeout = 10 * time.Second
	DefaultIdleTimeout = 120 * time.Second
	DefaultStall       = 60 * time.Second
)

// Server speaks HTTP/1.1 and 1.0 with clients and calls an [http.Handler] as
// net/http's server does, with one difference: a request's context ends when the
// request does only for who has asked for its Done before. The fields must not be
// changed once a connection is served. All methods may be called from any
// goroutine.
type Server struct {
	Handler http.Handler
	// HeadTimeout bounds the time from the first byte of a request (of a
	// connection, for the first) to the end of its head. 0: [DefaultHeadTimeout].
	HeadTimeout time.Duration
	// IdleTimeout is how long a connection may be without a request. 0:
	// [DefaultIdleTimeout].
	IdleTimeout time.Duration
	// Stall is how long a client may send nothing of a body it owes, or take
	// nothing of an answer. 0: [DefaultStall].
	Stall time.Duration
	// Limits of a request's head.
	Limits Limits
	// Inline says of the Handler that it takes over no connection (Hijack) unless
	// the request asks for an Upgrade, does not read from one by itself, and keeps
	// nothing of a request without a body when it returns, unless it follows its
	// context. That makes such requests cheaper.
	Inline bool
	// HTTP2 takes over a connection on which the client speaks HTTP/2 without
	// having been asked (RFC 9113 section 3.3). nil: it is refused.
	HTTP2 func(net.Conn)
	// Refuse answers a request that could not be read; nil is a line of text.
	// The connection is closed afterwards.
	Refuse func(w http.ResponseWriter, status int, reason string)
	// Panicked is told of panics of the Handler other than
	// [http.ErrAbortHandler]; the connection is closed. nil: nobody is told.
	Panicked func(v any)

	exchanges sync.Pool // of *exchange
	dog       Watchdog
	closing   atomic.Bool
	date      atomic.Pointer[date]

	scratch []*serverConn // of look

	mu       sync.Mutex
	conns    map[*serverConn]struct{}
	hijacked map[*handedConn]struct{}
	closed   bool          // by Close
	empty    chan struct{} // closed when there is no connection left; nil while nobody waits
}

// ServeConn serves the requests of one connection, and returns when it has ended
// or was handed over. over, if given, is called when it is closed, whoever has it
// then.
func (s *Server) ServeConn(conn net.Conn, over func()) {
	c := newServerConn(s, conn)
	if over != nil {
		c.over = over
	}
	if c.run(); c.http2 != nil {
		s.HTTP2(c.http2)
	}
}

// enter adds a connection; false if there are to be no more.
func (s *Server) enter(c *serverConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	if s.conns == nil {
		s.conns, s.hijacked = map[*serverConn]struct{}{}, map[*handedConn]struct{}{}
	}
	s.conns[c] = struct{}{}
	if len(s.conns) == 1 {
		s.dog.add(s)
	}
	return true
}

func (s *Server) leave(c *serverConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 {
		s.dog.remove(s)
	}
	s.noteEmpty()
}

// noteEmpty tells who waits for the last connection. It needs mu.
func (s *Server) noteEmpty() {
	if s.empty != nil && len(s.conns) == 0 && len(s.hijacked) == 0 {
		close(s.empty)
		s.empty = nil
	}
}

// look is called by the Watchdog.
func (s *Server) look(now int64) {
	s.scratch = s.all(s.scratch[:0])
	for _, c := range s.scratch {
		c.look(now)
	}
	clear(s.scratch)
}

// all appends the connections there are to list.
func (s *Server) all(list []*serverConn) []*serverConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// Shutdown closes connections without a request, lets the others finish the one
// they have, and waits for them, hijacked ones included. It returns ctx's error if
// that took too long; Close ends what is left then.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing.Store(true)
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	s.noteEmpty()
	s.mu.Unlock()
	for _, c := range s.all(nil) {
		c.closeIfIdle()
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close cuts all connections, hijacked ones included, and does not wait for
// their handlers.
func (s *Server) Close() {
	s.closing.Store(true)
	for _, c := range s.all(nil) {
		c.abandon()
	}
	s.mu.Lock()
	s.closed = true
	hijacked := make([]*handedConn, 0, len(s.hijacked))
	for h := range s.hijacked {
		hijacked = append(hijacked, h)
	}
	s.mu.Unlock()
	for _, h := range hijacked {
		_ = h.Close()
	}
}

func (s *Server) headTimeout() time.Duration { return or(s.HeadTimeout, DefaultHeadTimeout) }
func (s *Server) idleTimeout() time.Duration { return or(s.IdleTimeout, DefaultIdleTimeout) }
func (s *Server) stall() time.Duration       { return or(s.Stall, DefaultStall) }

func or(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
