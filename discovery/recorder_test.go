package discovery

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// recorder keeps what a Watcher publishes, and when.
type recorder struct {
	mu      sync.Mutex
	targets map[string]spec.Target
	last    map[string]time.Time
	calls   int
	changed chan struct{} // closed and replaced with every call
}

func newRecorder() *recorder {
	return &recorder{targets: map[string]spec.Target{}, last: map[string]time.Time{}, changed: make(chan struct{})}
}

func (r *recorder) publish(targets []spec.Target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range targets {
		r.targets[t.ID] = t
		r.last[t.ID] = time.Now()
	}
	r.calls++
	close(r.changed)
	r.changed = make(chan struct{})
}

// count is how often Publish was called, and of how many Targets.
func (r *recorder) count() (calls, targets int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls, len(r.targets)
}

// forget starts over.
func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls, r.targets = 0, map[string]spec.Target{}
}

func (r *recorder) published() int {
	calls, _ := r.count()
	return calls
}

func (r *recorder) look(id string) (spec.Target, time.Time, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.targets[id], r.last[id], r.changed
}

// await waits until the Target looks like want, and answers when it did.
func (r *recorder) await(t *testing.T, id, want string) time.Time {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		target, at, changed := r.look(id)
		got := upstreamsText(target)
		if got == want {
			return at
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s: upstreams %q, want %q", id, got, want)
		}
	}
}

// upstreamsText is `name phase, name phase`, in order of name.
func upstreamsText(t spec.Target) string {
	var all []string
	for _, u := range t.Upstreams {
		all = append(all, fmt.Sprintf("%s %s", u.Name, u.Phase))
	}
	return strings.Join(sorted(all), ", ")
}
