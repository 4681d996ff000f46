package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

const (
	// linesRound is how many answers stand on one line.
	linesRound = 4
	// linesMost is how many such lines there are before the demo falls silent
	// but for what changes: its output may go into somebody's file for days.
	linesMost = 120
	// linesLook is how often the replicas' states are looked at.
	linesLook = 50 * time.Millisecond
)

// demoLines shows the rotation where no terminal is: one line for each round of
// answers and one for each change of a replica's state.
type demoLines struct {
	demo   *demo
	say    func(string, ...any)
	round  []string
	rounds int
	states map[string]spec.State
}

func newDemoLines(d *demo, say func(string, ...any)) *demoLines {
	l := &demoLines{demo: d, say: say}
	l.states = l.look()
	return l
}

func (l *demoLines) run(ctx context.Context) {
	look := time.NewTicker(linesLook)
	defer look.Stop()
	for {
		select {
		case who := <-l.demo.load.replies:
			l.reply(who)
		case <-look.C:
			l.compare()
		case <-ctx.Done():
			l.flush()
			return
		}
	}
}

func (l *demoLines) reply(who string) {
	l.round = append(l.round, who)
	if len(l.round) == linesRound {
		l.flush()
	}
}

func (l *demoLines) flush() {
	if len(l.round) == 0 || l.rounds > linesMost {
		return
	}
	if l.rounds++; l.rounds > linesMost {
		l.say("… and so on; only changes are shown from now on.")
		return
	}
	sent, lost := l.demo.load.sum()
	l.say("%s   (%d requests, %d lost)", strings.Join(l.round, "  "), sent, lost)
	l.round = l.round[:0]
}

// look is the state of every replica that the proxy knows.
func (l *demoLines) look() map[string]spec.State {
	states := map[string]spec.State{}
	for _, u := range l.demo.upstreams() {
		if u.State != spec.Gone {
			states[printable(l.demo.id.replica(u.Name))] = u.State
		}
	}
	return states
}

func (l *demoLines) compare() {
	now := l.look()
	for name, state := range now {
		if before, known := l.states[name]; !known || before != state {
			l.say("%s", change(name, before, known, state))
		}
	}
	for name := range l.states {
		if _, still := now[name]; !still {
			l.say("%s is gone", name)
		}
	}
	l.states = now
}

func change(name string, before spec.State, known bool, now spec.State) string {
	if !known {
		return fmt.Sprintf("%s is there: %s", name, now)
	}
	return fmt.Sprintf("%s was %s and is %s", name, before, now)
}
