package h1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

// once is an Upstream that gives each connection's first request to then.
func once(t testing.TB, then func(conn *net.TCPConn)) *back {
	return upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
		if readRequest(read) != nil {
			then(conn)
		}
	})
}

func TestStages(t *testing.T) {
	for name, c := range map[string]struct {
		then  func(conn *net.TCPConn)
		stage Stage
	}{
		"closed":          {func(*net.TCPConn) {}, Unanswered},
		"reset":           {func(conn *net.TCPConn) { resetConn(conn) }, Unanswered},
		"first byte":      {func(conn *net.TCPConn) { _, _ = io.WriteString(conn, "H") }, Answering},
		"cut in the head": {func(conn *net.TCPConn) { _, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nA: b\r\n") }, Answering},
		"no HTTP":         {func(conn *net.TCPConn) { _, _ = io.WriteString(conn, "SSH-2.0-x\r\n\r\n") }, Answering},
		"HTTP/2":          {func(conn *net.TCPConn) { _, _ = io.WriteString(conn, "HTTP/2 200 OK\r\n\r\n") }, Answering},
		"cut after 103":   {func(conn *net.TCPConn) { _, _ = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n\r\nH") }, Answering},
	} {
		t.Run(name, func(t *testing.T) {
			b := once(t, c.then)
			_, err := b.dial().RoundTrip(plainGet())
			wantStage(t, err, c.stage)
			if b.pool.count() != 0 {
				t.Error("the connection is kept")
			}
		})
	}
}

// A connection that the Upstream has reset before the request is written.
func TestRefusedWrite(t *testing.T) {
	for _, used := range []bool{false, true} {
		now := make(chan struct{})
		b := upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
			if used {
				readRequest(read)
				_, _ = io.WriteString(conn, shortAnswer)
			}
			<-now
			resetConn(conn)
		})
		c := b.dial()
		if used {
			b.use(c)
		}
		close(now)
		testrig.Eventually(t, "the reset", func() bool { return presenceOf(c.link.conn) == gone })
		_, err := c.RoundTrip(plainGet())
		wantStage(t, err, Unsent)
	}
}

// What a request may not contain is no matter of the connection's: nothing is
// sent.
func TestRequestThatCannotBeWritten(t *testing.T) {
	b := answering(t, shortAnswer)
	r := plainGet()
	r.Head.Target = "/ x"
	_, err := b.dial().RoundTrip(r)
	var e *ExchangeError
	if err == nil || errors.As(err, &e) || b.pool.count() != 0 {
		t.Errorf("got %v, and %d connections", err, b.pool.count())
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"", "HTTP/1.1 20"} {
		b := once(t, func(conn *net.TCPConn) {
			_, _ = io.WriteString(conn, begin)
			_, _ = io.Copy(io.Discard, conn)
		})
		r := plainGet()
		r.Timeout = 20 * time.Millisecond
		_, err := b.dial().RoundTrip(r)
		if wantStage(t, err, map[bool]Stage{true: Unanswered, false: Answering}[begin == ""]); !errors.Is(err, ErrTimeout) {
			t.Errorf("after %q: %v", begin, err)
		}
	}
}

// A head that drips in has to be there in time as a whole.
func TestTimeoutOfADrippingHead(t *testing.T) {
	t.Parallel()
	b := once(t, func(conn *net.TCPConn) {
		for _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nA: "); err == nil; {
			time.Sleep(2 * time.Millisecond)
			_, err = io.WriteString(conn, "x")
		}
	})
	r := plainGet()
	r.Timeout = 50 * time.Millisecond
	_, err := b.dial().RoundTrip(r)
	if wantStage(t, err, Answering); !errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
}

func TestInterrupt(t *testing.T) {
	got := make(chan struct{})
	b := once(t, func(conn *net.TCPConn) {
		close(got)
		_, _ = io.Copy(io.Discard, conn)
	})
	c := b.dial()
	failed := make(chan error, 1)
	go func() { _, err := c.RoundTrip(plainGet()); failed <- err }()
	testrig.Await(t, "the request", got)
	c.Interrupt()
	err := testrig.Await(t, "the end", failed)
	if wantStage(t, err, Unanswered); errors.Is(err, ErrTimeout) {
		t.Error("an interrupt is no timeout")
	}
	if b.pool.count() != 0 {
		t.Error("an interrupted connection is kept")
	}
}

func TestInterruptBefore(t *testing.T) {
	b := answering(t, shortAnswer)
	c := b.dial()
	c.Interrupt()
	_, err := c.RoundTrip(plainGet())
	wantStage(t, err, Unsent)
}

// interims collects interim responses.
type interims struct {
	got  []string
	fail error
}

func (i *interims) Interim(status int, header http.Header) error {
	i.got = append(i.got, fmt.Sprint(status, " ", header.Get("A")))
	return i.fail
}

func TestInterims(t *testing.T) {
	b := answering(t, "HTTP/1.1 103 Early Hints\r\nA: 1\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nA: 2\r\n\r\n"+shortAnswer)
	for _, receive := range []bool{true, false} {
		i := &interims{}
		r := plainGet()
		if receive {
			r.Interim = i
		}
		a, err := b.conn().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := readAnswer(a); err != nil || body != "ok" {
			t.Errorf("got %q, error %v", body, err)
		}
		a.Close()
		if want := []string{"103 1", "102 2"}; receive && !slices.Equal(i.got, want) {
			t.Errorf("got %q, want %q", i.got, want)
		}
	}
	r := plainGet()
	r.Interim = &interims{fail: io.ErrShortWrite}
	_, err := b.conn().RoundTrip(r)
	if wantStage(t, err, Answering); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

func TestInterimsAreCounted(t *testing.T) {
	for n, want := range map[int]error{maxInterims: nil, maxInterims + 1: ErrInterims} {
		b := answering(t, strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", n)+shortAnswer)
		a, err := b.dial().RoundTrip(plainGet())
		if !errors.Is(err, want) {
			t.Errorf("%d interim responses: %v, want %v", n, err, want)
		}
		if err == nil {
			a.Close()
		}
	}
}

// Heads may outgrow the small buffer, up to 256 KiB.
func TestLongAnswerHeads(t *testing.T) {
	for _, length := range []int{smallBuffer - 600, smallBuffer, 20 << 10, 100 << 10, DefaultResponseHeadBytes - 1, DefaultResponseHeadBytes, DefaultResponseHeadBytes + 1} {
		head := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: "
		head += strings.Repeat("x", length-len(head)-len("\r\n\r\n")) + "\r\n\r\n"
		b := answering(t, head+"ok")
		for range 2 {
			a, err := b.conn().RoundTrip(plainGet())
			if length > DefaultResponseHeadBytes {
				if wantStage(t, err, Answering); b.pool.count() != 0 {
					t.Error("the connection is kept")
				}
				break
			}
			if err != nil {
				t.Fatalf("%d bytes: %v", length, err)
			}
			if got := a.Header().Get("A"); len(got) != strings.Count(head, "x") {
				t.Errorf("%d bytes: the value has %d", length, len(got))
			}
			if body, err := readAnswer(a); err != nil || body != "ok" {
				t.Errorf("%d bytes: got %q, error %v", length, body, err)
			}
			a.Close()
		}
	}
}

func TestTooManyAnswerFields(t *testing.T) {
	for n, fits := range map[int]bool{maxAnswerFields: true, maxAnswerFields + 1: false} {
		b := answering(t, "HTTP/1.1 204 No Content\r\n"+strings.Repeat("A: b\r\n", n)+"\r\n")
		a, err := b.dial().RoundTrip(plainGet())
		if (err == nil) != fits {
			t.Errorf("%d fields: %v", n, err)
		}
		if err == nil {
			a.Close()
		}
	}
}

// A request longer than the buffers, and than what the socket takes at once.
func TestLongRequests(t *testing.T) {
	got := make(chan *http.Request, 1)
	b := upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
		for r := readRequest(read); r != nil; r = readRequest(read) {
			got <- r
			_, _ = io.WriteString(conn, shortAnswer)
		}
	})
	for _, size := range []int{0, 100, smallBuffer, 60 << 10, 300 << 10} {
		for _, length := range []int{1, 10 << 10, 8 << 20} {
			r := plainGet()
			body := strings.Repeat("b", length)
			r.Head.Method, r.Head.Length, r.Body = http.MethodPost, int64(length), []byte(body)
			r.Head.Fields = []Field{{"A", strings.Repeat("x", size)}}
			c := b.conn()
			a, err := c.RoundTrip(r)
			if err != nil {
				t.Fatalf("%d and %d bytes: %v", size, length, err)
			}
			seen := testrig.Await(t, "the request", got)
			received, _ := io.ReadAll(seen.Body)
			if len(seen.Header.Get("A")) != size || string(received) != body {
				t.Errorf("of %d and %d bytes came %d and %d", size, length, len(seen.Header.Get("A")), len(received))
			}
			_, _ = readAnswer(a)
			a.Close()
		}
	}
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
