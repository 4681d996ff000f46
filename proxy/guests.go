package proxy

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// guestBook counts the connections of a Listener, so that neither all of them
// together nor those of one client take everything.
type guestBook struct {
	most, mostEach int // mostEach 0: no bound

	mu         sync.Mutex
	all        int
	each       map[netip.Addr]int
	turnedAway int
	complained time.Time
}

func newGuestBook(most, mostEach int) *guestBook {
	return &guestBook{most: most, mostEach: mostEach, each: map[netip.Addr]int{}}
}

// admit says whether there is room for one more connection from addr. Who was let
// in has to leave.
func (g *guestBook) admit(addr netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.most || g.mostEach > 0 && g.each[addr] >= g.mostEach {
		g.turnedAway++
		return false
	}
	g.all++
	if g.mostEach > 0 {
		g.each[addr]++
	}
	return true
}

// leave makes the room free again.
func (g *guestBook) leave(addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.mostEach == 0 {
		return
	}
	if g.each[addr]--; g.each[addr] == 0 {
		delete(g.each, addr)
	}
}

// complainEvery keeps a flood of connections from becoming one of log lines.
const complainEvery = 10 * time.Second

// complain says how many had to be turned away.
func (g *guestBook) complain(log zerolog.Logger, entry string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.complained) < complainEvery {
		return
	}
	g.complained = time.Now()
	log.Warn().Str("entry", entry).Int("connections", g.all).Int("turned_away", g.turnedAway).
		Msg("connections are closed at once: there are as many as --max-connections or --max-connections-per-client allow")
	g.turnedAway = 0
}

// guestConn leaves the book when it is closed.
type guestConn struct {
	*net.TCPConn
	once sync.Once
	over func()
}

// Close closes the connection.
func (c *guestConn) Close() error {
	c.once.Do(c.over)
	return c.TCPConn.Close()
}
