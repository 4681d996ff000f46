package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
)

// shelf is an engine that only lists and removes: one thing of each kind per
// demo. What the calls on a real one do is seen in e2e.
type shelf struct {
	demoEngine
	labels map[string]map[string]string // by the demo's id
	fail   error                        // of every removal

	mu      sync.Mutex
	removed []string
}

// on says which demos have something with the label asked for.
func (s *shelf) on(f filters.Args) map[string]map[string]string {
	found := map[string]map[string]string{}
	for id, labels := range s.labels {
		if f.MatchKVList("label", labels) {
			found[id] = labels
		}
	}
	return found
}

func (s *shelf) take(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removed = append(s.removed, what)
	return s.fail
}

func (s *shelf) ContainerList(_ context.Context, o container.ListOptions) (all []container.Summary, err error) {
	for id, labels := range s.on(o.Filters) {
		all = append(all, container.Summary{ID: id, Labels: labels})
	}
	return all, nil
}

func (s *shelf) ContainerRemove(_ context.Context, id string, o container.RemoveOptions) error {
	if !o.Force {
		return errors.New("it runs")
	}
	return s.take("container " + id)
}

func (s *shelf) NetworkList(_ context.Context, o network.ListOptions) (all []network.Summary, err error) {
	for id, labels := range s.on(o.Filters) {
		all = append(all, network.Summary{ID: id, Name: demoID(id).name(), Labels: labels})
	}
	return all, nil
}

func (s *shelf) NetworkRemove(_ context.Context, id string) error { return s.take("network " + id) }

func (s *shelf) ImageList(_ context.Context, o image.ListOptions) (all []image.Summary, err error) {
	for id, labels := range s.on(o.Filters) {
		all = append(all, image.Summary{ID: id, RepoTags: []string{demoID(id).image()}, Labels: labels})
	}
	return all, nil
}

func (s *shelf) ImageRemove(_ context.Context, id string, _ image.RemoveOptions) ([]image.DeleteResponse, error) {
	return nil, s.take("image " + id)
}

func (s *shelf) Close() error { return nil }

// newShelf has a demo that is alive, one that is dead and a dead one of another
// machine.
func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{labels: map[string]map[string]string{}}
	for _, id := range []demoID{"alive", "dead", "other"} {
		s.labels[string(id)] = id.ownership()
	}
	pid := strconv.Itoa(deadPid(t))
	s.labels["dead"][demoLabelPid], s.labels["other"][demoLabelPid] = pid, pid
	s.labels["other"][demoLabelHost] = "another"
	return s
}

func TestSweepTakesTheDeadOfThisMachine(t *testing.T) {
	s := newShelf(t)
	said, err := (&engineStage{id: "next", client: s}).sweep(t.Context())
	if err != nil || strings.Join(said, ", ") != "1 container, network rota-demo-dead, image rota-demo:dead" {
		t.Errorf("%q %v", said, err)
	}
	// A network cannot be removed before what is on it, an image before what runs it.
	if want := []string{"container dead", "network dead", "image dead"}; !slices.Equal(s.removed, want) {
		t.Errorf("removed %v", s.removed)
	}
}

func TestClearTakesItsOwn(t *testing.T) {
	s := newShelf(t)
	said, err := (&engineStage{id: "alive", client: s}).clear(t.Context())
	if err != nil || len(said) != 3 {
		t.Errorf("%q %v", said, err)
	}
	if want := []string{"container alive", "network alive", "image alive"}; !slices.Equal(s.removed, want) {
		t.Errorf("removed %v", s.removed)
	}
}

func TestClearTriesEverythingAndSaysWhatFailed(t *testing.T) {
	s := newShelf(t)
	s.fail = errors.New("busy")
	said, err := (&engineStage{id: "alive", client: s}).clear(t.Context())
	if len(said) != 0 {
		t.Errorf("nothing was removed, and %v is said", said)
	}
	for _, what := range []string{"removing container alive: busy", "removing network rota-demo-alive: busy", "removing image rota-demo:alive: busy"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%q is not in %v", what, err)
		}
	}
	s.fail = fmt.Errorf("removed by another: %w", errdefs.ErrNotFound)
	if _, err := (&engineStage{id: "alive", client: s}).clear(t.Context()); err != nil {
		t.Errorf("what is gone is gone: %v", err)
	}
}

func TestMakingIsNotCutShort(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	making, done, err := finishing(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	end()
	if making.Err() != nil {
		t.Error("a call under way was cut")
	}
	if _, _, err := finishing(ctx); err == nil {
		t.Error("a new call was begun")
	}
}

func TestNoAnswerSaysItOnce(t *testing.T) {
	for reason, want := range map[string]string{
		"Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?": "no engine answers at unix:///x",
		"permission denied while trying to connect. Advice follows":                       "no engine answers at unix:///x (permission denied while trying to connect)",
	} {
		if got := noAnswer("unix:///x", errors.New(reason)).Error(); got != want {
			t.Errorf("%q", got)
		}
	}
}
