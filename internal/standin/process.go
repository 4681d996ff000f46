package standin

import (
	"context"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/rota-proxy/rota/internal/whoami"
)

// The exit codes an engine reports.
const (
	exitClean  = 0
	exitFailed = 1
	exitKilled = 137 // 128 + SIGKILL
)

// process is what runs in a started container: a whoami server.
type process struct {
	endpoint string // id of its attachment to the host's network
	server   *whoami.Server
	freezer  *freezer
	ctx      context.Context    // ends with SIGTERM
	term     context.CancelFunc //
	ended    chan struct{}      // closed after the events of its end were sent

	mu     sync.Mutex
	killed bool
}

// newProcess is not running yet; parent's end terminates it.
func newProcess(parent context.Context, name string, l whoami.Leave) *process {
	p := &process{endpoint: newID(), freezer: newFreezer(), ended: make(chan struct{})}
	p.server = whoami.NewServer(p.freezer.wrap(whoami.Handler(name)), l)
	p.ctx, p.term = context.WithCancel(parent)
	return p
}

// run serves until a signal ends it and returns the exit code.
func (p *process) run(ln net.Listener) int {
	defer p.term()
	err := p.server.Serve(p.ctx, ln)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.killed:
		return exitKilled
	case err != nil:
		return exitFailed
	}
	return exitClean
}

func (p *process) kill() {
	p.mu.Lock()
	p.killed = true
	p.mu.Unlock()
	p.server.Kill()
}

// pid is this process's: there is no other.
func (c *container) pid() int {
	if c.process == nil {
		return 0
	}
	return os.Getpid()
}

// freezer stops requests from being handled while a container is paused:
// connections are accepted, as the kernel does for a frozen process, and nobody
// answers.
type freezer struct {
	mu     sync.Mutex
	thawed chan struct{} // closed while not frozen
}

func newFreezer() *freezer {
	f := &freezer{thawed: make(chan struct{})}
	close(f.thawed)
	return f
}

// freeze must not be called twice without a thaw between.
func (f *freezer) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.thawed = make(chan struct{})
}

// thaw must only be called when frozen.
func (f *freezer) thaw() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.thawed)
}

func (f *freezer) wait(ctx context.Context) bool {
	f.mu.Lock()
	thawed := f.thawed
	f.mu.Unlock()
	select {
	case <-thawed:
		return true
	case <-ctx.Done():
		return false
	}
}

// wrap waits before and after h, so that a request that was running when the
// container was paused is not answered either.
func (f *freezer) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.wait(r.Context()) {
			h.ServeHTTP(w, r)
			f.wait(r.Context())
		}
	})
}
