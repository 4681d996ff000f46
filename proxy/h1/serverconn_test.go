package h1

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

// TestSurplusBehindTheLastRequest: to close a connection on which bytes wait that
// nobody reads resets it, and whatever of the answer is still under way is lost.
func TestSurplusBehindTheLastRequest(t *testing.T) {
	const size = 1 << 20
	for _, inline := range []bool{false, true} {
		t.Run(fmt.Sprintf("inline %t", inline), func(t *testing.T) {
			began := make(chan struct{})
			client := dialServer(t, &Server{Inline: inline, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				<-began
				w.Header().Set("Content-Length", fmt.Sprint(size))
				_, _ = io.WriteString(w, strings.Repeat("x", size))
			})})
			if err := client.SetReadBuffer(64 << 10); err != nil {
				t.Fatal(err)
			}
			head := "GET / HTTP/1.1\r\nHost: t.test\r\nConnection: close\r\n\r\n"
			if _, err := io.WriteString(client, head+strings.Repeat("y", 64<<10)); err != nil {
				t.Fatal(err)
			}
			close(began)
			answer, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if n, err := io.Copy(io.Discard, answer.Body); err != nil || n != size {
				t.Errorf("%d of %d bytes of the answer came: %v", n, size, err)
			}
		})
	}
}

// TestNoSurplus: a client that has sent nothing more is not lingered for.
func TestNoSurplus(t *testing.T) {
	theirs, ours := tcpPair(t)
	c := newServerConn(&Server{}, ours)
	if c.link.raw != nil && c.surplus() {
		t.Error("there seems to be a surplus where nothing was sent")
	}
	if _, err := io.WriteString(theirs, "more"); err != nil {
		t.Fatal(err)
	}
	testrig.Eventually(t, "the surplus", c.surplus)
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
	looked, bodies := make(chan struct{}), make(chan error, 1)
	server := &Server{Inline: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			(*serverConn)(ClientOf(r)).lookAgain() // decided on before the request came
			close(looked)
			_, err := io.ReadAll(r.Body)
			bodies <- err
		}
	})}
	client := dialServer(t, server)
	_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	testrig.Await(t, "the look", looked)
	_, _ = io.WriteString(client, "2\r\nhi\r\n0\r\n\r\n")
	if err := testrig.Await(t, "the body", bodies); err != nil {
		t.Errorf("reading the body: %v", err)
	}
}

// dialServer is a client's connection to s.
func dialServer(t *testing.T, s *Server) *net.TCPConn {
	t.Helper()
	theirs, ours := tcpPair(t)
	var served sync.WaitGroup
	served.Go(func() { s.ServeConn(ours, nil) })
	t.Cleanup(func() {
		theirs.Close()
		served.Wait()
	})
	_ = theirs.SetDeadline(time.Now().Add(testrig.Patience))
	return theirs
}
