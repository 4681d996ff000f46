package whoami

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Leave says how a Server goes when it is told to stop. The zero value is what
// a well-behaved server does: stop accepting, finish the running requests, go.
type Leave struct {
	// Drain is how long it goes on accepting after it was told to stop.
	Drain time.Duration
	// AtOnce cuts the running requests, as a program does that knows nothing
	// of signals.
	AtOnce bool
}

// Server serves a handler until it is told to stop, in the manner of Leave.
type Server struct {
	leave    Leave
	http     http.Server
	handler  http.Handler
	requests requests
	alive    context.Context // ended by Kill
	kill     context.CancelFunc
	open     context.Context // the handlers' base: ends after the connections
	close    context.CancelFunc
}

// NewServer makes a Server of h, which need not be a whoami handler.
func NewServer(h http.Handler, l Leave) *Server {
	s := &Server{leave: l, handler: h}
	s.alive, s.kill = context.WithCancel(context.Background())
	s.open, s.close = context.WithCancel(context.Background())
	s.http = http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return s.open },
	}
	return s
}

// Serve accepts connections from ln, which it closes in the end, until ctx ends;
// then it leaves as asked. It returns nil then, and when it is killed; the
// handlers have returned by that time. It may be called once.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- s.http.Serve(ln) }()
	select {
	case err := <-ended:
		s.cut()
		return fmt.Errorf("serving %s: %w", ln.Addr(), err)
	case <-s.alive.Done():
	case <-ctx.Done():
		s.drain()
	}
	s.cut()
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving %s: %w", ln.Addr(), err)
	}
	return nil
}

// Kill ends Serve at once, whatever it was doing, and does not wait for it. It
// may be called at any time, more than once and from any goroutine.
func (s *Server) Kill() { s.kill() }

// drain lets the running requests end, unless a kill comes first.
func (s *Server) drain() {
	if s.leave.AtOnce {
		return
	}
	timer := time.NewTimer(s.leave.Drain)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.alive.Done():
	}
	// Nothing that the handler offers lasts longer than a minute; what still
	// runs after that has a client that neither sends nor reads.
	ctx, cancel := context.WithTimeout(s.alive, longest+5*time.Second)
	defer cancel()
	_ = s.http.Shutdown(ctx) // cut does the rest
}

// cut closes every connection, then ends the handlers' contexts and waits for
// them. In this order, or a handler that gives up would still get an empty 200
// through. The connection alone is not enough: a handler that has not read its
// body does not learn that it was closed.
func (s *Server) cut() {
	_ = s.http.Close()
	s.kill()
	s.close()
	s.requests.close()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.requests.enter() {
		return
	}
	defer s.requests.leave()
	s.handler.ServeHTTP(w, r)
}

// requests counts the running handlers, which http.Server.Close does not wait
// for. The lock orders the last enter before close's Wait.
type requests struct {
	mu     sync.Mutex
	closed bool
	group  sync.WaitGroup
}

func (q *requests) enter() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.group.Add(1)
	return true
}

func (q *requests) leave() { q.group.Done() }

func (q *requests) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.group.Wait()
}
