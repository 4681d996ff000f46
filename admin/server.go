// Package admin is the listener for operators and their machines: health, and
// what the proxy knows, as JSON. It only reads, through interfaces declared
// here, and it trusts nobody: see [Server] for what a request must be like.
// docs/api.md describes every answer.
package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy/spec"
)

// The bounds of one connection. Answers are small and made from memory.
const (
	headTimeout  = 5 * time.Second
	readTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 60 * time.Second
	maxHead      = 16 << 10
	drainTimeout = 2 * time.Second
)

// Targets is the side that serves, as far as it is shown. *proxy.Mux is one.
type Targets interface {
	Targets() []spec.TargetStatus
}

// Engine is a followed container engine, as far as it is shown.
// *discovery.Watcher is one.
type Engine interface {
	Containers() []discovery.Verdict
	Status() discovery.EngineStatus
}

// File is a followed file of static Targets, as far as it is shown.
// *discovery.Static is one.
type File interface {
	Status() discovery.StaticStatus
}

// Options say what the listener shows and to whom.
type Options struct {
	// Addr is the address as configured. Its host is one that requests may
	// name; a wildcard allows every literal IP address.
	Addr string
	// Token must come with every request but those for health. Empty: none is
	// asked for, which only a loopback address should be trusted with.
	Token string
	// Targets, Engines and Files are what is shown. No Engine at all is ready at
	// once: Files have been read when they get here.
	Targets Targets
	Engines []Engine
	Files   []File
	Version Version
	Log     zerolog.Logger
}

// Server answers operators. A request must be GET or HEAD, must name a host
// that is the listener's own (otherwise a web page could reach it through a
// name that resolves to it), must not come from a page of another origin, and
// must carry the token. Safe for any number of requests at once.
type Server struct {
	options Options
	handler http.Handler
}

// NewServer makes a Server; nothing listens before Serve.
func NewServer(o Options) *Server {
	s := &Server{options: o}
	s.handler = s.guard(s.routes())
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// The pages. What is under apiPrefix needs the token.
const (
	pathHealth     = "/healthz"
	pathReady      = "/readyz"
	pathTargets    = "/api/v1/targets"
	pathContainers = "/api/v1/containers"
	pathVersion    = "/api/v1/version"
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(pathHealth, s.health)
	mux.HandleFunc(pathReady, s.ready)
	mux.HandleFunc(pathTargets, s.targets)
	mux.HandleFunc(pathContainers, s.containers)
	mux.HandleFunc(pathVersion, s.version)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		s.refuse(w, http.StatusNotFound, "there is no such page; there are "+
			pathHealth+", "+pathReady+", "+pathTargets+", "+pathContainers+" and "+pathVersion)
	})
	return mux
}

// Serve answers on ln, which it closes, until ctx ends; then it gives running
// requests two seconds. nil is a clean end.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          quietLog(s.options.Log),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serving the admin listener: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		_ = server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the admin listener: %w", err)
	}
	return nil
}
