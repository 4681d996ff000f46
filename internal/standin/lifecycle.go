package standin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/moby/sys/signal"
)

// stopTimeout is how long Stop waits before it kills, as with an engine.
const stopTimeout = 10 * time.Second

var errClosed = errors.New("the stand-in engine is closed")

// Create makes a container and returns its id. It does not listen yet, but its
// port is its own from now on.
func (e *Engine) Create(r Replica) (id string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open.Err() != nil {
		return "", errClosed
	}
	if err := e.free(r.Name); err != nil {
		return "", err
	}
	c, err := newContainer(r)
	if err != nil {
		return "", err
	}
	e.order++
	c.order = e.order
	e.containers[c.id] = c
	e.tell(c, events.ActionCreate)
	return c.id, nil
}

// free says whether a name may be used; the caller holds the lock.
func (e *Engine) free(name string) error {
	if name == "" {
		return errors.New("a container needs a name")
	}
	for _, c := range e.containers {
		if c.name == name {
			return fmt.Errorf("the container name %q is in use by container %q", "/"+name, c.id)
		}
	}
	return nil
}

// Start does nothing if the container runs.
func (e *Engine) Start(ref string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(ref)
	if err != nil || c.process != nil {
		return err
	}
	if e.open.Err() != nil {
		return errClosed
	}
	ln, err := c.listen()
	if err != nil {
		return err
	}
	p := newProcess(e.open, c.calls, c.leave)
	c.process, c.state, c.started, c.exitCode = p, api.StateRunning, time.Now(), 0
	e.tellNetwork(c, events.ActionConnect)
	e.running.Go(func() { e.exited(c, p, p.run(ln)) })
	e.tell(c, events.ActionStart)
	return nil
}

// exited is the end of a process, whatever caused it.
func (e *Engine) exited(c *container, p *process, code int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.process, c.state, c.finished, c.exitCode = nil, api.StateExited, time.Now(), code
	e.tell(c, events.ActionDie, "exitCode", strconv.Itoa(code))
	e.tellNetwork(c, events.ActionDisconnect)
	close(p.ended)
}

// Kill sends a signal, written as KILL, SIGKILL or 9. KILL returns when the
// container has ended; TERM and INT begin its end in the manner of its Leave; all
// others are only told, for the sample does not heed them.
func (e *Engine) Kill(ctx context.Context, ref, name string) error {
	number, err := signal.ParseSignal(name)
	if err != nil {
		return fmt.Errorf("killing %s: %w", ref, err)
	}
	p, err := e.signal(ref, number)
	if err != nil || number != syscall.SIGKILL {
		return err
	}
	return p.wait(ctx)
}

func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// signal tells first and acts then: an engine was seen to send `kill` at the
// signal and `die` 17–30 ms after it, never the other way round.
func (e *Engine) signal(ref string, number syscall.Signal) (*process, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(ref)
	if err != nil {
		return nil, err
	}
	if c.process == nil {
		return nil, fmt.Errorf("container %s is not running", c.id)
	}
	e.tell(c, events.ActionKill, "signal", strconv.Itoa(int(number)))
	switch number {
	case syscall.SIGKILL:
		c.process.kill()
	case syscall.SIGTERM, syscall.SIGINT:
		e.thaw(c) // a frozen process would never see it
		c.process.term()
	}
	return c.process, nil
}

// Stop sends SIGTERM, and SIGKILL if that took more than 10 s or ctx ends
// before. It does nothing if the container does not run.
func (e *Engine) Stop(ctx context.Context, ref string) error {
	if running, err := e.isRunning(ref); err != nil || !running {
		return err
	}
	p, err := e.signal(ref, syscall.SIGTERM)
	if err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if p.wait(patience) != nil {
		if _, err := e.signal(ref, syscall.SIGKILL); err == nil {
			<-p.ended
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if c, err := e.find(ref); err == nil {
		e.tell(c, events.ActionStop)
	}
	return nil
}

func (e *Engine) isRunning(ref string) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(ref)
	return err == nil && c.process != nil, err
}

// Restart is Stop and Start; the port stays.
func (e *Engine) Restart(ctx context.Context, ref string) error {
	if err := e.Stop(ctx, ref); err != nil {
		return err
	}
	if err := e.Start(ref); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(ref)
	if err == nil {
		e.tell(c, events.ActionRestart)
	}
	return err
}

// Pause freezes a running container: it accepts connections and says nothing.
func (e *Engine) Pause(ref string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if c.state != api.StateRunning {
		return fmt.Errorf("container %s is not running", c.id)
	}
	c.process.freezer.freeze()
	c.state = api.StatePaused
	e.tell(c, events.ActionPause)
	return nil
}

// Unpause undoes Pause.
func (e *Engine) Unpause(ref string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if c.state != api.StatePaused {
		return fmt.Errorf("container %s is not paused", c.id)
	}
	e.thaw(c)
	return nil
}

// thaw does nothing to a container that is not paused; the caller holds the lock.
func (e *Engine) thaw(c *container) {
	if c.state != api.StatePaused {
		return
	}
	c.process.freezer.thaw()
	c.state = api.StateRunning
	e.tell(c, events.ActionUnPause)
}

// Rename gives a container another name, which must be free.
func (e *Engine) Rename(ref, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if err := e.free(name); err != nil {
		return err
	}
	old := c.name
	c.name = name
	e.tell(c, events.ActionRename, "oldName", "/"+old)
	return nil
}

// Remove forgets a container. A running one is killed first if force is set,
// and is an error otherwise.
func (e *Engine) Remove(ctx context.Context, ref string, force bool) error {
	running, err := e.isRunning(ref)
	switch {
	case err != nil:
		return err
	case running && !force:
		return fmt.Errorf("container %s is running: stop it before removing, or force", ref)
	case running:
		if err := e.Kill(ctx, ref, "KILL"); err != nil {
			return fmt.Errorf("removing %s: %w", ref, err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if c.process != nil {
		return fmt.Errorf("container %s was started again while it was being removed", ref)
	}
	c.release()
	delete(e.containers, c.id)
	e.tell(c, events.ActionDestroy)
	return nil
}
