package e2e

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types/events"
)

// journal writes down what the engine says happened to the containers of a
// project, by the engine's own clock, which is this machine's.
type journal struct {
	cancel context.CancelFunc
	reader sync.WaitGroup

	mu      sync.Mutex
	entries []entry
}

// entry is one event of a container.
type entry struct {
	container string
	action    string // kill, die, start, …
	signal    string // of a kill, as a number
	at        time.Time
}

// keepJournal follows the engine until close.
func keepJournal(e *engine, project string) *journal {
	ctx, cancel := context.WithCancel(context.Background())
	j := &journal{cancel: cancel}
	messages, failed := e.containerEvents(ctx, project)
	j.reader.Go(func() { j.read(messages, failed) })
	return j
}

func (j *journal) close() {
	j.cancel()
	j.reader.Wait()
}

func (j *journal) read(messages <-chan events.Message, failed <-chan error) {
	for {
		select {
		case m := <-messages:
			j.write(m)
		case <-failed:
			return
		}
	}
}

func (j *journal) write(m events.Message) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry{
		container: m.Actor.ID,
		action:    string(m.Action),
		signal:    m.Actor.Attributes["signal"],
		at:        time.Unix(0, m.TimeNano),
	})
}

// since gives the entries from the moment t on, in order of arrival.
func (j *journal) since(t time.Time) []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(j.entries), func(e entry) bool { return e.at.Before(t) })
}
