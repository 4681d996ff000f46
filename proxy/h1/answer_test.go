package h1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

// answers are whole messages of every kind of body.
type answerCase struct {
	method string // GET if empty
	wire   string
	body   string
	ends   bool // with the connection
}

func answerCases() map[string]answerCase {
	long := strings.Repeat("0123456789", 30<<10/10)
	return map[string]answerCase{
		"sized":               {wire: ok("Content-Length: 5") + "hello", body: "hello"},
		"empty":               {wire: ok("Content-Length: 0")},
		"long":                {wire: ok(fmt.Sprintf("Content-Length: %d", len(long))) + long, body: long},
		"chunked":             {wire: ok("Transfer-Encoding: chunked") + "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", body: "hello world"},
		"no chunk":            {wire: ok("Transfer-Encoding: chunked") + "0\r\n\r\n"},
		"long chunk":          {wire: ok("Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(long), long), body: long},
		"trailers":            {wire: ok("Transfer-Encoding: chunked", "Trailer: A") + "2\r\nhi\r\n0\r\nA: b\r\n\r\n", body: "hi"},
		"until close":         {wire: ok() + "hello", body: "hello", ends: true},
		"nothing until close": {wire: ok(), ends: true},
		"long until close":    {wire: ok() + long, body: long, ends: true},
		"close":               {wire: ok("Connection: close", "Content-Length: 2") + "hi", body: "hi", ends: true},
		"1.0":                 {wire: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", body: "hi", ends: true},
		"HEAD":                {method: http.MethodHead, wire: ok("Content-Length: 5")},
		"HEAD chunked":        {method: http.MethodHead, wire: ok("Transfer-Encoding: chunked")},
		"HEAD bare":           {method: http.MethodHead, wire: ok()},
		"204":                 {wire: "HTTP/1.1 204 No Content\r\n\r\n"},
		"304":                 {wire: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
		"interim":             {wire: "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + ok("Content-Length: 2") + "hi", body: "hi"},
	}
}

// sendPieces writes text so that it arrives in pieces: the other side is waiting
// for more whenever something is sent.
func sendPieces(conn *net.TCPConn, text string, ends ...int) {
	from := 0
	for _, to := range append(ends, len(text)) {
		if _, err := io.WriteString(conn, text[from:to]); err != nil {
			return
		}
		from = to
	}
}

// exchangeCase has a case answered and checks all that is known of it.
func exchangeCase(t *testing.T, b *back, c answerCase) {
	t.Helper()
	r := plainGet()
	if c.method != "" {
		r.Head.Method = c.method
	}
	conn := b.conn()
	a, err := conn.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	a.Stall = testrig.Patience
	body, err := readAnswer(a)
	if err != nil || body != c.body {
		t.Fatalf("got %d bytes, error %v; want %d bytes", len(body), err, len(c.body))
	}
	if n := a.Length(); n >= 0 && n != int64(len(body)) {
		t.Errorf("the length is said to be %d", n)
	}
	a.Close()
	if kept := b.pool.countUnused() == 1; kept == c.ends {
		t.Errorf("the connection was kept: %v", kept)
	}
}

func TestAnswers(t *testing.T) {
	for name, c := range answerCases() {
		t.Run(name, func(t *testing.T) {
			b := upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
				for readRequest(read) != nil {
					sendPieces(conn, c.wire)
					if c.ends {
						return
					}
				}
			})
			for range 3 {
				exchangeCase(t, b, c)
			}
		})
	}
}

// Every answer is understood however it is cut into pieces.
func TestAnswersInPieces(t *testing.T) {
	for name, c := range answerCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cut := 0
			cuts := make(chan int, 1)
			b := upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
				_ = conn.SetNoDelay(true)
				for readRequest(read) != nil {
					if at := <-cuts; at < 0 {
						sendPieces(conn, c.wire, indices(min(len(c.wire), 300))...)
					} else {
						sendPieces(conn, c.wire, at)
					}
					if c.ends {
						return
					}
				}
			})
			for cut = -1; cut <= min(len(c.wire), 300); cut++ {
				cuts <- cut
				exchangeCase(t, b, c)
			}
		})
	}
}

