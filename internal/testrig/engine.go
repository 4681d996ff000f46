// Package testrig is what the tests of several packages need: waits that end,
// scripted peers, and a container engine that answers what the test sets, or what a
// real one was recorded to answer. Only tests import it.
package testrig

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Engine speaks as much of a container engine's HTTP API as a reader of it
// needs, on a unix socket: ping, version, list, inspect, events. What it
// answers is set by the test. All methods may be called from any goroutine.
type Engine struct {
	t    testing.TB
	path string

	mu       sync.Mutex
	server   *http.Server
	version  string
	boxes    map[string]Box
	streams  map[chan string]bool
	requests []string
	refused  map[string]int // status by path, without API version
}

// NewEngine starts an engine without containers that speaks API 1.41. It stops
// with the test.
func NewEngine(t testing.TB) *Engine {
	t.Helper()
	e := &Engine{
		t: t, path: filepath.Join(t.TempDir(), "e.sock"), version: "1.41", // a socket's path must be short
		boxes: map[string]Box{}, streams: map[chan string]bool{}, refused: map[string]int{},
	}
	e.Start()
	t.Cleanup(e.Stop)
	return e
}

// Host is the address for DOCKER_HOST.
func (e *Engine) Host() string { return "unix://" + e.path }

// Start listens again after Stop.
func (e *Engine) Start() {
	e.t.Helper()
	listener, err := net.Listen("unix", e.path)
	if err != nil {
		e.t.Fatal(err)
	}
	server := &http.Server{Handler: e.handler(), ReadHeaderTimeout: 10 * time.Second}
	e.mu.Lock()
	e.server = server
	e.mu.Unlock()
	go func() { _ = server.Serve(listener) }()
}

// Stop ends all connections and refuses new ones.
func (e *Engine) Stop() {
	e.mu.Lock()
	server := e.server
	e.server = nil
	e.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
}

// SetVersion changes the API version offered, as an upgrade does.
func (e *Engine) SetVersion(api string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.version = api
}

// Put adds or replaces containers, without an event.
func (e *Engine) Put(boxes ...Box) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, b := range boxes {
		e.boxes[b.ID] = b
	}
}

// Refuse answers calls of a path (`/version`, without API version) with a
// status; 0 lifts that.
func (e *Engine) Refuse(path string, status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused[path] = status
}

// Emit sends an event of a container, with its labels and the attributes given
// as `key=value`.
func (e *Engine) Emit(id, action string, attributes ...string) {
	e.mu.Lock()
	actor := map[string]string{"name": e.boxes[id].Name, "image": "test"}
	maps.Copy(actor, e.boxes[id].Labels)
	e.mu.Unlock()
	for _, a := range attributes {
		key, value, _ := strings.Cut(a, "=")
		actor[key] = value
	}
	e.send("container", action, id, actor)
}

// EmitNetwork sends an event of a network about a container.
func (e *Engine) EmitNetwork(network, action, id string) {
	e.send("network", action, network+"-id", map[string]string{"name": network, "container": id, "type": "bridge"})
}

