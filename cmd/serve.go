package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/rota-proxy/rota/admin"
	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy"
	"github.com/rota-proxy/rota/proxy/certs"
	"github.com/rota-proxy/rota/proxy/spec"
)

const serveName = "serve"

const (
	// firstSync bounds how long traffic waits for the engine: after it, unknown
	// hosts get a 503 that says what is missing.
	firstSync = 5 * time.Second
	// closeGrace is for what the Mux still holds once the listeners are done.
	closeGrace = 2 * time.Second
)

func newServeCommand(env environment) *cobra.Command {
	command := &cobra.Command{
		Use:   serveName + " [flags]",
		Short: "Run the proxy; this is what rota does without a command",
		Long: `Run the proxy: follow the container engine, route requests to labelled containers, and to what --file describes.

The addresses are taken at once, so that one in use is an error at the start, and answered on once the engine has been read, at the latest after 5 s; clients that connect in between wait. An engine that is down or goes away is tried again for ever, and what was known is served meanwhile.`,
		Args: noArguments,
	}
	c := bindConfig(command.Flags())
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := c.check(); err != nil {
			return err
		}
		log := newLog(c.logs, command.ErrOrStderr(), env)
		warnOfUnknown(log, env.unknown(command.Root()))
		s, err := newServer(c, env, log, command.OutOrStdout())
		if err != nil {
			return err
		}
		return s.Run(command.Context())
	}
	return command
}

func warnOfUnknown(log zerolog.Logger, variables []unknownVariable) {
	for _, v := range variables {
		line := log.Warn().Str("variable", v.name)
		if v.nearest != "" {
			line = line.Str("nearest", v.nearest)
		}
		line.Msg("unknown environment variable ignored")
	}
}

// server is the whole program: what follows the engine, what serves, what
// shows. It is made with every address bound and runs once.
type server struct {
	log        zerolog.Logger
	mux        *proxy.Mux
	files      *certs.Files       // certificates
	watcher    *discovery.Watcher // nil: there is no engine
	static     *discovery.Static  // nil: there is no file
	listeners  []trafficListener
	admin      *admin.Server
	adminBound net.Listener
	left       whereabouts
}

// trafficListener is a Listener and the name labels know it by.
type trafficListener struct {
	name string
	*proxy.Listener
}

// newServer binds all addresses and starts nothing. Errors about what was asked
// for are usage errors; an address that cannot be had is not, because it may be
// free the next time.
func newServer(c *config, env environment, log zerolog.Logger, stdout io.Writer) (*server, error) {
	files, err := certs.OpenFiles(c.certs, log)
	if err != nil {
		return nil, err
	}
	s := &server{
		log:   log,
		left:  whereaboutsIn(dataFolder(c.data, env, inContainer())),
		files: files,
		mux: proxy.NewMux(proxy.Options{
			Log:    log,
			Access: newAccessLog(c.logs, stdout, env),
			// 0 would be the Mux's default.
			Linger:         max(c.linger, time.Nanosecond),
			TrustedProxies: c.trusted,
			DebugHeaders:   c.debug,
			Certificate:    files.Pair,
			Certificates:   &certs.Store{Files: files, Authority: certs.NewAuthority(authorityFolder(c.data, env))},
		}),
	}
	err = s.bind(c)
	if err == nil {
		err = s.readFile(c)
	}
	if err == nil {
		err = s.watch(c)
	}
	if err != nil {
		s.release()
		return nil, err
	}
	shown := admin.Options{
		Addr: c.admin.addr, Token: c.admin.token, Targets: s.mux, Version: buildVersion(), Log: log,
	}
	if s.watcher != nil {
		shown.Engines = []admin.Engine{s.watcher}
	}
	if s.static != nil {
		shown.Files = []admin.File{s.static}
	}
	s.admin = admin.NewServer(shown)
	return s, nil
}

