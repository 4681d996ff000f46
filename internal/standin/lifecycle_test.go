package standin

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/container"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/internal/whoami"
)

func TestReplicaAnswersWhileItRuns(t *testing.T) {
	e, c := start(t)
	id := replica(t, e, "a", whoami.Leave{})
	url := urlOf(t, c, id)
	if got := get(t, url); !strings.Contains(got, "\nName: a\n") {
		t.Error(got)
	}
	must(t, e.Start(id)) // does nothing
	must(t, e.Stop(t.Context(), id))
	must(t, e.Stop(t.Context(), id)) // does nothing
	if got := get(t, url); got != "failed" {
		t.Error(got)
	}
	s := stateOf(t, c, id)
	if s.Status != api.StateExited || s.Running || s.ExitCode != 0 || s.Pid != 0 || strings.HasPrefix(s.FinishedAt, "0001") {
		t.Errorf("%+v", s)
	}
	must(t, e.Start(id))
	if got := get(t, url); !strings.Contains(got, "\nName: a\n") {
		t.Error(got)
	}
	if again := stateOf(t, c, id); again.StartedAt <= s.StartedAt || !again.Running || again.Pid == 0 {
		t.Errorf("%+v", again)
	}
}

func TestCreatedIsNotRunning(t *testing.T) {
	e, c := start(t)
	id, err := e.Create(Replica{Name: "a"})
	must(t, err)
	if s := stateOf(t, c, id); s.Status != api.StateCreated || s.Running || !strings.HasPrefix(s.StartedAt, "0001") {
		t.Errorf("%+v", s)
	}
	must(t, e.Remove(t.Context(), id, false))
}

func TestKillCutsRequests(t *testing.T) {
	e, c := start(t)
	id := replica(t, e, "a", whoami.Leave{Drain: time.Hour})
	answer := make(chan string, 1)
	url := urlOf(t, c, id)
	ctx := t.Context()
	go func() { answer <- getWith(ctx, url+"/sleep?for=1m") }()
	testrig.Eventually(t, "it to serve", func() bool { return get(t, url) != "failed" })
	must(t, e.Kill(ctx, id, "9"))
	if got := <-answer; got != "failed" {
		t.Error(got)
	}
	if s := stateOf(t, c, id); s.ExitCode != exitKilled || s.Running {
		t.Errorf("%+v", s)
	}
}

func TestTermLetsItDrain(t *testing.T) {
	e, c := start(t)
	id := replica(t, e, "a", whoami.Leave{Drain: time.Hour})
	must(t, e.Kill(t.Context(), id, "TERM"))
	if got := get(t, urlOf(t, c, id)); !strings.Contains(got, "Name: a") {
		t.Error(got)
	}
	if s := stateOf(t, c, id); !s.Running {
		t.Errorf("%+v", s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	must(t, e.Stop(ctx, id)) // out of patience: killed
	if s := stateOf(t, c, id); s.ExitCode != exitKilled {
		t.Errorf("%+v", s)
	}
}

func TestPausedAcceptsAndSaysNothing(t *testing.T) {
	e, c := start(t)
	id := replica(t, e, "a", whoami.Leave{})
	url := urlOf(t, c, id)
	must(t, e.Pause(id))
	if s := stateOf(t, c, id); s.Status != api.StatePaused || !s.Running || !s.Paused {
		t.Errorf("%+v", s)
	}
	patience, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := getWith(patience, url); got != "failed" || patience.Err() == nil {
		t.Errorf("got %q before patience ended", got)
	}
	answer := make(chan string, 1)
	ctx := t.Context()
	go func() { answer <- getWith(ctx, url) }()
	must(t, e.Unpause(id))
	if got := <-answer; !strings.Contains(got, "Name: a") {
		t.Errorf("got %q", got)
	}
}

func TestRenameMovesTheName(t *testing.T) {
	e, c := start(t)
	id := replica(t, e, "old", whoami.Leave{})
	must(t, e.Rename("old", "new"))
	if _, err := c.ContainerInspect(t.Context(), "old"); err == nil {
		t.Error("the old name is still known")
	}
	found, err := c.ContainerInspect(t.Context(), "new")
	must(t, err)
	if found.ID != id {
		t.Error(found.ID)
	}
}

// TestNamesWinOverIDs: 0 begins one id in sixteen, a name it is only once.
func TestNamesWinOverIDs(t *testing.T) {
	e, c := start(t)
	for _, digit := range "123456789abcdef" {
		replica(t, e, "other-"+string(digit), whoami.Leave{})
	}
	id := replica(t, e, "0", whoami.Leave{})
	found, err := c.ContainerInspect(t.Context(), "0")
	must(t, err)
	if found.ID != id {
		t.Errorf("found %s", found.Name)
	}
}

func TestWhatCannotBeDone(t *testing.T) {
	e, _ := start(t)
	ctx := t.Context()
	running := replica(t, e, "running", whoami.Leave{})
	stopped, err := e.Create(Replica{Name: "stopped"})
	must(t, err)
	_, taken := e.Create(Replica{Name: "running"})
	_, unnamed := e.Create(Replica{})
	for what, err := range map[string]error{
		"create with a taken name": taken,
		"create without a name":    unnamed,
		"rename to a taken name":   e.Rename(stopped, "running"),
		"kill what is not running": e.Kill(ctx, stopped, "KILL"),
		"an unknown signal":        e.Kill(ctx, running, "BOO"),
		"pause what is not there":  e.Pause("nobody"),
		"pause what is stopped":    e.Pause(stopped),
		"unpause what is running":  e.Unpause(running),
		"remove what is running":   e.Remove(ctx, running, false),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	for what, err := range map[string]error{
		"start": e.Start("nobody"), "stop": e.Stop(ctx, "nobody"), "restart": e.Restart(ctx, "nobody"), "kill": e.Kill(ctx, "nobody", "9"),
		"unpause": e.Unpause("nobody"), "rename": e.Rename("nobody", "x"), "remove": e.Remove(ctx, "nobody", true),
	} {
		if !errors.Is(err, ErrNoSuchContainer) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestManyAtOnce is for the race detector: everybody changes and reads.
func TestManyAtOnce(t *testing.T) {
	e, c := start(t)
	ctx := t.Context()
	s := subscribe(t, c, eventsFromNow("event", "destroy"))
	const workers, rounds = 4, 5
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for range rounds {
				id, err := e.Create(Replica{Name: "w" + string(rune('a'+worker)), PortLabel: "rota.port"})
				if err != nil {
					t.Error(err)
					return
				}
				steps := []func() error{
					func() error { return e.Start(id) },
					func() error { return e.Pause(id) },
					func() error { return e.Unpause(id) },
					func() error { _, err := c.ContainerInspect(ctx, id); return err },
					func() error { return e.Restart(ctx, id) },
					func() error { _, err := c.ContainerList(ctx, api.ListOptions{All: true}); return err },
					func() error { return e.Remove(ctx, id, true) },
				}
				for i, step := range steps {
					if err := step(); err != nil {
						t.Errorf("step %d: %v", i, err)
					}
				}
			}
		})
	}
	group.Wait()
	for range workers * rounds {
		s.expect("container destroy")
	}
	all, err := c.ContainerList(ctx, api.ListOptions{All: true})
	must(t, err)
	if len(all) != 0 {
		t.Errorf("left: %v", all)
	}
}
