// Package standin is an engine for machines that have none: it speaks the part
// of the Docker Engine API that rota reads, on a unix socket, and its containers
// are whoami servers inside this process, modelled as containers on the host's
// network. `rota demo` shows the very same discovery and proxying with it.
//
// What can be read: /_ping, /version, /events, /containers/json,
// /containers/{id}/json and /networks, with or without a version in front.
// Nothing can be changed through the socket; that is what the methods of
// [Engine] are for. Events come in the order, and with the attributes, in which
// an engine (20.10) was seen to send them.
package standin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/whoami"
)

// longestSocketPath is what every system takes: 104 bytes on the BSDs and
// macOS, 108 on Linux, both with a closing zero.
const longestSocketPath = 103

// Engine is a running stand-in. All methods may be called from any goroutine.
type Engine struct {
	log     zerolog.Logger
	folder  string // private, holds the socket only
	socket  string
	journal *journal
	started time.Time

	open    context.Context // ends with Close
	close   context.CancelFunc
	running sync.WaitGroup // the API server and the containers' processes

	mu         sync.Mutex
	containers map[string]*container // by id
	order      int                   // of creation, for lists
}

// New starts a stand-in whose socket is in a new private folder below dir;
// empty means the system's folder for temporary files. Close removes it.
func New(dir string, log zerolog.Logger) (*Engine, error) {
	folder, err := socketFolder(dir)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		log: log, folder: folder, socket: filepath.Join(folder, "engine.sock"),
		journal: newJournal(), started: time.Now(), containers: map[string]*container{},
	}
	e.open, e.close = context.WithCancel(context.Background())
	ln, err := net.Listen("unix", e.socket)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening for the stand-in engine: %w", err), os.RemoveAll(folder))
	}
	e.running.Go(func() { e.serve(ln) })
	return e, nil
}

// socketFolder makes a folder that only this user can enter (the socket has no
// other guard). A long TMPDIR, as macOS has them, must not break the socket.
func socketFolder(dir string) (string, error) {
	folder, err := os.MkdirTemp(dir, "rota-engine-")
	if err != nil {
		return "", fmt.Errorf("making a folder for the stand-in engine's socket: %w", err)
	}
	if len(filepath.Join(folder, "engine.sock")) <= longestSocketPath || dir == "/tmp" {
		return folder, nil
	}
	if err := os.Remove(folder); err != nil {
		return "", fmt.Errorf("removing a folder with too long a name: %w", err)
	}
	return socketFolder("/tmp")
}

func (e *Engine) serve(ln net.Listener) {
	api := whoami.NewServer(e.handler(), whoami.Leave{AtOnce: true})
	if err := api.Serve(e.open, ln); err != nil {
		e.log.Error().Err(err).Msg("the stand-in engine stopped answering")
	}
}

// Host is where clients find it: unix:///….
func (e *Engine) Host() string { return "unix://" + e.socket }

// Close kills every container, ends every connection, removes the socket and
// returns when nothing is left running. It may be called more than once.
func (e *Engine) Close() error {
	e.close()
	e.killAll()
	e.running.Wait()
	if err := os.RemoveAll(e.folder); err != nil {
		return fmt.Errorf("removing the stand-in engine's socket: %w", err)
	}
	return nil
}

func (e *Engine) killAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		c.release()
		if c.process != nil {
			c.process.kill()
		}
	}
}