func (e *Engine) send(kind, action, id string, attributes map[string]string) {
	now := time.Now()
	line := mustJSON(map[string]any{
		"Type": kind, "Action": action, "Actor": map[string]any{"ID": id, "Attributes": attributes},
		"scope": "local", "time": now.Unix(), "timeNano": now.UnixNano(),
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	for stream := range e.streams {
		stream <- line
	}
}

// CutEvents ends the event streams that are open, and nothing else.
func (e *Engine) CutEvents() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for stream := range e.streams {
		close(stream)
		delete(e.streams, stream)
	}
}

// Requests are all calls so far: `GET /v1.41/containers/json?all=1`.
func (e *Engine) Requests() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

var versionPart = regexp.MustCompile(`^/v1\.\d+`)

func (e *Engine) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", e.ping)
	mux.HandleFunc("GET /version", e.answerVersion)
	mux.HandleFunc("GET /containers/json", e.list)
	mux.HandleFunc("GET /containers/{id}/json", e.inspect)
	mux.HandleFunc("GET /events", e.events)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		e.requests = append(e.requests, r.Method+" "+r.URL.RequestURI())
		r.URL.Path = versionPart.ReplaceAllString(r.URL.Path, "")
		status := e.refused[r.URL.Path]
		e.mu.Unlock()
		if status != 0 {
			answer(w, status, map[string]string{"message": "refused by the test"})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (e *Engine) ping(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w.Header().Set("Api-Version", e.version)
	w.Header().Set("Ostype", "linux")
}

func (e *Engine) answerVersion(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	answer(w, http.StatusOK, map[string]string{"Version": "0.0-test", "ApiVersion": e.version, "MinAPIVersion": "1.24"})
}

func (e *Engine) list(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := []any{}
	for _, id := range slices.Sorted(maps.Keys(e.boxes)) {
		all = append(all, e.boxes[id].summary())
	}
	answer(w, http.StatusOK, all)
}

func (e *Engine) inspect(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b, found := e.boxes[r.PathValue("id")]
	if !found {
		answer(w, http.StatusNotFound, map[string]string{"message": "No such container: " + r.PathValue("id")})
		return
	}
	answer(w, http.StatusOK, b.description())
}

func (e *Engine) events(w http.ResponseWriter, r *http.Request) {
	stream := make(chan string, 1000)
	e.mu.Lock()
	e.streams[stream] = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.streams, stream)
	}()
	w.Header().Set("Content-Type", "application/json")
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case line, open := <-stream:
			if !open {
				return
			}
			_, _ = fmt.Fprintln(w, line)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, mustJSON(body))
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("testrig: " + err.Error())
	}
	return string(b)
}

// Box is a container of an Engine. Summary and Description, when set, are
// answered as they are instead of what follows from the other fields: that is
// how recorded answers are replayed.
type Box struct {
	ID, Name  string
	Labels    map[string]string
	State     string // empty: running
	Health    string
	IP        string // on the network "bridge", 172.17.0.0/16
	Port      int    // exposed; 0: none
	StartedAt time.Time

	Summary, Description json.RawMessage
}

func (b Box) state() string {
	if b.State == "" {
		return "running"
	}
	return b.State
}

func (b Box) networks() map[string]any {
	return map[string]any{"Networks": map[string]any{"bridge": map[string]any{
		"NetworkID": "bridge-id", "Gateway": "172.17.0.1", "IPAddress": b.IP, "IPPrefixLen": 16,
	}}}
}

// summary is the container as the list shows it.
func (b Box) summary() any {
	if b.Summary != nil {
		return b.Summary
	}
	status := "Up 2 minutes"
	switch b.Health {
	case "":
	case "starting":
		status += " (health: starting)"
	default:
		status += " (" + b.Health + ")"
	}
	return map[string]any{
		"Id": b.ID, "Names": []string{"/" + b.Name}, "Image": "test", "Labels": b.Labels, "State": b.state(), "Status": status,
		"HostConfig": map[string]string{"NetworkMode": "default"}, "NetworkSettings": b.networks(),
	}
}

// description is the container as inspect shows it.
func (b Box) description() any {
	if b.Description != nil {
		return b.Description
	}
	state := map[string]any{"Status": b.state(), "Running": b.state() == "running", "StartedAt": b.StartedAt.UTC().Format(time.RFC3339Nano)}
	if b.Health != "" {
		state["Health"] = map[string]any{"Status": b.Health}
	}
	config := map[string]any{"Image": "test", "Labels": b.Labels}
	if b.Port != 0 {
		config["ExposedPorts"] = map[string]any{fmt.Sprintf("%d/tcp", b.Port): struct{}{}}
	}
	return map[string]any{
		"Id": b.ID, "Name": "/" + b.Name, "Created": "2020-01-01T00:00:00Z", "State": state, "Config": config,
		"HostConfig": map[string]any{"NetworkMode": "default"}, "NetworkSettings": b.networks(),
	}
}
