// Package discovery turns what runs on a container engine into Targets. A
// [Watcher] follows one engine for ever; what it publishes are plain values,
// and every container has a [Verdict] that says what became of it and why.
package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/proxy/spec"
)

// Options of a Watcher. The zero value follows the default engine with the
// documented defaults and publishes to nobody.
type Options struct {
	Engine EngineOptions
	// Prefix of the labels. Empty: "rota".
	Prefix string
	// ExposeAll also makes Targets of containers without any label of ours.
	ExposeAll bool
	// DefaultHost is the Go template of hosts that no label names. Empty:
	// [DefaultHost].
	DefaultHost string
	// Network is preferred where several lead to a container.
	Network string
	// Self is the id or name of the container this process runs in. Empty: it
	// is looked for.
	Self string
	// OwnPorts are the ports of the proxy's own listeners. On the host's
	// network they are never an Upstream.
	OwnPorts []int
	// Entries are the names of the proxy's listeners, which labels may ask for.
	// None: any name is taken, and whether there is such a listener is not told.
	Entries []string
	Log     zerolog.Logger
	// Publish takes the Targets that changed, in full; the first call brings
	// all there are. It is called from one goroutine, which waits for it.
	Publish func(targets []spec.Target)
	// Complete, if given, is called once, after the first set was published in
	// full and before anybody is told that the engine has been read: who acts on
	// [Watcher.Synced] or on the Status finds it done. Same goroutine as Publish.
	Complete func()
}

// Watcher follows one engine.
type Watcher struct {
	options Options
	// How the world is reached; replaced in tests.
	dial       func() (engine, error)
	traces     func() traces
	interfaces func() []netip.Prefix
	every      time.Duration // the pause between two lists

	inventory *inventory // of the goroutine in Run
	journal   journal    // likewise
	synced    chan struct{}

	mu       sync.Mutex // guards what follows
	status   EngineStatus
	verdicts map[string]Verdict
}

// NewWatcher checks the options. An error means that they are wrong; whether
// the engine answers is not tried.
func NewWatcher(o Options) (*Watcher, error) {
	hosts, err := newHostTemplate(o.DefaultHost)
	if err != nil {
		return nil, err
	}
	probe, err := Dial(o.Engine)
	if err != nil {
		return nil, err
	}
	host := probe.DaemonHost()
	_ = probe.Close()
	if o.Publish == nil {
		o.Publish = func([]spec.Target) {}
	}
	if o.Complete == nil {
		o.Complete = func() {}
	}
	o.Prefix = cmp.Or(o.Prefix, labels.DefaultPrefix)
	o.Engine.Name = o.Engine.name()
	grammar := labels.Options{Prefix: o.Prefix, ExposeAll: o.ExposeAll}
	return &Watcher{
		options:    o,
		dial:       func() (engine, error) { return dialEngine(o.Engine) },
		traces:     readTraces,
		interfaces: localInterfaces,
		every:      reconcileEvery,
		inventory: newInventory(grammar, assembler{
			Engine: o.Engine.Name, Hosts: hosts, Entries: o.Entries,
			Outlook: outlook{Network: o.Network, Prefix: o.Prefix, OwnPorts: o.OwnPorts},
		}),
		journal:  journal{o.Log, map[string]string{}},
		synced:   make(chan struct{}),
		status:   EngineStatus{Name: o.Engine.Name, Host: host, StaleSince: time.Now()},
		verdicts: map[string]Verdict{},
	}, nil
}

// Run follows the engine until ctx ends, and returns its error and no other: an
// engine that is away is waited for, and what is known of it stays published.
func (w *Watcher) Run(ctx context.Context) error {
	var pause backoff
	for {
		started := time.Now()
		s := newSession(w)
		err := s.run(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.complete && time.Since(started) > backoffMost {
			pause.reset()
		}
		w.lost(err)
		if !sleep(ctx, pause.next()) {
			return ctx.Err()
		}
	}
}

// sleep waits, and says whether it was for the whole time.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Synced is closed once the first full set has been published.
func (w *Watcher) Synced() <-chan struct{} { return w.synced }

// Containers answers the Verdict of every container the engine has, sorted by
// name. It may be called from any goroutine; what the Verdicts hold is shared
// and must not be changed.
func (w *Watcher) Containers() []Verdict {
	w.mu.Lock()
	all := slices.Collect(maps.Values(w.verdicts))
	w.mu.Unlock()
	slices.SortFunc(all, func(a, b Verdict) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return all
}

// Status answers how the Watcher stands with its engine. It may be called from
// any goroutine.
func (w *Watcher) Status() EngineStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// report changes the status.
func (w *Watcher) report(edit func(*EngineStatus)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	edit(&w.status)
}

// lost notes the end of a connection, and logs it once per outage.
func (w *Watcher) lost(err error) {
	first := false
	w.report(func(s *EngineStatus) {
		first = s.Error == ""
		if s.StaleSince.IsZero() {
			s.StaleSince = time.Now()
		}
		s.Reachable, s.Error = false, err.Error()
	})
	level := zerolog.DebugLevel
	if first {
		level = zerolog.WarnLevel
	}
	w.options.Log.WithLevel(level).Err(err).Str("engine", w.options.Engine.Name).Msg("engine not reachable, what is known of it stays in use")
}

// reached notes that the engine is followed: the event stream is open and the
// first list is in. An engine that grants only one of the two is not.
func (w *Watcher) reached(v engineVersion, again bool) {
	w.report(func(s *EngineStatus) {
		s.Reachable, s.Error = true, ""
		s.EngineVersion, s.APIVersion = v.Engine, v.API
		if again {
			s.Reconnects++
		}
	})
	w.options.Log.Info().Str("engine", w.options.Engine.Name).Str("version", v.Engine).Str("api", v.API).Msg("following the engine")
}

// publish hands out what changed.
func (w *Watcher) publish(now time.Time) {
	changed := w.inventory.assemble(now)
	first := !w.hasSynced()
	if len(changed) > 0 || first {
		w.options.Publish(changed)
	}
	w.tell()
	if first {
		w.options.Complete()
		w.report(func(s *EngineStatus) { s.Synced = true })
		close(w.synced)
	}
}

func (w *Watcher) hasSynced() bool {
	select {
	case <-w.synced:
		return true
	default:
		return false
	}
}

// tell brings the Verdicts up to date. Requests do not wait for it: what
// changed has been published before.
func (w *Watcher) tell() {
	var told []Verdict
	w.mu.Lock()
	w.inventory.tell(func(id string, verdict *Verdict) {
		if verdict == nil {
			delete(w.verdicts, id)
			w.journal.forget(id)
			return
		}
		w.verdicts[id] = *verdict
		told = append(told, *verdict)
	})
	w.mu.Unlock()
	for _, verdict := range told {
		w.journal.write(verdict)
	}
}

// errStreamEnded is the engine closing the event stream.
var errStreamEnded = errors.New("the engine ended the event stream")

func follows(err error) error { return fmt.Errorf("following events: %w", cmp.Or(err, errStreamEnded)) }
