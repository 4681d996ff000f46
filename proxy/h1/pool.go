package h1

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxIdle is how many unused connections of a Pool are kept.
const maxIdle = 1024

// soundEvery is how often idle connections are looked at, in ticks.
const soundEvery = 4

// Pool is the connections to one Upstream. The most recently used is used next,
// so that in quiet times the others age and are closed. All methods may be called
// from any goroutine.
type Pool struct {
	dog   *Watchdog
	idle  atomic.Int64 // how long an unused connection is kept, in nanoseconds
	large atomic.Bool  // the last answer was long: begin the next with a large buffer

	scratch []*Conn // of look

	mu     sync.Mutex
	unused []*Conn // the last is the most recent
	all    map[*Conn]struct{}
	closed bool
	rounds int
}

// NewPool is a Pool whose connections dog watches, and which keeps unused ones
// for idle; 0 or less is for ever.
func NewPool(dog *Watchdog, idle time.Duration) *Pool {
	p := &Pool{dog: dog, all: map[*Conn]struct{}{}}
	p.SetIdle(idle)
	return p
}

// SetIdle changes how long unused connections are kept.
func (p *Pool) SetIdle(idle time.Duration) { p.idle.Store(int64(idle)) }

// Get is the unused connection that was used last; nil if there is none.
func (p *Pool) Get() *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.unused)
	if n == 0 {
		return nil
	}
	c := p.unused[n-1]
	p.unused[n-1] = nil
	p.unused = p.unused[:n-1]
	return c
}

// Adopt makes a connection that was just made the Pool's.
func (p *Pool) Adopt(conn net.Conn) *Conn {
	c := newConn(conn, p)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[c] = struct{}{}
	if len(p.all) == 1 {
		p.dog.add(p)
	}
	return c
}

// put keeps a connection for the next request, or closes it.
func (p *Pool) put(c *Conn) {
	p.mu.Lock()
	keep := !p.closed && len(p.unused) < maxIdle
	if keep {
		c.since = p.dog.now.Load()
		p.unused = append(p.unused, c)
	}
	p.mu.Unlock()
	if !keep {
		c.Close()
	}
}

// forget drops a connection that was closed.
func (p *Pool) forget(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, c)
	if len(p.all) == 0 {
		p.dog.remove(p)
	}
}

// CloseIdle closes the connections that no request uses.
func (p *Pool) CloseIdle() {
	p.mu.Lock()
	unused := p.unused
	p.unused = nil
	p.mu.Unlock()
	for _, c := range unused {
		c.Close()
	}
}

// Close is CloseIdle, and those in use are closed once their answer is through.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.CloseIdle()
}

// look ends waits that last too long and closes unused connections that are too
// old, or that the Upstream has closed.
func (p *Pool) look(now int64) {
	p.mu.Lock()
	for c := range p.all {
		p.scratch = append(p.scratch, c)
	}
	p.rounds++
	var worn []*Conn
	if p.rounds%soundEvery == 0 {
		worn = p.takeWorn(now)
	}
	p.mu.Unlock()
	for _, c := range p.scratch {
		c.link.look(now)
	}
	clear(p.scratch)
	p.scratch = p.scratch[:0]
	for _, c := range worn {
		c.Close()
	}
}

// takeWorn takes out the unused connections that are no good any more. It needs
// mu.
func (p *Pool) takeWorn(now int64) (worn []*Conn) {
	idle := p.idle.Load()
	kept := p.unused[:0]
	for _, c := range p.unused {
		if idle > 0 && now-c.since > idle || !c.link.sound() {
			worn = append(worn, c)
			continue
		}
		kept = append(kept, c)
	}
	clear(p.unused[len(kept):])
	p.unused = kept
	return worn
}

// noteLength remembers whether answers are long here.
func (p *Pool) noteLength(body int64) {
	if long := body > smallBuffer-headRoom-tailRoom; long != p.large.Load() {
		p.large.Store(long)
	}
}
