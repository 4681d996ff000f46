package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy"
	"github.com/rota-proxy/rota/proxy/spec"
)

const demoName = "demo"

const (
	// demoReady is how long replicas may take until they are ready.
	demoReady = 20 * time.Second
	// demoClearing bounds the removal of everything.
	demoClearing = 30 * time.Second
	// demoMost is how many replicas there may be.
	demoMost = 9
)

// demoOptions are the flags of `rota demo`.
type demoOptions struct {
	duration time.Duration // 0: until it is ended
	replicas int
	http     string
	standIn  bool
}

func newDemoCommand() *cobra.Command {
	var o demoOptions
	command := &cobra.Command{
		Use:   demoName + " [flags]",
		Short: "See it work: labelled replicas on the engine, live rotation; all gone afterwards",
		Long: `Start labelled replicas of the sample upstream on the container engine, route to them, and show the rotation live.

The image is made of this very program, without a registry. On a terminal, + and - change the number of replicas, k kills one (it is started again), q or Ctrl-C ends. Containers, network and image are removed in the end; what a killed demo left behind, the next one removes. Where no engine answers, a stand-in inside this process takes its place.`,
		Example: strings.Join([]string{
			"rota demo                   until q or Ctrl-C",
			"rota demo --for 15s         end by itself",
			"rota demo --stand-in        without the engine",
		}, "\n"),
		Args: noArguments,
	}
	flags := command.Flags()
	addFlag(flags, "for", flagValue(&o.duration, "0s", parseDuration), flagText{
		placeholder: "DURATION", example: "15s", shown: "until it is ended", help: "End after this time.",
	})
	addFlag(flags, "replicas", flagValue(&o.replicas, "3", parseReplicas), flagText{
		placeholder: "N", example: "3", help: fmt.Sprintf("How many replicas to begin with, 1 to %d.", demoMost),
	})
	addFlag(flags, entryHTTP, flagValue(&o.http, "127.0.0.1:0", parseAddress), flagText{
		placeholder: "ADDRESS", example: "127.0.0.1:8080", shown: "a free port of 127.0.0.1", help: "Take HTTP in here.",
	})
	addSwitch(flags, &o.standIn, "stand-in", flagText{help: "Do without the engine of this machine."})
	command.RunE = func(command *cobra.Command, _ []string) error {
		return runDemo(command.Context(), o, command.InOrStdin(), command.OutOrStdout())
	}
	return command
}

func parseReplicas(text string) (int, error) {
	if len(text) != 1 || text[0] < '1' || text[0] > '0'+demoMost {
		return 0, fmt.Errorf("is not a number from 1 to %d", demoMost)
	}
	return int(text[0] - '0'), nil
}

// demo is one run: a stage with replicas on it, and a proxy that finds them by
// their labels as any other.
type demo struct {
	o        demoOptions
	id       demoID
	stage    stage
	mux      *proxy.Mux
	listener *proxy.Listener
	watcher  *discovery.Watcher
	replicas *troupe
	load     *demoLoad
}

// runDemo shows rotation until ctx ends, the time is over or the user has seen
// enough; nil then. Whatever happens, everything it made is removed before it
// returns.
func runDemo(ctx context.Context, o demoOptions, in io.Reader, out io.Writer) (err error) {
	// A closed terminal is a usual way to leave a demo.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	id, err := newDemoID()
	if err != nil {
		return err
	}
	say := func(format string, values ...any) { _, _ = fmt.Fprintf(out, format+"\n", values...) }
	sweepFolders(os.TempDir())
	folder := &demoFolder{}
	defer func() { err = errors.Join(err, folder.remove()) }()

	stage, err := chooseStage(ctx, o, id, folder, say)
	if err != nil {
		return unlessCancelled(ctx, err)
	}
	defer func() { err = errors.Join(err, clearStage(ctx, stage, say)) }()
	d, err := newDemo(o, id, stage)
	if err != nil {
		return err
	}
	return unlessCancelled(ctx, d.run(ctx, in, out, say))
}

// unlessCancelled makes being ended early a clean end.
func unlessCancelled(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// clearStage removes everything and says what. If the demo was not ended by a
// signal, the first one cuts the removal short; after one the second ends the
// process (UntilSignal).
func clearStage(ctx context.Context, s stage, say func(string, ...any)) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), demoClearing)
	defer cancel()
	if ctx.Err() == nil {
		defer context.AfterFunc(ctx, cancel)()
	}
	removed, err := s.clear(last)
	if len(removed) > 0 {
		say("Removed: %s.", strings.Join(removed, ", "))
	}
	if err != nil {
		return fmt.Errorf("removing what the demo made (the next demo tries again): %w", err)
	}
	return nil
}

