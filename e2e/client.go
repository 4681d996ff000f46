package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// client is an HTTP/1.1 client that sends every request exactly once. The one of
// net/http repeats a GET by itself when a kept connection breaks, and would hide
// what the scenarios count.
type client struct {
	addr    string
	timeout time.Duration

	mu   sync.Mutex
	idle []*kept // longest unused first
}

type kept struct {
	net.Conn
	reader *bufio.Reader
	since  time.Time
}

// answer is what came back for one request.
type answer struct {
	status int
	reason string // the proxy's own, when it answered by itself
	body   string
}

// keptFor is well below the time any server keeps an unused connection, so that
// none is closed just when it is taken again.
const keptFor = 5 * time.Second

func newClient(addr string, timeout time.Duration) *client {
	return &client{addr: addr, timeout: timeout}
}

// do sends r and reads the whole answer within the client's timeout. It is safe
// for any number of goroutines.
func (c *client) do(r *http.Request) (answer, error) {
	conn, err := c.take()
	if err != nil {
		return answer{}, err
	}
	_ = conn.SetDeadline(time.Now().Add(c.timeout))
	got, reusable, err := conn.exchange(r)
	if err != nil || !reusable {
		_ = conn.Close()
		return got, err
	}
	c.keep(conn)
	return got, nil
}

func (k *kept) exchange(r *http.Request) (got answer, reusable bool, err error) {
	if err := r.Write(k); err != nil {
		return answer{}, false, fmt.Errorf("writing: %w", err)
	}
	response, err := http.ReadResponse(k.reader, r)
	if err != nil {
		return answer{}, false, fmt.Errorf("reading the answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	got = answer{status: response.StatusCode, reason: response.Header.Get("Rota-Reason")}
	body, err := io.ReadAll(response.Body)
	got.body = string(body)
	if err != nil {
		return got, false, fmt.Errorf("reading the body: %w", err)
	}
	return got, !response.Close, nil
}

// take gives the connection that is unused longest, so that all of them are used
// again and again, or a new one.
func (c *client) take() (*kept, error) {
	if k := c.takeIdle(); k != nil {
		return k, nil
	}
	conn, err := net.DialTimeout("tcp", c.addr, c.timeout)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &kept{Conn: conn, reader: bufio.NewReader(conn)}, nil
}

func (c *client) takeIdle() *kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.idle) > 0 {
		k := c.idle[0]
		c.idle = c.idle[1:]
		if time.Since(k.since) < keptFor {
			return k
		}
		_ = k.Close()
	}
	return nil
}

func (c *client) keep(k *kept) {
	k.since = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, k)
}

// close gives the kept connections back; none may be in use.
func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.idle {
		_ = k.Close()
	}
	c.idle = nil
}