// indices are the places to cut the first n bytes into single ones.
func indices(n int) []int {
	list := make([]int, 0, n)
	for i := 1; i < n; i++ {
		list = append(list, i)
	}
	return list
}

// An Upstream that fails at any byte of its answer is noticed, whether it resets
// the connection or closes it, and what is whole is whole.
func TestAnswersCutEverywhere(t *testing.T) {
	for name, c := range answerCases() {
		for _, rude := range []bool{false, true} {
			if c.method == http.MethodHead || len(c.wire) > 1000 {
				continue
			}
			t.Run(fmt.Sprint(name, " rude ", rude), func(t *testing.T) {
				t.Parallel()
				cuts := make(chan int, 1)
				b := once(t, func(conn *net.TCPConn) {
					_, _ = io.WriteString(conn, c.wire[:<-cuts])
					if rude {
						resetConn(conn)
					}
				})
				for at := range c.wire {
					cuts <- at
					checkCut(t, b, c, at, rude)
				}
			})
		}
	}
}

func checkCut(t *testing.T, b *back, c answerCase, at int, rude bool) {
	t.Helper()
	head := strings.LastIndex(c.wire[:strings.LastIndex(c.wire, "HTTP/1.")+1], "H") + strings.Index(c.wire[strings.LastIndex(c.wire, "HTTP/1."):], "\r\n\r\n") + 4
	a, err := b.dial().RoundTrip(plainGet())
	var failed *ExchangeError
	switch {
	case err == nil && at < head:
		t.Fatalf("cut at %d of %d, in the head: no error", at, head)
	case errors.As(err, &failed):
		// A reset may overtake what was sent before it.
		if at == 0 && failed.Stage != Unanswered || at > 0 && !rude && (failed.Stage != Answering || at >= head) || failed.Stage == Unsent {
			t.Fatalf("cut at %d of %d: stage %d, %v", at, head, failed.Stage, err)
		}
		return
	case err != nil:
		t.Fatalf("cut at %d: %v", at, err)
	}
	a.Stall = testrig.Patience
	body, err := readAnswer(a)
	untilClose := a.length == UntilClose
	if err == nil && (rude || !untilClose) || err != nil && untilClose && !rude || !strings.HasPrefix(c.body, body) {
		t.Fatalf("cut at %d: got %q, error %v", at, body, err)
	}
	a.Close()
	if b.pool.count() != 0 {
		t.Fatalf("cut at %d: the connection is kept", at)
	}
}