func (s *server) bind(c *config) error {
	var unasked error
	for _, e := range c.entries() {
		err := s.listen(c, e)
		switch {
		case err != nil && e.Name == entryHTTPS && !c.https.asked:
			unasked = err
		case err != nil:
			return err
		}
	}
	if len(s.listeners) == 0 {
		return unasked
	}
	if unasked != nil {
		s.log.Warn().Err(unasked).Msg("HTTPS is not taken in; --https names another address, --https '' turns it off")
	}
	bound, err := listenAdmin(c.admin)
	s.adminBound = bound
	return err
}

// listen binds the address of one entry.
func (s *server) listen(c *config, e entry) error {
	o := proxy.ListenerOptions{
		Name: e.Name, Addr: e.Addr, Handler: s.mux.Handler(e.Name), Inline: true, Log: s.log, Grace: c.grace, Bounds: c.bounds,
	}
	if e.Name == entryHTTPS {
		o.TLS = s.mux.TLSConfig(e.Name)
	}
	listener, err := proxy.Listen(o)
	if err != nil {
		return err
	}
	if e.Name == entryHTTPS {
		s.mux.SetHTTPS(e.Name, portOf(listener.Addr()))
	}
	s.listeners = append(s.listeners, trafficListener{e.Name, listener})
	return nil
}

// listenAdmin binds the admin address. Without a token it must turn out to be
// loopback, whatever the name it was given by resolves to.
func listenAdmin(c adminConfig) (net.Listener, error) {
	bound, err := net.Listen("tcp", c.addr)
	if err != nil {
		return nil, fmt.Errorf("opening the admin listener: %w; is another rota running? "+
			"--admin 127.0.0.1:0 takes any free port", err)
	}
	if c.token == "" && !isLoopback(bound.Addr().String()) {
		return nil, errors.Join(
			usageErrorf("--admin %q resolves to %s, which other machines reach, and needs --admin-token", c.addr, bound.Addr()),
			bound.Close())
	}
	return bound, nil
}

// readFile makes the static Targets live. Without an engine those are all.
func (s *server) readFile(c *config) error {
	if c.file != "" {
		static, err := discovery.NewStatic(discovery.StaticOptions{
			Path:        c.file,
			DefaultHost: c.discovery.defaultHost,
			Entries:     s.entries(),
			OwnAddrs:    s.addresses(),
			Log:         s.log,
			Publish:     s.apply,
		})
		if err != nil {
			return usageErrorf("preparing the Targets of --file: %w", err)
		}
		s.static = static
	}
	if c.withoutEngine() {
		s.mux.Synced()
	}
	return nil
}

func (s *server) apply(targets []spec.Target) { s.mux.Apply(targets...) }

func (s *server) watch(c *config) error {
	if c.withoutEngine() {
		return nil
	}
	engine := c.engine()
	watcher, err := discovery.NewWatcher(discovery.Options{
		Engine:      discovery.EngineOptions{Name: engine.Name, Host: engine.Host},
		Prefix:      c.discovery.prefix,
		ExposeAll:   c.discovery.expose == exposeAll,
		DefaultHost: c.discovery.defaultHost,
		Network:     c.discovery.network,
		Self:        c.discovery.self,
		OwnPorts:    s.ports(),
		Entries:     s.entries(),
		Log:         s.log,
		Publish:     s.apply,
		Complete:    s.mux.Synced,
	})
	if err != nil {
		return usageErrorf("preparing to follow the engine of --docker or DOCKER_HOST: %w", err)
	}
	s.watcher = watcher
	return nil
}

// addresses are those of every listener, which are never an Upstream.
func (s *server) addresses() []net.Addr {
	addrs := []net.Addr{s.adminBound.Addr()}
	for _, listener := range s.listeners {
		addrs = append(addrs, listener.Addr())
	}
	return addrs
}

// ports are those of every listener: never the Upstream of a container on the
// host's network.
func (s *server) ports() []int {
	var ports []int
	for _, addr := range s.addresses() {
		ports = append(ports, portOf(addr))
	}
	return ports
}

