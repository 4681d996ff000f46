package h1

import (
	"bufio"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

const shortAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// use has a request answered and gives the connection back.
func (b *back) use(c *Conn) {
	b.t.Helper()
	a := b.get(c)
	defer a.Close()
	if body, err := readAnswer(a); err != nil || body != "ok" {
		b.t.Fatalf("got %q, error %v", body, err)
	}
}

func TestMostRecentlyUsedFirst(t *testing.T) {
	b := answering(t, shortAnswer)
	first, second := b.dial(), b.dial()
	b.use(first)
	b.use(second)
	for range 3 {
		c := b.pool.Get()
		if c != second {
			t.Fatal("it is not the connection that was used last")
		}
		b.use(c)
	}
	if b.pool.Get() != second || b.pool.Get() != first || b.pool.Get() != nil {
		t.Error("the order of the others is wrong")
	}
	second.Close()
	first.Close()
}

func TestCloseIdleAndClose(t *testing.T) {
	b := answering(t, shortAnswer)
	idle, busy := b.dial(), b.dial()
	b.use(idle)
	a := b.get(busy)
	b.pool.CloseIdle()
	if b.pool.count() != 1 || b.pool.Get() != nil {
		t.Fatalf("%d connections are left, want the busy one", b.pool.count())
	}
	_, _ = readAnswer(a)
	a.Close()
	if c := b.pool.Get(); c != busy {
		t.Fatal("the busy connection was not kept")
	} else if a = b.get(c); a == nil {
		t.Fatal("no answer")
	}
	b.pool.Close()
	if b.pool.count() != 1 {
		t.Fatal("Close has cut a connection in use")
	}
	if body, err := readAnswer(a); err != nil || body != "ok" {
		t.Errorf("got %q, error %v", body, err)
	}
	a.Close()
	if b.pool.count() != 0 || b.pool.Get() != nil {
		t.Error("a closed Pool has kept a connection")
	}
}

func TestClosingTwice(t *testing.T) {
	b := answering(t, shortAnswer)
	c := b.dial()
	a := b.get(c)
	a.Discard()
	a.Discard()
	a.Close()
	c.Close()
	if b.pool.count() != 0 {
		t.Error("the connection is still there")
	}
}

func TestIdleConnectionsAge(t *testing.T) {
	t.Parallel()
	b := answering(t, shortAnswer)
	b.pool.SetIdle(time.Millisecond)
	b.use(b.dial())
	testrig.Eventually(t, "the unused connection's end", func() bool { return b.pool.count() == 0 })
}

// An idle connection that the Upstream closes goes without being asked for.
func TestClosedIdleConnectionsAreNoticed(t *testing.T) {
	t.Parallel()
	b := upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
		readRequest(read)
		_, _ = io.WriteString(conn, shortAnswer)
	})
	b.use(b.dial())
	testrig.Eventually(t, "the closed connection to be noticed", func() bool { return b.pool.count() == 0 })
}

// What was closed, or has got a byte that nobody asked for, carries no request:
// nothing is written there.
func TestUncleanConnectionsAreNotUsed(t *testing.T) {
	for name, then := range map[string]func(*net.TCPConn){
		"closed":    func(conn *net.TCPConn) { conn.Close() },
		"half":      func(conn *net.TCPConn) { conn.CloseWrite() },
		"reset":     func(conn *net.TCPConn) { resetConn(conn) },
		"late byte": func(conn *net.TCPConn) { _, _ = io.WriteString(conn, "x") },
		"answer":    func(conn *net.TCPConn) { _, _ = io.WriteString(conn, shortAnswer) },
	} {
		t.Run(name, func(t *testing.T) {
			now, done := make(chan struct{}), make(chan struct{})
			var more atomic.Int64
			b := upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
				readRequest(read)
				_, _ = io.WriteString(conn, shortAnswer)
				<-now
				then(conn)
				close(done)
				n, _ := io.Copy(io.Discard, read)
				more.Add(n)
			})
			c := b.dial()
			b.use(c)
			close(now)
			testrig.Await(t, "the Upstream", done)
			testrig.Eventually(t, "it to arrive", func() bool { return !c.link.sound() })
			_, err := b.pool.Get().RoundTrip(plainGet())
			wantStage(t, err, Unsent)
			if n := more.Load(); n != 0 || b.pool.count() != 0 {
				t.Errorf("%d bytes were sent all the same; %d connections are kept", n, b.pool.count())
			}
		})
	}
}

func TestPoolGrowsNoFurther(t *testing.T) {
	b := answering(t, shortAnswer)
	kept := &Conn{}
	b.pool.mu.Lock()
	for range maxIdle {
		b.pool.unused = append(b.pool.unused, kept)
	}
	b.pool.mu.Unlock()
	b.use(b.dial())
	if b.pool.count() != 0 {
		t.Error("a connection too many was kept")
	}
	b.pool.mu.Lock()
	b.pool.unused = nil
	b.pool.mu.Unlock()
}

func TestLongAnswersAreRemembered(t *testing.T) {
	p := NewPool(&Watchdog{}, 0)
	for _, c := range []struct {
		length int64
		long   bool
	}{{100, false}, {1 << 20, true}, {1 << 20, true}, {smallBuffer - headRoom - tailRoom, false}, {smallBuffer - headRoom - tailRoom + 1, true}} {
		if p.noteLength(c.length); p.large.Load() != c.long {
			t.Errorf("after %d bytes: %v", c.length, p.large.Load())
		}
	}
}
