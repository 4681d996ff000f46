package h1

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/internal/testrig"
)

// http2Hello is what a client of HTTP/2 sends first, and something behind it.
const http2Hello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nhello"

// Who takes over a connection may serve it right away.
func TestHTTP2ServedDirectly(t *testing.T) {
	for _, w := range []way{{}, {inline: true}} {
		t.Run(w.String(), func(t *testing.T) {
			f := newFront(t, w, &Server{HTTP2: func(conn net.Conn) {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}})
			for _, split := range []int{0, 1, 14, 23, 24, len(http2Hello)} {
				c := f.dial()
				c.send(http2Hello[:split])
				c.send(http2Hello[split:])
				_ = c.CloseWrite()
				if back, err := io.ReadAll(c.read); err != nil || string(back) != http2Hello {
					t.Errorf("in two parts at %d: got %q, %v", split, back, err)
				}
			}
		})
	}
}

// Without anybody who speaks it, HTTP/2 is refused.
func TestHTTP2Refused(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := handling(t, w, nil).dial()
		c.send(http2Hello)
		if a := c.answer(http.MethodGet); a.StatusCode != http.StatusBadRequest || !a.Close {
			t.Errorf("got %d, close %t", a.StatusCode, a.Close)
		}
		c.wantEnd()
	})
}

// hijacker takes the connection over and sends back what comes on it.
func hijacker(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrHijacked) {
			t.Errorf("writing an answer is possible: %v", err)
		}
		_, _ = both.WriteString("taken\n")
		_ = both.Flush()
		_, _ = io.Copy(conn, both)
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	}
}

var upgrading = simple(http.MethodGet, "/", "Connection: Upgrade", "Upgrade: echo")

func TestHijack(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		f := handling(t, w, hijacker(t))
		for _, early := range []string{"", "early "} {
			c := f.dial()
			c.send(upgrading, early)
			if line, err := c.read.ReadString('\n'); err != nil || line != "taken\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			c.send("late")
			_ = c.conn.(interface{ CloseWrite() error }).CloseWrite()
			if back, err := io.ReadAll(c.read); err != nil || string(back) != early+"late" {
				t.Errorf("got %q, %v", back, err)
			}
		}
	})
}

// A handler that has promised to take over no such connection must not wait for
// ever if it does.
func TestHijackAgainstThePromise(t *testing.T) {
	failed := make(chan error, 1)
	c := handling(t, way{inline: true}, func(w http.ResponseWriter, _ *http.Request) {
		_, _, err := http.NewResponseController(w).Hijack()
		failed <- err
	}).dial()
	c.send(simple(http.MethodGet, "/"))
	if err := testrig.Await(t, "Hijack", failed); err == nil && rawIO {
		t.Error("the connection was given away inside its own read")
	}
	if rawIO {
		c.want(http.StatusOK, "")
	}
}

// Hijack is for those who have not answered yet.
func TestHijackTooLate(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := handling(t, w, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "answer")
			if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrHijacked) {
				t.Errorf("after an answer has begun: %v", err)
			}
		}).dial()
		c.send(upgrading)
		c.want(http.StatusOK, "answer")
	})
}

// Close does not miss a connection that is taken over a moment later.
func TestHijackWhileClosing(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		begun, closed, failed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		f := handling(t, w, func(w http.ResponseWriter, _ *http.Request) {
			close(begun)
			<-closed
			_, _, err := http.NewResponseController(w).Hijack()
			failed <- err
		})
		c := f.dial()
		c.send(upgrading)
		testrig.Await(t, "the request", begun)
		f.Close()
		close(closed)
		if err := testrig.Await(t, "Hijack", failed); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

// What was received before comes first, whoever reads and however.

// What was received before comes first, whoever reads and however.
func TestHandedConn(t *testing.T) {
	for name, read := range map[string]func(c *handedConn) (string, error){
		"Read": func(c *handedConn) (string, error) {
			all, err := io.ReadAll(struct{ io.Reader }{c})
			return string(all), err
		},
		"WriteTo": func(c *handedConn) (string, error) {
			var all strings.Builder
			_, err := c.WriteTo(&all)
			return all.String(), err
		},
	} {
		ours, theirs := tcpPair(t)
		closed := 0
		c := &handedConn{Conn: ours, received: []byte("before "), closed: func() { closed++ }}
		_, _ = fmt.Fprint(theirs, "and after")
		theirs.Close()
		if text, err := read(c); text != "before and after" || err != nil {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		c.Close()
		c.Close()
		if closed != 1 {
			t.Errorf("%s: the end was told %d times", name, closed)
		}
	}
}
