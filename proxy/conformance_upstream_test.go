package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/rota-proxy/rota/internal/testrig/strict"
)

// stream collects bytes that come in while somebody waits for some of them.
type stream struct {
	mu      sync.Mutex
	changed chan struct{}
	data    []byte
	err     error // how it ended; io.EOF is well
}

func newStream() *stream { return &stream{changed: make(chan struct{})} }

func (s *stream) add(p []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data, s.err = append(s.data, p...), err
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits until enough says so or the stream has ended, and returns what is
// there.
func (s *stream) await(ctx context.Context, enough func(data []byte) bool) ([]byte, error) {
	for {
		s.mu.Lock()
		data, err, changed := slices.Clone(s.data), s.err, s.changed
		s.mu.Unlock()
		if err != nil || enough(data) {
			return data, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return data, fmt.Errorf("waited in vain; there are %d bytes", len(data))
		}
	}
}

// whole waits for the end.
func (s *stream) whole(ctx context.Context) ([]byte, error) {
	return s.await(ctx, func([]byte) bool { return false })
}

// fill reads all of r into the stream.
func (s *stream) fill(r io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		s.add(buf[:n], err)
		if err != nil {
			return err
		}
	}
}

// arrival is a request that reached the Upstream.
type arrival struct {
	conn *upstreamSocket
	head *strict.Head
	body *stream
	rest *strict.Body // its trailers, once body has ended
}

// upstreamSocket is a connection from the proxy.
type upstreamSocket struct {
	net.Conn
	gone chan struct{} // closed when the proxy has closed it
	raw  *stream       // what comes after a switch of protocols

	mu       sync.Mutex
	answered bool // something was sent since the last request
	switched bool
}

// strictUpstream takes what the proxy sends as a strict server would, and
// answers what it is told to.
type strictUpstream struct {
	socket   net.Listener
	arrivals chan *arrival
	conns    sync.WaitGroup
	unwanted bool // no request is expected: answer at once that there was one
	tolerant bool // if it is whole

	mu         sync.Mutex
	open       []net.Conn
	violations []error
}

// maxArrivals is more than any row sends.
const maxArrivals = 100

func newStrictUpstream(t *testing.T) *strictUpstream {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &strictUpstream{socket: socket, arrivals: make(chan *arrival, maxArrivals)}
	u.conns.Go(u.accept)
	return u
}

func (u *strictUpstream) accept() {
	for {
		c, err := u.socket.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		u.open = append(u.open, c)
		u.mu.Unlock()
		u.conns.Go(func() { u.serve(c) })
	}
}

// close ends everything and reports what was wrong. The proxy is closed by now,
// so that all it sent has been read.
func (u *strictUpstream) close(ctx context.Context) error {
	u.socket.Close()
	joined := make(chan struct{})
	go func() { u.conns.Wait(); close(joined) }()
	select {
	case <-joined:
	case <-ctx.Done():
		u.violate(errors.New("the proxy left connections open"))
	}
	u.mu.Lock()
	for _, c := range u.open {
		c.Close()
	}
	u.mu.Unlock()
	<-joined
	return errors.Join(u.violations...)
}

func (u *strictUpstream) violate(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.violations = append(u.violations, err)
}

// serve reads one connection to its end.
func (u *strictUpstream) serve(c net.Conn) {
	s := &upstreamSocket{Conn: c, gone: make(chan struct{}), raw: newStream(), answered: true}
	defer close(s.gone)
	in := strict.NewReader(c)
	for {
		if err := u.serveOne(s, in); err != nil {
			var v strict.Violation
			if errors.As(err, &v) {
				u.violate(err)
				c.Close() // nobody is to wait for an answer
			}
			return
		}
	}
}

func (u *strictUpstream) serveOne(s *upstreamSocket, in *strict.Reader) error {
	if err := in.Wait(); err != nil {
		return err
	}
	if s.hasSwitched() {
		return s.raw.fill(in.Rest())
	}
	if !s.begin() {
		return strict.Violation("bytes that come before the answer to what came before")
	}
	head, err := in.RequestHead()
	if err != nil {
		return err
	}
	a := &arrival{conn: s, head: head, body: newStream(), rest: in.RequestBody(head)}
	u.arrivals <- a
	if u.unwanted && !u.tolerant {
		u.complain(s)
	}
	if err := a.body.fill(a.rest); !errors.Is(err, io.EOF) {
		return err
	}
	if u.tolerant {
		u.complain(s)
	}
	return nil
}

// complain keeps a row that is about to fail from waiting in vain.
func (u *strictUpstream) complain(s *upstreamSocket) {
	_ = s.answer([]byte("HTTP/1.1 599 This Was Not To Come\r\nContent-Length: 0\r\n\r\n"), false, false)
}

// begin is called when a request comes; false if the one before has no answer.
func (s *upstreamSocket) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok := s.answered
	s.answered = false
	return ok
}

func (s *upstreamSocket) hasSwitched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switched
}

// answer writes p; with switched, what comes from now on is no HTTP any more.
func (s *upstreamSocket) answer(p []byte, switched, byByte bool) error {
	s.mu.Lock()
	s.answered = true
	s.switched = s.switched || switched
	s.mu.Unlock()
	return writeTo(s.Conn, p, byByte)
}

// everyByteFirst is how many bytes are written one by one.
const everyByteFirst = 2 << 10

// writeTo writes at once, or each of the first bytes by itself.
func writeTo(c net.Conn, p []byte, byByte bool) error {
	for i := 0; byByte && i < everyByteFirst && len(p) > 1; i++ {
		if _, err := c.Write(p[:1]); err != nil {
			return err
		}
		p = p[1:]
	}
	_, err := c.Write(p)
	return err
}

// act ends the connection in one way or another.
func (s *upstreamSocket) act(what string) error {
	tcp := s.Conn.(*net.TCPConn)
	switch what {
	case "fin":
		return tcp.CloseWrite()
	case "close":
		return tcp.Close()
	case "reset":
		_ = tcp.SetLinger(0)
		return tcp.Close()
	}
	return fmt.Errorf("an Upstream cannot %q", what)
}