// newDemo binds the address and makes the proxy; nothing runs yet.
func newDemo(o demoOptions, id demoID, s stage) (*demo, error) {
	d := &demo{o: o, id: id, stage: s, replicas: newTroupe(s), mux: proxy.NewMux(proxy.Options{Log: zerolog.Nop()})}
	var err error
	d.listener, err = proxy.Listen(proxy.ListenerOptions{
		Name: entryHTTP, Addr: o.http, Handler: d.mux.Handler(entryHTTP), Inline: true, Log: zerolog.Nop(), Grace: time.Second,
	})
	if err != nil {
		return nil, errors.Join(err, d.closeMux())
	}
	d.load = newDemoLoad("http://" + d.listener.Addr().String() + "/")
	d.watcher, err = discovery.NewWatcher(discovery.Options{
		Engine:   discovery.EngineOptions{Host: s.host()},
		Prefix:   id.name(),
		OwnPorts: []int{portOf(d.listener.Addr())},
		Entries:  []string{entryHTTP},
		Log:      zerolog.Nop(),
		Publish:  func(targets []spec.Target) { d.mux.Apply(targets...) },
		Complete: d.mux.Synced,
	})
	if err != nil {
		return nil, errors.Join(err, d.listener.Close(), d.closeMux())
	}
	return d, nil
}

func (d *demo) closeMux() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	if err := d.mux.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("closing the proxy: %w", err)
	}
	return nil
}

// run ends with everything joined: the show first, then the proxy.
func (d *demo) run(ctx context.Context, in io.Reader, out io.Writer, say func(string, ...any)) error {
	behind, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	scenes, behind := errgroup.WithContext(behind)
	scenes.Go(func() error { return unlessEnded(behind, d.watcher.Run(behind)) })
	scenes.Go(func() error { return d.listener.Serve(behind) })

	front, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(behind, cancel)() // no show without a proxy
	err := d.open(front, say)
	if err == nil {
		err = d.show(front, in, out, say)
	}
	stop()
	return errors.Join(err, scenes.Wait(), d.closeMux())
}

// open starts the first replicas and waits until they are in rotation.
func (d *demo) open(ctx context.Context, say func(string, ...any)) error {
	if err := d.replicas.grow(ctx, d.o.replicas); err != nil {
		return err
	}
	select {
	case <-d.watcher.Synced():
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(demoReady):
		return fmt.Errorf("the engine was not read within %s: %s", demoReady, d.watcher.Status().Error)
	}
	if err := d.awaitReady(ctx, d.o.replicas); err != nil {
		return err
	}
	d.introduce(say)
	return nil
}

// awaitReady looks rather than listens: the proxy has no news of readiness.
func (d *demo) awaitReady(ctx context.Context, want int) error {
	patience, cancel := context.WithTimeout(ctx, demoReady)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if d.ready() >= want {
			return nil
		}
		select {
		case <-look.C:
		case <-patience.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%d of %d replicas are ready after %s%s", d.ready(), want, demoReady, d.obstacles())
		}
	}
}

func (d *demo) ready() int {
	n := 0
	for _, u := range d.upstreams() {
		if u.State == spec.Ready {
			n++
		}
	}
	return n
}

// upstreams are the proxy's view of the replicas. The demo's prefix is its own,
// so there is one Target at most.
func (d *demo) upstreams() []spec.UpstreamStatus {
	targets := d.mux.Targets()
	if len(targets) == 0 {
		return nil
	}
	return targets[0].Upstreams
}

// obstacles are the reasons why replicas are not in rotation, as `rota ps`
// would give them.
func (d *demo) obstacles() string {
	var b strings.Builder
	for _, v := range d.watcher.Containers() {
		if !d.id.owns(v.Name) || v.Outcome == discovery.Routed {
			continue
		}
		for _, t := range v.Targets {
			for _, r := range append(v.Reasons, t.Reasons...) {
				fmt.Fprintf(&b, "\n  %s: %s", printable(d.id.replica(v.Name)), printable(r.Text))
			}
		}
	}
	for _, u := range d.upstreams() {
		if u.State != spec.Ready {
			fmt.Fprintf(&b, "\n  %s: %s %s", printable(d.id.replica(u.Name)), u.State, printable(u.Reason))
		}
	}
	return b.String()
}

// introduce says what runs and what to type.
func (d *demo) introduce(say func(string, ...any)) {
	say("The labels of each:")
	for _, line := range d.id.labelLines() {
		say("  %s", line)
	}
	say("Proxy on %s — try it from another terminal:", d.load.url)
	say("  curl -s %s | head -2", d.load.url)
}

// show sends requests and shows who answers, until ctx ends, the time is over
// or the user ends it.
func (d *demo) show(ctx context.Context, in io.Reader, out io.Writer, say func(string, ...any)) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	if d.o.duration > 0 {
		defer time.AfterFunc(d.o.duration, end).Stop()
	}
	acts, ctx := errgroup.WithContext(ctx)
	acts.Go(func() error { d.load.run(ctx); return nil })
	acts.Go(func() error { return d.replicas.run(ctx) })
	if keys := keyboard(in, out); keys != nil {
		acts.Go(func() error { defer end(); return newDemoScreen(d, out).run(ctx, keys) })
	} else {
		acts.Go(func() error { newDemoLines(d, say).run(ctx); return nil })
	}
	err := acts.Wait()
	d.sumUp(say)
	return err
}

// sumUp says who answered how often, and whether anything was lost.
func (d *demo) sumUp(say func(string, ...any)) {
	tally := d.load.tally()
	var shares []string
	for _, name := range slices.Sorted(maps.Keys(tally)) {
		shares = append(shares, fmt.Sprintf("%s %d", name, tally[name]))
	}
	sent, lost := d.load.sum()
	say("Sent %d requests through the proxy (%s); lost %d.", sent, strings.Join(shares, ", "), lost)
	if why := d.load.complaint(); why != "" {
		say("The last one lost: %s.", why)
	}
}