// What comes behind an answer must not become the next one's.
func TestBytesBehindAnAnswer(t *testing.T) {
	for name, c := range map[string]answerCase{
		"sized":          {wire: ok("Content-Length: 2") + "hi" + ok("Content-Length: 0"), body: "hi"},
		"chunked":        {wire: ok("Transfer-Encoding: chunked") + "0\r\n\r\nx"},
		"HEAD with body": {method: http.MethodHead, wire: ok("Content-Length: 5") + "hello"},
		"204 with body":  {wire: "HTTP/1.1 204 No Content\r\n\r\nhello"},
		"304 with body":  {wire: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello"},
	} {
		t.Run(name, func(t *testing.T) {
			c.ends = true
			exchangeCase(t, answering(t, c.wire), c)
		})
	}
}

// An answer that is not read to its end ends the connection.
func TestUnreadAnswer(t *testing.T) {
	b := answering(t, shortAnswer)
	a := b.get(b.dial())
	a.Close()
	if b.pool.count() != 0 {
		t.Error("the connection is kept, with the rest of an answer on it")
	}
}

func TestBodyStall(t *testing.T) {
	t.Parallel()
	for _, wire := range []string{ok("Content-Length: 5") + "he", ok("Transfer-Encoding: chunked") + "5\r\nhe", ok() + "he"} {
		b := once(t, func(conn *net.TCPConn) {
			_, _ = io.WriteString(conn, wire)
			_, _ = io.Copy(io.Discard, conn)
		})
		a := b.get(b.dial())
		a.Stall = 10 * time.Millisecond
		if body, err := readAnswer(a); body != "he" || !errors.Is(err, ErrTimeout) {
			t.Errorf("got %q, error %v", body, err)
		}
		if _, err := a.Next(); !errors.Is(err, ErrTimeout) {
			t.Errorf("asked again, it says %v", err)
		}
		a.Close()
	}
}

func TestAnswerFields(t *testing.T) {
	b := answering(t, ok("A: 1", "a: 2", "Content-Length: 0", "X-Long-Name:  v "))
	a := b.get(b.dial())
	defer a.Close()
	if got := string(a.Value("a")); got != "1" {
		t.Errorf("the first A is %q", got)
	}
	if a.Value("b") != nil || string(a.Value("x-long-name")) != "v" {
		t.Error("a value is wrong")
	}
	if h := a.Header(); len(h["A"]) != 2 || h["A"][1] != "2" || h.Get("Content-Length") != "0" {
		t.Errorf("the header is %v", h)
	}
	if a.Status() != 200 || a.Upgraded() || a.Trailer() != nil {
		t.Error("status, upgrade or trailer is wrong")
	}
}

func TestAnswerTrailer(t *testing.T) {
	b := answering(t, ok("Transfer-Encoding: chunked")+"2\r\nhi\r\n0\r\nA: 1\r\nA: 2\r\n\r\n")
	a := b.get(b.dial())
	defer a.Close()
	if a.Trailer() != nil {
		t.Error("there is a trailer before the body was read")
	}
	if _, err := readAnswer(a); err != nil {
		t.Fatal(err)
	}
	if got := a.Trailer()["A"]; len(got) != 2 || got[1] != "2" {
		t.Errorf("the trailer is %v", a.Trailer())
	}
}

func TestAnswerHijack(t *testing.T) {
	b := once(t, func(conn *net.TCPConn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly")
		_, _ = io.Copy(conn, conn)
	})
	r := plainGet()
	r.Head.Upgrade = "x"
	a, err := b.dial().RoundTrip(r)
	if err != nil || !a.Upgraded() {
		t.Fatalf("no upgrade: %v", err)
	}
	conn, err := a.Hijack()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	a.Close()
	if b.pool.count() != 0 {
		t.Error("the connection is still the Pool's")
	}
	_, _ = io.WriteString(conn, " late")
	back := make([]byte, len("early late"))
	_ = conn.SetDeadline(time.Now().Add(testrig.Patience))
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != "early late" {
		t.Errorf("got %q, error %v", back, err)
	}
}

// As long as the request is being sent there is no other protocol.
func TestNoHijackDuringAnUpload(t *testing.T) {
	b := upstream(t, func(conn *net.TCPConn, read *bufio.Reader) {
		if _, err := http.ReadRequest(read); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
			_, _ = io.Copy(io.Discard, read)
		}
	})
	from, to := io.Pipe()
	defer to.Close()
	r := post(from, ChunkedBody)
	a, err := b.dial().RoundTrip(r)
	if err != nil || !a.Upgraded() {
		t.Fatalf("no upgrade: %v", err)
	}
	if _, err := a.Hijack(); err == nil {
		t.Error("the connection is given away while it is written to")
	}
	a.Close()
	if testrig.Await(t, "the stream's end", r.Stream.(*stream).closed); b.pool.count() != 0 {
		t.Error("the connection is kept")
	}
}

// 101 that is not hijacked is not kept.
func TestUpgradeThatNobodyWants(t *testing.T) {
	b := answering(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
	r := plainGet()
	r.Head.Upgrade = "x"
	a, err := b.dial().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if a.Close(); b.pool.count() != 0 {
		t.Error("the connection is kept")
	}
}
