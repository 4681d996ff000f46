package e2e

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"testing"
)

// echo is an engine that repeats one line for each connection and hangs up.
func echo(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "engine.sock")
	listener, err := net.Listen("unix", socket)
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() { // ends with the listener
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
					_, _ = fmt.Fprint(conn, line)
				}
			}()
		}
	}()
	return socket
}

func ask(conn net.Conn) (string, error) {
	if _, err := fmt.Fprintln(conn, "hello"); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

func TestSocketProxyIsCutAndRestored(t *testing.T) {
	p, err := newSocketProxy(t.TempDir(), echo(t))
	must(t, err)
	socket := filepath.Join(p.dir, socketName)
	for round := range 2 {
		whole, err := net.Dial("unix", socket)
		must(t, err)
		if got, err := ask(whole); got != "hello\n" {
			t.Errorf("round %d: got %q, %v through the proxy", round, got, err)
		}
		cutOff, err := net.Dial("unix", socket)
		must(t, err)
		must(t, p.cut())
		if got, err := ask(cutOff); err == nil {
			t.Errorf("round %d: got %q through a connection that was cut", round, got)
		}
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			t.Errorf("round %d: connected to a proxy that was cut", round)
		}
		must(t, p.restore())
	}
	must(t, p.cut())
}
