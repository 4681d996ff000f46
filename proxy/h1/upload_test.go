package h1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

// stream is a body that says when it was closed.
type stream struct {
	io.Reader
	closed chan struct{}
}

func newStream(r io.Reader) *stream { return &stream{r, make(chan struct{})} }

func (s *stream) Close() error {
	select {
	case <-s.closed:
		return nil
	default:
	}
	close(s.closed)
	if c, ok := s.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// post is a request with a stream; a length below 0 makes it chunked.
func post(body io.Reader, length int64) *Request {
	r := plainGet()
	r.Head.Method, r.Head.Length, r.Stream = http.MethodPost, max(length, ChunkedBody), newStream(body)
	return r
}

// receiving gives every request it has read to the channel and answers it.
func receiving(t testing.TB) (*back, <-chan *http.Request) {
	got := make(chan *http.Request, 1)
	return upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
		for r := readRequest(read); r != nil; r = readRequest(read) {
			got <- r
			_, _ = io.WriteString(conn, shortAnswer)
		}
	}), got
}

func TestUploads(t *testing.T) {
	b, got := receiving(t)
	for _, size := range []int{1, 100, smallBuffer - 1, smallBuffer, smallBuffer + 1, 100 << 10, 3 << 20} {
		text := strings.Repeat("x", size)
		for _, length := range []int64{int64(size), ChunkedBody} {
			r := post(strings.NewReader(text), length)
			a, err := b.conn().RoundTrip(r)
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			seen := testrig.Await(t, "the request", got)
			if body, _ := io.ReadAll(seen.Body); string(body) != text || (seen.ContentLength < 0) != (length < 0) {
				t.Errorf("of %d bytes came %d, length %d", size, len(body), seen.ContentLength)
			}
			_, _ = readAnswer(a)
			u := a.conn.upload
			testrig.Await(t, "the upload", u.done)
			a.Close()
			if testrig.Await(t, "the stream's end", r.Stream.(*stream).closed); b.pool.countUnused() != 1 {
				t.Error("the connection was not kept")
			}
		}
	}
}

func TestUploadTrailers(t *testing.T) {
	b, got := receiving(t)
	r := post(strings.NewReader("hello"), ChunkedBody)
	r.Head.Trailer = []string{"A"}
	r.Trailer = func() http.Header { return http.Header{"A": {"b"}} }
	a, err := b.dial().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if seen := testrig.Await(t, "the request", got); seen.Trailer.Get("A") != "b" {
		t.Errorf("the trailer is %v", seen.Trailer)
	}
}

// Each piece is sent when it comes.
func TestUploadsAreNotHeldBack(t *testing.T) {
	pieces := make(chan string)
	b := upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
		r, err := http.ReadRequest(read)
		if err != nil {
			return
		}
		for buf := make([]byte, 100); ; {
			n, err := r.Body.Read(buf)
			if n > 0 {
				pieces <- string(buf[:n])
			}
			if err != nil {
				break
			}
		}
		_, _ = io.WriteString(conn, shortAnswer)
	})
	from, to := io.Pipe()
	answered := make(chan *Answer, 1)
	c := b.dial()
	go func() {
		a, _ := c.RoundTrip(post(from, ChunkedBody))
		answered <- a
	}()
	for _, piece := range []string{"a", "bc", "d"} {
		_, _ = io.WriteString(to, piece)
		if got := testrig.Await(t, "a piece", pieces); got != piece {
			t.Errorf("got %q, want %q", got, piece)
		}
	}
	to.Close()
	a := testrig.Await(t, "the answer", answered)
	if a == nil {
		t.Fatal("no answer")
	}
	a.Close()
}

// An answer may come before the body was sent: it is told at once, and the
// connection is of no further use.
func TestEarlyAnswer(t *testing.T) {
	b := upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
		if _, err := http.ReadRequest(read); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
			_, _ = io.Copy(io.Discard, read)
		}
	})
	from, to := io.Pipe()
	defer to.Close()
	r := post(from, 1<<30)
	a, err := b.dial().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := readAnswer(a); err != nil || body != "no" || a.Status() != 413 {
		t.Errorf("got %d %q, error %v", a.Status(), body, err)
	}
	a.Close()
	testrig.Await(t, "the stream's end", r.Stream.(*stream).closed)
	if b.pool.count() != 0 {
		t.Error("the connection is kept")
	}
}

// A client that fails must not make the Upstream take what it has for the whole.
func TestFailedUpload(t *testing.T) {
	for _, length := range []int64{ChunkedBody, 100} {
		whole := make(chan bool, 1)
		b := upstream(t, func(_ *net.TCPConn, read *bufio.Reader) { whole <- readRequest(read) != nil })
		failing := io.MultiReader(strings.NewReader("some"), &failingReader{io.ErrUnexpectedEOF})
		_, err := b.dial().RoundTrip(post(failing, length))
		wantStage(t, err, Unanswered)
		if testrig.Await(t, "the Upstream", whole) {
			t.Error("the Upstream took it for a whole request")
		}
	}
}