// entries are the names that labels know the listeners by.
func (s *server) entries() []string {
	var names []string
	for _, listener := range s.listeners {
		names = append(names, listener.name)
	}
	return names
}

func portOf(addr net.Addr) int {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		panic("BUG: a listener that is not TCP")
	}
	return tcp.Port
}

// release gives back what a server that will not run has bound.
func (s *server) release() {
	for _, listener := range s.listeners {
		_ = listener.Close()
	}
	if s.adminBound != nil {
		_ = s.adminBound.Close()
	}
	_ = s.mux.Close(context.Background())
}

// Run serves until ctx ends; then it stops accepting and lets running requests
// finish for the grace time. While they do, the engine is still followed: a
// replica that leaves in that time must not be waited for. The first failure
// ends everything. nil is a clean end.
func (s *server) Run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	support, background := errgroup.WithContext(background)
	if s.watcher != nil {
		support.Go(func() error { return unlessEnded(background, s.watcher.Run(background)) })
	}
	if s.static != nil {
		support.Go(func() error { return unlessEnded(background, s.static.Run(background)) })
	}
	support.Go(func() error { return unlessEnded(background, s.files.Run(background)) })
	support.Go(func() error { return s.admin.Serve(background, s.adminBound) })
	support.Go(func() error { tidyWhenQuiet(background); return nil })

	s.announce()
	err := s.serveTraffic(ctx, background)
	err = errors.Join(err, s.closeMux(ctx))
	stop()
	err = errors.Join(err, support.Wait())
	s.left.remove(s.adminBound.Addr().String())
	s.log.Info().Err(err).Msg("rota has stopped")
	return err
}

// serveTraffic lasts until ctx ends and running requests are done, or until
// something in the background fails.
func (s *server) serveTraffic(ctx, background context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(background, cancel)()
	s.awaitSync(ctx)
	traffic, ctx := errgroup.WithContext(ctx)
	for _, listener := range s.listeners {
		traffic.Go(func() error { return listener.Serve(ctx) })
	}
	<-ctx.Done()
	s.log.Info().Msg("no new connections are taken, running requests finish")
	return traffic.Wait()
}

// awaitSync holds traffic back until the engine has been read: the sockets are
// bound, so clients that come early wait in the kernel's queue instead of
// getting a wrong answer.
func (s *server) awaitSync(ctx context.Context) {
	if s.watcher == nil {
		return
	}
	timer := time.NewTimer(firstSync)
	defer timer.Stop()
	select {
	case <-s.watcher.Synced():
	case <-ctx.Done():
	case <-timer.C:
		s.log.Warn().Str("error", s.watcher.Status().Error).
			Msg("traffic is taken in although the engine has not been read yet")
	}
}

func (s *server) closeMux(ctx context.Context) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer cancel()
	if err := s.mux.Close(last); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("ending the last requests: %w", err)
	}
	return nil
}

// announce says where rota can be reached: to people in the log, to `rota ps`
// and `rota healthcheck` by a file. Without the file those need --admin.
func (s *server) announce() {
	line := s.log.Info().Str("version", buildVersion().Version)
	for _, listener := range s.listeners {
		line = line.Stringer(listener.name, listener.Addr())
	}
	line.Stringer("admin", s.adminBound.Addr())
	if s.watcher != nil {
		status := s.watcher.Status()
		line.Str("engine", status.Name).Str("engine_host", status.Host)
	}
	if s.static != nil {
		line.Str("file", s.static.Status().Path)
	}
	line.Msg("rota has started")
	if err := s.left.write(s.adminBound.Addr().String()); err != nil {
		s.log.Warn().Err(err).Msg("rota ps and rota healthcheck will need --admin: the data folder cannot be written")
	}
}

// unlessEnded drops the error that only repeats that ctx has ended.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}
