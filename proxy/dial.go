package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// dialError is a connection that did not come about: nothing was sent, the
// request may go anywhere else.
type dialError struct {
	address string
	err     error
}

func (e *dialError) Error() string { return fmt.Sprintf("connecting to %s: %v", e.address, e.err) }
func (e *dialError) Unwrap() error { return e.err }

// errLeft is why a pending connection was given up: the Upstream left.
var errLeft = errors.New("the Upstream left the rotation")

// warmFor is how long the connection that proved an Upstream ready is kept for
// the first request. Servers close connections on which no request comes.
const warmFor = time.Second

// dialer makes the connections to one Upstream. All of it may be used from any
// goroutine.
type dialer struct {
	address string
	shared  bool // requests will share connections

	mu    sync.Mutex
	warm  net.Conn
	timer *time.Timer        // closes warm
	round context.Context    // ends when pending dials are to be given up
	end   context.CancelFunc //
}

func newDialer(address string, shared bool) *dialer {
	d := &dialer{address: address, shared: shared}
	d.round, d.end = context.WithCancel(context.Background())
	return d
}

// forRequest is a connection for a request: the one that proved the Upstream
// ready, if it is still there, or a new one, made within limit.
func (d *dialer) forRequest(ctx context.Context, limit time.Duration) (net.Conn, error) {
	if conn := d.takeWarm(); conn != nil {
		return conn, nil
	}
	return d.dial(ctx, limit)
}

// limitKey is the context key of a request's own dial limit.
type limitKey struct{}

// withDialLimit makes dials for a request give up after limit.
func withDialLimit(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

// forTransport is the Transport's way to a connection. The network and address
// it is given are the Upstream's own and are not read again.
func (d *dialer) forTransport(ctx context.Context, _, _ string) (net.Conn, error) {
	limit, ok := ctx.Value(limitKey{}).(time.Duration)
	if !ok {
		limit = spec.RemoteDial
	}
	conn, err := d.forRequest(ctx, limit)
	if err != nil {
		return nil, err
	}
	return &upstreamConn{Conn: conn, shared: d.shared}, nil
}

// dial connects within limit, unless pending dials are given up before.
func (d *dialer) dial(ctx context.Context, limit time.Duration) (net.Conn, error) {
	d.mu.Lock()
	round := d.round
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer context.AfterFunc(round, cancel)()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.address)
	if err != nil {
		if round.Err() != nil {
			err = errLeft
		}
		return nil, &dialError{d.address, err}
	}
	return conn, nil
}

// giveUp ends the dials that are pending now; later ones may succeed.
func (d *dialer) giveUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end()
	d.round, d.end = context.WithCancel(context.Background())
	d.dropWarm()
}

// keepWarm hands over a connection that was just accepted.
func (d *dialer) keepWarm(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dropWarm()
	d.warm = conn
	d.timer = time.AfterFunc(warmFor, func() {
		if c := d.takeWarm(); c != nil {
			c.Close()
		}
	})
}

// takeWarm is the warm connection if it is there and still open.
func (d *dialer) takeWarm() net.Conn {
	d.mu.Lock()
	conn := d.warm
	d.warm = nil
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	if conn != nil && peerClosed(conn) {
		conn.Close()
		return nil
	}
	return conn
}

// dropWarm needs mu.
func (d *dialer) dropWarm() {
	if d.warm != nil {
		d.timer.Stop()
		d.warm.Close()
		d.warm = nil
	}
}