type failingReader struct{ err error }

func (r *failingReader) Read([]byte) (int, error) { return 0, r.err }

// The wait for an answer begins anew with every piece that is sent.
func TestUploadExtendsTheTimeout(t *testing.T) {
	t.Parallel()
	b, got := receiving(t)
	from, to := io.Pipe()
	go func() {
		beat := time.NewTicker(20 * time.Millisecond)
		defer beat.Stop()
		for range 20 {
			<-beat.C
			_, _ = io.WriteString(to, "x")
		}
		to.Close()
	}()
	r := post(from, 20)
	r.Timeout = 200 * time.Millisecond
	a, err := b.dial().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	testrig.Await(t, "the request", got)
	a.Close()
}

// expecting answers the head of a request as told, and then its body.
func expecting(t testing.TB, begin string) (*back, <-chan string) {
	bodies := make(chan string, 1)
	return upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
		r, err := http.ReadRequest(read)
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, begin)
		var body bytes.Buffer
		_, err = body.ReadFrom(r.Body)
		bodies <- body.String()
		if err == nil && !strings.Contains(begin, " 417 ") {
			_, _ = io.WriteString(conn, shortAnswer)
		}
	}), bodies
}

func TestAwaitContinue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		begin, body string
		status      int
		least, most time.Duration
	}{
		"100":       {"HTTP/1.1 100 Continue\r\n\r\n", "hello", 200, 0, continueWait / 2},
		"100 twice": {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", "hello", 200, 0, continueWait / 2},
		"silence":   {"", "hello", 200, continueWait, testrig.Patience},
		"refused":   {"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", "", 417, 0, continueWait / 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, bodies := expecting(t, c.begin)
			r := post(strings.NewReader("hello"), 5)
			r.AwaitContinue = true
			r.Head.Fields = []Field{{"Expect", "100-continue"}}
			began := time.Now()
			a, err := b.dial().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < c.least || took > c.most {
				t.Errorf("it took %v", took)
			}
			if a.Status() != c.status {
				t.Errorf("status %d", a.Status())
			}
			_, _ = readAnswer(a)
			a.Close()
			if body := testrig.Await(t, "the body", bodies); body != c.body {
				t.Errorf("the body was %q", body)
			}
		})
	}
}

// An Upstream that takes nothing of the body does not keep an interrupt from
// ending the exchange.
func TestInterruptDuringUpload(t *testing.T) {
	release := make(chan struct{})
	b := upstream(t, func(_ *net.TCPConn, read *bufio.Reader) {
		_, _ = http.ReadRequest(read)
		<-release
	})
	defer close(release)
	c := b.dial()
	sent := &counting{full: make(chan struct{})}
	failed := make(chan error, 1)
	go func() { _, err := c.RoundTrip(post(sent, 1<<40)); failed <- err }()
	testrig.Await(t, "megabytes to be sent", sent.full)
	c.Interrupt()
	wantStage(t, testrig.Await(t, "the end", failed), Unanswered)
}

// counting is a body without an end that says when much of it was read.
type counting struct {
	n    int
	full chan struct{}
}

func (c *counting) Read(p []byte) (int, error) {
	if c.n < 1<<20 && c.n+len(p) >= 1<<20 {
		close(c.full)
	}
	c.n += len(p)
	return len(p), nil
}

// An interim response that comes in the middle of a long upload takes nothing from
// the time for the answer: that begins anew with every piece.
func TestInterimDuringAnUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 10 * time.Second
		ours, theirs := net.Pipe()
		pool := NewPool(&Watchdog{}, 0)
		from, to := io.Pipe()
		go func() { // the Upstream
			defer theirs.Close()
			testrig.ReadHead(theirs)
			body := make([]byte, 1)
			for i := range 4 {
				_, _ = io.ReadFull(theirs, body)
				if i == 2 {
					_, _ = io.WriteString(theirs, "HTTP/1.1 102 Processing\r\n\r\n")
				}
			}
			time.Sleep(limit * 2 / 3) // of the bubble's clock
			_, _ = io.WriteString(theirs, shortAnswer)
		}()
		go func() { // the client
			for range 4 {
				time.Sleep(limit * 2 / 3)
				_, _ = io.WriteString(to, "x")
			}
			to.Close()
		}()
		r := post(from, 4)
		r.Timeout = limit
		a, err := pool.Adopt(ours).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := readAnswer(a); err != nil || body != "ok" {
			t.Errorf("got %q, %v", body, err)
		}
		a.Close()
		pool.CloseIdle()
	})
}
