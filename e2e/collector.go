package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// report is one datagram of the app; the fields are those of app/main.go.
type report struct {
	Kind     string // listening, got, answered, exiting
	Instance string
	Request  string
	Method   string
	At       int64
}

func (r report) at() time.Time { return time.Unix(0, r.At) }

// collector keeps what the apps report, so that it is known even of containers
// that are gone. UDP on one machine through a large buffer loses nothing at these
// rates, and judgePosts notices if it ever does.
type collector struct {
	conn   net.PacketConn
	reader sync.WaitGroup
	marked chan struct{}

	mu      sync.Mutex
	reports []report
}

// newCollector listens on every address, for each network has its own gateway,
// and on a free port. Close it.
func newCollector() (*collector, error) {
	conn, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		return nil, fmt.Errorf("listening for reports: %w", err)
	}
	if err := conn.(*net.UDPConn).SetReadBuffer(8 << 20); err != nil {
		return nil, fmt.Errorf("enlarging the buffer for reports: %w", err)
	}
	c := &collector{conn: conn, marked: make(chan struct{}, 1)}
	c.reader.Go(c.read)
	return c, nil
}

func (c *collector) close() {
	_ = c.conn.Close()
	c.reader.Wait()
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
	c.reports = nil
}
