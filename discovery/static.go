package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/internal/filewatch"
	"github.com/rota-proxy/rota/proxy/spec"
)

// StaticOptions of a Static.
type StaticOptions struct {
	// Path of the file.
	Path string
	// DefaultHost is the Go template of hosts that no entry names. Empty:
	// [DefaultHost].
	DefaultHost string
	// Entries are the names of the proxy's listeners. None: any name is taken.
	Entries []string
	// OwnAddrs are the addresses of the proxy's listeners, which are never an
	// Upstream.
	OwnAddrs []net.Addr
	Log      zerolog.Logger
	// Publish takes the Targets that changed, in full. It is called by
	// [NewStatic] and then by the goroutine in Run, which waits for it.
	Publish func(targets []spec.Target)
}

// Static makes Targets of a file and follows its changes. What the file says
// wrongly, or no longer says because it is gone, never ends what it said before.
type Static struct {
	options   StaticOptions
	assembler staticAssembler

	// of the goroutine in Run
	text    []byte                   // as it was last when it could be used
	targets map[string]*staticTarget // by name
	births  int                      // Targets there have been, for their age
	told    map[string]bool          // findings that were logged of the text

	mu     sync.Mutex // guards status
	status StaticStatus
}

// StaticStatus is how a Static stands with its file.
type StaticStatus struct {
	Path string
	// Targets is how many the file describes that are served.
	Targets int
	// Read is when the file as it is served was read.
	Read time.Time
	// Error is why the file as it is now cannot be used, with the place in it:
	// what is served is what it said before. Empty while it can.
	Error string
	// Reasons are what is wrong, or worth knowing, about single entries, in the
	// order of the file.
	Reasons []Reason
}

// staticTarget is what is known of one Target of the file, or of one that left
// it and still finishes requests.
type staticTarget struct {
	staticMemory
	listed    bool // it has an entry
	leaving   map[string]leavingUpstream
	published spec.Target
}

// leavingUpstream is a backend that the file names no longer. Nobody says that
// it stops, so its running requests finish.
type leavingUpstream struct {
	spec.Upstream
	until time.Time
}

// NewStatic reads the file and publishes what it says before it returns. An
// error means that the options are wrong or that nothing of the file can be
// used; single entries that are wrong are told by Status.
func NewStatic(o StaticOptions) (*Static, error) {
	hosts, err := newHostTemplate(o.DefaultHost)
	if err != nil {
		return nil, err
	}
	s := &Static{
		options: o,
		assembler: staticAssembler{
			hosts: hosts, listeners: o.Entries, around: surroundings{own: o.OwnAddrs},
		},
		told:    map[string]bool{},
		targets: map[string]*staticTarget{},
		status:  StaticStatus{Path: o.Path},
	}
	if err := s.load(time.Now()); err != nil {
		return nil, err
	}
	return s, nil
}

// Status may be called from any goroutine; its Reasons must not be changed.
func (s *Static) Status() StaticStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Run follows the file until ctx ends, and returns its error and no other.
func (s *Static) Run(ctx context.Context) error {
	watch := filewatch.File(s.options.Path, s.options.Log)
	defer watch.Close()
	for {
		watch.Follow()
		s.reload(time.Now())
		if err := watch.Wait(ctx, s.nextDeparture()); err != nil {
			return err
		}
	}
}

// reload reads the file if it changed and notes why it cannot be used. Then it
// sends off whoever had the time to finish.
func (s *Static) reload(now time.Time) {
	err := s.load(now)
	text := ""
	if err != nil {
		text = err.Error()
	}
	s.mu.Lock()
	before := s.status.Error
	s.status.Error = text
	s.mu.Unlock()
	switch {
	case text != "" && text != before:
		s.options.Log.Error().Str("file", s.options.Path).Str("error", text).
			Msg("the file of static targets cannot be used, what it said before stays in use")
	case text == "" && before != "":
		s.options.Log.Info().Str("file", s.options.Path).Msg("the file of static targets can be used again")
	}
	s.publish(now)
}

// load makes Targets of the file unless it is what was read last.
func (s *Static) load(now time.Time) error {
	text, err := readStaticFile(s.options.Path)
	if err != nil {
		return err
	}
	if s.text != nil && string(text) == string(s.text) {
		return nil
	}
	file, err := parseStaticFile(text)
	if err != nil {
		var fault FileError
		errors.As(err, &fault)
		return fmt.Errorf("%s: %s", s.position(fault.At), fault.Text)
	}
	s.text = text
	s.take(file, now)
	return nil
}

// readStaticFile reads at most one byte more than is allowed, which parsing will
// refuse. A directory or a pipe is never waited for.
func readStaticFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", path, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: it is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", path, cause(err))
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxStaticFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %s", path, cause(err))
	}
	return text, nil
}

