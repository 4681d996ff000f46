package e2e

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// socketProxy forwards a unix socket in a folder of its own to another one, and
// can be cut: the connection to the engine is lost while the engine goes on. A
// container mounts the folder, not the socket, so that it sees the socket go
// and return.
type socketProxy struct {
	dir    string
	target string

	mu       sync.Mutex
	listener net.Listener // nil while cut
	open     map[net.Conn]struct{}
	running  sync.WaitGroup
}

// socketName is the name of the socket inside the folder.
const socketName = "docker.sock"

// newSocketProxy forwards dir/docker.sock to the socket target. Close it with
// cut.
func newSocketProxy(dir, target string) (*socketProxy, error) {
	p := &socketProxy{dir: dir, target: target, open: map[net.Conn]struct{}{}}
	return p, p.restore()
}

// restore listens (again).
func (p *socketProxy) restore() error {
	path := filepath.Join(p.dir, socketName)
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("listening in place of the engine: %w", err)
	}
	// Whoever runs the tests owns it; rota's root has no capability to pass
	// over permissions.
	if err := os.Chmod(path, 0o666); err != nil {
		return fmt.Errorf("opening the socket to all: %w", err)
	}
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	p.running.Go(func() { p.accept(listener) })
	return nil
}

// cut closes every connection and the socket, and returns when nothing is
// forwarded any more.
func (p *socketProxy) cut() error {
	p.mu.Lock()
	listener := p.listener
	p.listener = nil
	for conn := range p.open {
		_ = conn.Close()
	}
	p.mu.Unlock()
	if listener == nil {
		return nil
	}
	err := listener.Close()
	p.running.Wait()
	if errors.Is(err, fs.ErrNotExist) { // the folder went first
		return nil
	}
	return err
}

func (p *socketProxy) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.forward(conn) })
	}
}

func (p *socketProxy) forward(client net.Conn) {
	engine, err := net.Dial("unix", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	defer p.forget(client, engine)
	if !p.remember(client, engine) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pour(engine, client) })
	both.Go(func() { pour(client, engine) })
	both.Wait()
}

// pour copies until from ends, and passes the end on.
func pour(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.(*net.UnixConn).CloseWrite()
}

// remember says no when the proxy was cut meanwhile.
func (p *socketProxy) remember(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.open[conn] = struct{}{}
	}
	return p.listener != nil
}

func (p *socketProxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
		delete(p.open, conn)
	}
}
