package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// report is one datagram of the app; the fields are those of app/main.go.
type report struct {
	Kind     string // listening, got, answered
	Instance string
	Request  string
	Method   string
	At       int64
}

func (r report) at() time.Time { return time.Unix(0, r.At) }

// death is the end of one process: the moment its sockets were gone.
type death struct {
	instance string // host name of its container
	at       time.Time
}

// collector keeps what the apps report, so that it is known even of containers
// that are gone. UDP on one machine through a large buffer loses nothing at these
// rates, and judgePosts notices if it ever does. Each app also holds one TCP
// connection, whose end is its death.
type collector struct {
	conn      net.PacketConn
	lifelines net.Listener
	readers   sync.WaitGroup
	marked    chan struct{}

	mu      sync.Mutex
	alive   map[net.Conn]struct{}
	reports []report
	dead    []death
}

// newCollector listens on every address, for each network has its own gateway,
// and on a free port, the same for both protocols. Close it.
func newCollector() (*collector, error) {
	lifelines, err := net.Listen("tcp4", ":0")
	if err != nil {
		return nil, fmt.Errorf("listening for lifelines: %w", err)
	}
	conn, err := net.ListenPacket("udp4", fmt.Sprintf(":%d", lifelines.Addr().(*net.TCPAddr).Port))
	if err != nil {
		_ = lifelines.Close()
		return nil, fmt.Errorf("listening for reports: %w", err)
	}
	c := &collector{conn: conn, lifelines: lifelines, marked: make(chan struct{}, 1), alive: map[net.Conn]struct{}{}}
	if err := conn.(*net.UDPConn).SetReadBuffer(8 << 20); err != nil {
		c.close()
		return nil, fmt.Errorf("enlarging the buffer for reports: %w", err)
	}
	c.readers.Go(c.read)
	c.readers.Go(c.accept)
	return c, nil
}

func (c *collector) close() {
	_ = c.conn.Close()
	_ = c.lifelines.Close()
	c.mu.Lock()
	for conn := range c.alive {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.readers.Wait()
}

func (c *collector) accept() {
	for {
		conn, err := c.lifelines.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		c.alive[conn] = struct{}{}
		c.mu.Unlock()
		c.readers.Go(func() { c.hold(conn) })
	}
}

// hold reads a lifeline, on which only the name of the instance comes, to its
// end.
func (c *collector) hold(conn net.Conn) {
	name, _ := io.ReadAll(conn) // a reset is an end as well
	at := time.Now()
	_ = conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.alive, conn)
	c.dead = append(c.dead, death{instance: strings.TrimSpace(string(name)), at: at})
}

// deaths gives those since the last forget.
func (c *collector) deaths() []death {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.dead)
}

func (c *collector) port() string {
	return fmt.Sprint(c.conn.LocalAddr().(*net.UDPAddr).Port)
}

func (c *collector) read() {
	datagram := make([]byte, 4096)
	for {
		n, _, err := c.conn.ReadFrom(datagram)
		if err != nil {
			return
		}
		var r report
		switch {
		case json.Unmarshal(datagram[:n], &r) != nil: // nobody's we know
		case r.Kind == "mark":
			c.marked <- struct{}{}
		default:
			c.add(r)
		}
	}
}

func (c *collector) add(r report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports = append(c.reports, r)
}

// all gives what was reported since the last forget, in order of arrival. What
// the kernel has taken in when it is called is part of it: a mark is sent behind
// it and waited for.
func (c *collector) all() ([]report, error) {
	mark, err := net.Dial("udp4", "127.0.0.1:"+c.port())
	if err != nil {
		return nil, fmt.Errorf("marking the end of the reports: %w", err)
	}
	defer func() { _ = mark.Close() }()
	if _, err := mark.Write([]byte(`{"Kind":"mark"}`)); err != nil {
		return nil, fmt.Errorf("marking the end of the reports: %w", err)
	}
	select {
	case <-c.marked:
	case <-time.After(10 * time.Second):
		return nil, errors.New("the mark behind the reports does not arrive")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.reports), nil
}

// forget begins anew.
func (c *collector) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports, c.dead = nil, nil
}