// cause is an error of the file system without the path, which is said already.
func cause(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// take makes the file the one that is served.
func (s *Static) take(file staticFile, now time.Time) {
	s.assembler.around.interfaces = localInterfaces()
	var found []staticFinding
	if file.presets != nil {
		found = append(found, presetsFinding(*file.presets))
	}
	served := map[string]bool{}
	for _, e := range file.entries {
		t := s.target(e.name)
		var last staticMemory
		if t.listed {
			last = t.staticMemory
		}
		next, of := s.assembler.assemble(e, last)
		found = append(found, of...)
		if next.defined {
			s.change(t, next, now)
			t.listed, served[e.name] = true, true
		}
	}
	for name, t := range s.targets {
		if !served[name] {
			s.withdraw(name, t, now)
		}
	}
	s.publish(now)
	s.tell(found, len(served), now)
}

func presetsFinding(at labels.Place) staticFinding {
	return staticFinding{at, Reason{
		Code: CodeOddOption, Severity: Warning,
		Text: "`presets` are not in this version of rota, and nothing can `use` them", Fix: "remove `presets`",
	}}
}

func (s *Static) target(name string) *staticTarget {
	t := s.targets[name]
	if t == nil {
		t = &staticTarget{leaving: map[string]leavingUpstream{}}
		s.targets[name] = t
	}
	return t
}

// change gives a Target its next definition. Backends that are missing in it
// have the time to drain that they were promised.
func (s *Static) change(t *staticTarget, next staticMemory, now time.Time) {
	until := now.Add(t.spec.Drain)
	for _, u := range t.spec.Upstreams {
		t.leaving[u.ID] = leavingUpstream{u, until}
	}
	for _, u := range next.spec.Upstreams {
		delete(t.leaving, u.ID)
	}
	if next.defined && !t.defined {
		// Who stands further up in the file is older.
		s.births++
		next.spec.Created = now.Add(time.Duration(s.births))
	} else {
		next.spec.Created = t.spec.Created
	}
	t.staticMemory = next
}

// withdraw takes out a Target that has no entry any more, or none that ever
// held. Nothing is matched to it from now on, so that others may have at once
// what it had.
func (s *Static) withdraw(name string, t *staticTarget, now time.Time) {
	if !t.defined {
		delete(s.targets, name)
		return
	}
	rest := t.staticMemory
	rest.spec.Matches, rest.spec.Upstreams = nil, nil
	s.change(t, rest, now)
	t.listed = false
}

// publish hands out what changed, in order of identity.
func (s *Static) publish(now time.Time) {
	var changed []spec.Target
	for _, name := range slices.Sorted(maps.Keys(s.targets)) {
		t := s.targets[name]
		next := t.at(SourceFile+":"+name, now)
		if !t.defined || t.published.Equal(next) {
			continue
		}
		t.published = next
		changed = append(changed, next)
		if !t.listed && len(next.Upstreams) == 0 {
			delete(s.targets, name)
		}
	}
	if len(changed) > 0 {
		s.options.Publish(changed)
	}
}

// at is the Target as the proxy is to have it now: with those that leave, as
// long as they may.
func (t *staticTarget) at(id string, now time.Time) spec.Target {
	next := t.spec
	next.ID, next.Upstreams = id, slices.Clone(next.Upstreams)
	for _, u := range t.leaving {
		if !u.until.After(now) {
			delete(t.leaving, u.ID)
			continue
		}
		u.Phase = spec.Signalled
		next.Upstreams = append(next.Upstreams, u.Upstream)
	}
	slices.SortFunc(next.Upstreams, func(x, y spec.Upstream) int { return strings.Compare(x.ID, y.ID) })
	return next
}

// nextDeparture is when the next backend that leaves had its time; zero: none
// leaves.
func (s *Static) nextDeparture() time.Time {
	var next time.Time
	for _, t := range s.targets {
		for _, u := range t.leaving {
			if next.IsZero() || u.until.Before(next) {
				next = u.until
			}
		}
	}
	return next
}

// tell brings the status up to date and logs what was not said of the file
// before.
func (s *Static) tell(found []staticFinding, served int, now time.Time) {
	reasons := make([]Reason, len(found))
	told := map[string]bool{}
	for i, f := range found {
		f.Text = s.position(f.at) + ": " + f.Text
		reasons[i] = f.Reason
		if !s.told[f.Text] {
			s.options.Log.WithLevel(logLevel(f.Severity)).Str("code", string(f.Code)).Str("fix", f.Fix).Msg(f.Text)
		}
		told[f.Text] = true
	}
	s.told = told
	s.options.Log.Info().Str("file", s.options.Path).Int("targets", served).Int("findings", len(found)).
		Msg("the file of static targets was read")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Targets, s.status.Read, s.status.Reasons = served, now, reasons
}

func logLevel(s Severity) zerolog.Level {
	switch s {
	case Error:
		return zerolog.ErrorLevel
	case Warning:
		return zerolog.WarnLevel
	}
	return zerolog.InfoLevel
}

// position is a place in the file as editors and compilers write it.
func (s *Static) position(at labels.Place) string {
	if at.Line == 0 {
		return s.options.Path
	}
	return fmt.Sprintf("%s:%d:%d", s.options.Path, at.Line, at.Column)
}
