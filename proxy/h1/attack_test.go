package h1

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// sluggish takes longer than a tick for its first look.
type sluggish struct{ looks atomic.Int64 }

func (s *sluggish) look(int64) {
	if s.looks.Add(1) == 1 {
		time.Sleep(3 * tick)
	}
}

// A round may take long, on a machine that has other things to do. It must not be
// the last.
func TestWatchdogOutlivesALongRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dog Watchdog
		var s sluggish
		dog.add(&s)
		time.Sleep(20 * tick)
		if n := s.looks.Load(); n < 10 {
			t.Errorf("looked %d times in 20 ticks", n)
		}
		dog.remove(&s)
		time.Sleep(2 * tick)
	})
}

// tcpPair is the two ends of a connection.
func tcpPair(t *testing.T) (ours, theirs *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

// What the Upstream has got was written, even if the socket had no room for it at
// first: else a POST would be sent twice.
func TestWrittenLateIsWritten(t *testing.T) {
	if !rawIO {
		t.Skip("sockets are not written by hand here")
	}
	ours, theirs := tcpPair(t)
	filled := 0
	raw, _ := ours.SyscallConn()
	_ = raw.Control(func(fd uintptr) {
		for piece := make([]byte, 4096); ; {
			n, err := syscall.Write(int(fd), piece) // what the request before has left to send
			if err != nil {
				return
			}
			filled += n
		}
	})
	const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
	got := make(chan string, 1)
	go func() {
		_, _ = io.CopyN(io.Discard, theirs, int64(filled))
		p := make([]byte, len(head)+2)
		n, _ := io.ReadFull(theirs, p)
		got <- string(p[:n])
		theirs.Close() // it has acted, and dies
	}()
	conn := NewPool(&Watchdog{}, 0).Adopt(ours)
	_, err := conn.RoundTrip(&Request{Head: RequestHead{Method: "POST", Target: "/", Host: "a", Length: 2}, Body: []byte("hi"), Timeout: 5 * time.Second})
	if s := <-got; s != head+"hi" {
		t.Fatalf("the Upstream got %q", s)
	}
	var e *ExchangeError
	if !errors.As(err, &e) || e.Stage == Unsent {
		t.Errorf("the error is %v, its stage %d: the request counts as not sent", err, e.Stage)
	}
}

// Who has said close sends nothing more on a connection (RFC 9112 section 9.6),
// whether or not the other side repeats it.
func TestCloseIsKept(t *testing.T) {
	ours, theirs := tcpPair(t)
	go func() {
		_, _ = theirs.Read(make([]byte, 1024))
		_, _ = io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}()
	pool := NewPool(&Watchdog{}, 0)
	answer, err := pool.Adopt(ours).RoundTrip(&Request{Head: RequestHead{Method: "GET", Target: "/", Host: "a", Close: true}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Close()
	if pool.Get() != nil {
		t.Error("the connection is used again")
	}
}

// A request that comes while its connection is being closed is not begun: nobody
// could be told how it ended.
func TestTooLateForARequest(t *testing.T) {
	var c serverConn
	c.phase.Store(closing)
	if c.awake() {
		t.Error("a request is begun on a connection that is being closed")
	}
}

// The Watchdog's look at an idle connection may come when it is idle no more.
func TestLookAgainSparesARequest(t *testing.T) {
	bodies := make(chan error, 1)
	server := &Server{Inline: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			(*serverConn)(ClientOf(r)).lookAgain() // decided on before the request came
			_, err := io.ReadAll(r.Body)
			bodies <- err
		}
	})}
	ours, theirs := tcpPair(t)
	go server.ServeConn(theirs, nil)
	_, _ = io.WriteString(ours, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	go func() {
		time.Sleep(50 * time.Millisecond)
		_, _ = io.Copy(ours, strings.NewReader("2\r\nhi\r\n0\r\n\r\n"))
	}()
	if err := <-bodies; err != nil {
		t.Errorf("reading the body: %v", err)
	}
	server.Close()
}
