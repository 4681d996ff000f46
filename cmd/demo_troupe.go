package cmd

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rota-proxy/rota/internal/whoami"
)

// troupe are the replicas on a stage. One goroutine at a time changes them
// (grow before run, run after); names may be called from anywhere.
type troupe struct {
	stage  stage
	orders chan order
	killed int // of the next to be killed, counted round

	mu      sync.Mutex
	players []string
	doing   string // for people; empty when nothing is going on
}

// order is what a key asks for.
type order int

const (
	orderMore order = iota
	orderFewer
	orderKill
)

// absence is how long a killed replica stays away.
const absence = 2 * time.Second

func newTroupe(s stage) *troupe { return &troupe{stage: s, orders: make(chan order, demoMost)} }

// names are the replicas' names, in order.
func (t *troupe) names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.players)
}

// activity says what is being done to a replica now.
func (t *troupe) activity() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.doing
}

// busy notes what is being done; the function it returns notes the end.
func (t *troupe) busy(format string, values ...any) (done func()) {
	set := func(text string) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.doing = text
	}
	set(fmt.Sprintf(format, values...))
	return func() { set("") }
}

// ask hands an order over. With many waiting already it is dropped, as a key
// that is held down must not go on working long after.
func (t *troupe) ask(o order) {
	select {
	case t.orders <- o:
	default:
	}
}

// run carries orders out until ctx ends; nil then. The first that fails ends it.
func (t *troupe) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case o := <-t.orders:
			if err := t.obey(ctx, o); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

func (t *troupe) obey(ctx context.Context, o order) error {
	size := len(t.names())
	switch {
	case o == orderMore && size < demoMost:
		return t.grow(ctx, 1)
	case o == orderFewer && size > 1:
		return t.shrink(ctx)
	case o == orderKill && size > 0:
		return t.kill(ctx)
	}
	return nil
}

// grow adds n replicas, one after the other: on an engine each takes a while,
// and the first is in rotation before the last has started.
func (t *troupe) grow(ctx context.Context, n int) error {
	for range n {
		name := t.vacancy()
		done := t.busy("starting %s", name)
		err := t.stage.create(ctx, name)
		done()
		if err != nil {
			return err
		}
		t.mu.Lock()
		t.players = append(t.players, name)
		slices.Sort(t.players)
		t.mu.Unlock()
	}
	return nil
}

// vacancy is the first name that is free. There are fewer than ten, so names
// sort like their numbers.
func (t *troupe) vacancy() string {
	taken := t.names()
	for n := 1; ; n++ {
		if name := fmt.Sprintf("whoami-%d", n); !slices.Contains(taken, name) {
			return name
		}
	}
}

// shrink removes the last one.
func (t *troupe) shrink(ctx context.Context) error {
	names := t.names()
	last := names[len(names)-1]
	defer t.busy("removing %s", last)()
	if err := t.stage.remove(ctx, last); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.players = t.players[:len(t.players)-1]
	return nil
}

// kill ends one after the other, and starts each again after a while.
func (t *troupe) kill(ctx context.Context) error {
	names := t.names()
	victim := names[t.killed%len(names)]
	t.killed++
	defer t.busy("killed %s, starting it again in %s", victim, absence)()
	if err := t.stage.kill(ctx, victim); err != nil {
		return err
	}
	if !whoami.Pause(ctx, absence) {
		return ctx.Err()
	}
	return t.stage.revive(ctx, victim)
}
