package testrig

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// FreeAddress is one where nobody listens.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// RawServer hands each connection to serve, which owns it until it returns, and
// says where it listens. Connections are cut at the end of the test.
func RawServer(t testing.TB, serve func(*net.TCPConn)) (address string) {
	t.Helper()
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				defer conn.Close()
				serve(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		cancel()
		conns.Wait()
	})
	return l.Addr().String()
}

// ReadHead reads up to the end of a message's head and no further; false if there
// is none.
func ReadHead(from io.Reader) bool {
	var head []byte
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, one...) {
		if _, err := io.ReadFull(from, one); err != nil {
			return false
		}
	}
	return true
}
