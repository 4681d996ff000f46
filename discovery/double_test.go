package discovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// double is an engine without sockets, for virtual time. Its methods may be
// called from any goroutine.
type double struct {
	mu         sync.Mutex
	containers map[string]container
	stream     chan event // nil: nobody is subscribed
	broken     chan error
	inspects   map[string]int
	lists      int
	dials      int
	local      []netip.Prefix                                  // the addresses of this machine
	down       error                                           // what every call answers, if set
	inspecting func(ctx context.Context, id string) error      // called before each inspect
	following  func(ctx context.Context) error                 // called before a subscription
	tardy      bool                                            // what following answers comes after follow has returned
	listing    func()                                          // called after the list was made, before it is answered
	reply      func(id string, c container) (container, error) // changes an answer
}

func newDouble(containers ...container) *double {
	d := &double{containers: map[string]container{}, inspects: map[string]int{}}
	d.setInterfaces("172.17.0.1/16")
	for _, c := range containers {
		d.containers[c.ID] = c
	}
	return d
}

// running is a plain container on the default bridge.
func running(id string, labels map[string]string) container {
	n := len(id) + 1
	return container{
		ID: id, Name: id, Labels: labels, State: stateRunning, NetworkMode: "bridge", Exposed: []uint16{8080},
		Created: time.Unix(1000, 0), StartedAt: time.Unix(2000, 0), StopTimeout: defaultStopTimeout,
		Networks: []attachment{{
			Name: "bridge", ID: "bridge-id", Gateway: netip.MustParseAddr("172.17.0.1"),
			IPv4: netip.MustParsePrefix(fmt.Sprintf("172.17.0.%d/16", n)),
		}},
	}
}

var errDown = errors.New("no engine there")

// watch runs a Watcher on the double until the test ends. Inside a bubble it
// is up when synctest.Wait returns.
func (d *double) watch(t *testing.T, edits ...func(*Options)) (*Watcher, *recorder) {
	t.Helper()
	seen := newRecorder()
	o := Options{Publish: seen.publish, Log: zerolog.Nop()}
	for _, edit := range edits {
		edit(&o)
	}
	w, err := NewWatcher(o)
	if err != nil {
		t.Fatal(err)
	}
	w.dial = func() (engine, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.dials++
		return d, d.down
	}
	w.traces = func() traces { return traces{} }
	w.interfaces = func() []netip.Prefix {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.local
	}
	startWatcher(t, w)
	return w, seen
}

func (d *double) close() {}

func (d *double) version(context.Context) (engineVersion, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return engineVersion{"1.0", "1.41"}, d.down
}

func (d *double) follow(ctx context.Context) (<-chan event, <-chan error) {
	stream, broken := make(chan event, 10_000), make(chan error, 1)
	d.mu.Lock()
	hook, tardy := d.following, d.tardy
	d.mu.Unlock()
	if hook != nil {
		if err := hook(ctx); err != nil {
			if tardy {
				go func() { broken <- err }()
			} else {
				broken <- err
			}
			return stream, broken
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down != nil {
		broken <- d.down
	}
	d.stream, d.broken = stream, broken
	return stream, broken
}

func (d *double) list(context.Context) ([]listed, error) {
	d.mu.Lock()
	d.lists++
	var all []listed
	for _, id := range slices.Sorted(maps.Keys(d.containers)) {
		c := d.containers[id]
		c.StartedAt, c.Exposed, c.StopSignal = time.Time{}, nil, ""
		all = append(all, listed{c})
	}
	hook, err := d.listing, d.down
	d.mu.Unlock()
	if hook != nil {
		hook()
	}
	return all, err
}

func (d *double) inspect(ctx context.Context, id string) (container, error) {
	d.mu.Lock()
	hook, c, reply := d.inspecting, d.containers[id], d.reply
	d.inspects[id]++
	found := c.ID != ""
	down := d.down
	d.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, id); err != nil {
			return container{}, err
		}
	}
	if reply != nil {
		return reply(id, c)
	}
	if down == nil && !found {
		return container{}, errGone
	}
	return c, down
}

// set changes containers without an event.
func (d *double) set(containers ...container) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range containers {
		d.containers[c.ID] = c
	}
}

func (d *double) edit(id string, change func(*container)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.containers[id]
	change(&c)
	d.containers[id] = c
}

func (d *double) delete(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.containers, id)
}

// emit sends events of a container, with its labels as the engine has them:
// `start`, or `kill 15`.
func (d *double) emit(id string, actions ...string) {
	for _, action := range actions {
		d.emitAt(id, action, time.Now())
	}
}

func (d *double) emitAt(id, action string, at time.Time) { d.send(d.event(id, action, at)) }

// event is an event with the labels of the container as it is now.
func (d *double) event(id, action string, at time.Time) event {
	d.mu.Lock()
	defer d.mu.Unlock()
	action, signal, _ := strings.Cut(action, " ")
	c := d.containers[id]
	attributes := map[string]string{"name": c.Name, "signal": signal}
	maps.Copy(attributes, c.Labels)
	return event{Action: action, Container: id, Time: at, Attributes: attributes}
}

func (d *double) send(e event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stream != nil {
		d.stream <- e
	}
}

func (d *double) emitNetwork(action, network, id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stream <- event{Network: true, Action: action, NetworkID: network + "-id", Container: id, Time: time.Now(), Attributes: map[string]string{"name": network, "container": id}}
}

// cut ends the event stream; fail says what calls answer from then on, nil for
// an engine that is there at once.
func (d *double) cut(fail error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = fail
	d.broken <- errDown
	d.stream = nil
}

func (d *double) up() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = nil
}

func (d *double) inspected(id string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inspects[id]
}

func (d *double) setInterfaces(prefixes ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.local = nil
	for _, p := range prefixes {
		d.local = append(d.local, netip.MustParsePrefix(p))
	}
}

func (d *double) attempts() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dials
}
