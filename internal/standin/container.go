package standin

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/rota-proxy/rota/internal/whoami"
)

// ErrNoSuchContainer is what asking for an unknown container gives.
var ErrNoSuchContainer = errors.New("no such container")

// Replica describes a container to create.
type Replica struct {
	Name   string // must be free
	Calls  string // what it calls itself; empty means Name
	Image  string // only shown; empty means "rota"
	Labels map[string]string
	// PortLabel is a further label that gets the port it will listen on,
	// which the stand-in chooses.
	PortLabel string
	// Leave is how it takes SIGTERM.
	Leave whoami.Leave
}

// container is guarded by Engine.mu, all of it.
type container struct {
	id      string
	name    string
	calls   string
	image   string
	labels  map[string]string
	leave   whoami.Leave
	created time.Time
	order   int

	port     int
	reserved net.Listener // keeps the port free until the first start

	state    api.ContainerState
	process  *process // nil unless running or paused
	started  time.Time
	finished time.Time
	exitCode int
}

// newContainer chooses a port and keeps it.
func newContainer(r Replica) (*container, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("choosing a port for %s: %w", r.Name, err)
	}
	c := &container{
		id: newID(), name: r.Name, calls: cmp.Or(r.Calls, r.Name), image: cmp.Or(r.Image, "rota"), labels: maps.Clone(r.Labels), leave: r.Leave, created: time.Now(),
		port: ln.Addr().(*net.TCPAddr).Port, reserved: ln, state: api.StateCreated,
	}
	if c.labels == nil {
		c.labels = map[string]string{}
	}
	if r.PortLabel != "" {
		c.labels[r.PortLabel] = strconv.Itoa(c.port)
	}
	return c, nil
}

// newID is 64 hexadecimal digits, as engines name everything.
func newID() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}

func (c *container) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// listen takes the reserved socket, or opens the port again for a later start.
func (c *container) listen() (net.Listener, error) {
	if ln := c.reserved; ln != nil {
		c.reserved = nil
		return ln, nil
	}
	ln, err := net.Listen("tcp", c.address())
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.name, err)
	}
	return ln, nil
}

// release gives the port of a container up that was never started.
func (c *container) release() {
	if c.reserved != nil {
		c.reserved.Close()
		c.reserved = nil
	}
}

// find looks a container up by id, name or the start of exactly one id, in this
// order. The caller holds the lock.
func (e *Engine) find(ref string) (*container, error) {
	ref = strings.TrimPrefix(ref, "/")
	if c, ok := e.containers[ref]; ok {
		return c, nil
	}
	var begin []*container
	for id, c := range e.containers {
		if c.name == ref {
			return c, nil
		}
		if ref != "" && strings.HasPrefix(id, ref) {
			begin = append(begin, c)
		}
	}
	switch len(begin) {
	case 0:
		return nil, fmt.Errorf("%w: %s", ErrNoSuchContainer, ref)
	case 1:
		return begin[0], nil
	}
	return nil, fmt.Errorf("%w: the ids of several begin with %s", ErrNoSuchContainer, ref)
}

// list is what /containers/json answers: the newest first.
func (e *Engine) list(all bool) []api.Summary {
	e.mu.Lock()
	defer e.mu.Unlock()
	newest := slices.SortedFunc(maps.Values(e.containers), func(a, b *container) int { return b.order - a.order })
	found := []api.Summary{}
	for _, c := range newest {
		if all || c.process != nil {
			found = append(found, c.summary())
		}
	}
	return found
}

// inspect is what /containers/{id}/json answers.
func (e *Engine) inspect(ref string) (api.InspectResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.find(ref)
	if err != nil {
		return api.InspectResponse{}, err
	}
	return c.inspect(), nil
}

func (c *container) summary() api.Summary {
	s := api.Summary{
		ID: c.id, Names: []string{"/" + c.name}, Image: c.image, ImageID: imageID, Command: strings.Join(c.command(), " "),
		Created: c.created.Unix(), Ports: []api.Port{}, Labels: maps.Clone(c.labels), State: c.state, Status: c.status(),
		NetworkSettings: &api.NetworkSettingsSummary{Networks: c.networks()}, Mounts: []api.MountPoint{},
	}
	s.HostConfig.NetworkMode = network.NetworkHost
	return s
}

func (c *container) inspect() api.InspectResponse {
	command := c.command()
	settings := &api.NetworkSettings{Networks: c.networks()}
	settings.Ports = nat.PortMap{} // nothing is published
	return api.InspectResponse{
		ContainerJSONBase: &api.ContainerJSONBase{
			ID: c.id, Name: "/" + c.name, Created: stamp(c.created), Path: command[0], Args: command[1:], State: c.runState(),
			Image: imageID, Driver: "stand-in", Platform: "linux",
			HostConfig: &api.HostConfig{NetworkMode: network.NetworkHost, RestartPolicy: api.RestartPolicy{Name: "no"}},
		},
		Mounts:          []api.MountPoint{},
		Config:          &api.Config{Image: c.image, Cmd: command, Labels: maps.Clone(c.labels)},
		NetworkSettings: settings,
	}
}

// command is what it would be if it were a process of its own.
func (c *container) command() []string {
	return []string{"rota", "whoami", "--listen", c.address(), "--name", c.calls}
}

func (c *container) runState() *api.State {
	return &api.State{
		Status: c.state, Running: c.process != nil, Paused: c.state == api.StatePaused,
		Pid: c.pid(), ExitCode: c.exitCode, StartedAt: stamp(c.started), FinishedAt: stamp(c.finished),
	}
}

// networks has an endpoint only while the container runs, as with an engine.
func (c *container) networks() map[string]*network.EndpointSettings {
	endpoint := &network.EndpointSettings{}
	if !c.started.IsZero() {
		endpoint.NetworkID = hostNetworkID
	}
	if c.process != nil {
		endpoint.EndpointID = c.process.endpoint
	}
	return map[string]*network.EndpointSettings{network.NetworkHost: endpoint}
}

func (c *container) status() string {
	up := "Up " + time.Since(c.started).Round(time.Second).String()
	switch c.state {
	case api.StateRunning:
		return up
	case api.StatePaused:
		return up + " (Paused)"
	case api.StateExited:
		return fmt.Sprintf("Exited (%d) %s ago", c.exitCode, time.Since(c.finished).Round(time.Second))
	}
	return "Created"
}

// stamp writes a time as an engine does; never is 0001-01-01T00:00:00Z.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
