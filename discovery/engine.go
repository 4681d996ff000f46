package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	dockercontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"
)

// EngineOptions say which container engine is meant.
type EngineOptions struct {
	// Name tells engines apart in identities of Upstreams, in logs and in the
	// API. Empty: "docker".
	Name string
	// Host is unix:///path or tcp://host:port. Empty: DOCKER_HOST, else the
	// platform's default socket. A tcp host is spoken to over TLS with the
	// files of DOCKER_CERT_PATH when that is set; DOCKER_TLS_VERIFY asks for
	// its certificate to be verified.
	Host string
}

// name is the engine's name with its default.
func (o EngineOptions) name() string {
	if o.Name == "" {
		return "docker"
	}
	return o.Name
}

// Client is the engine's client, under a name of ours: who has to write to the
// engine need not import the client for it.
type Client = client.Client

// Dial makes a client of the engine. Nothing is sent: the API version is
// agreed on with the first call, so a client should not outlive a connection
// that broke. Errors mean that the options or the files they name are wrong.
// The Watcher itself only reads; the client is for whoever has to write.
func Dial(o EngineOptions) (*Client, error) {
	host := o.Host
	if host == "" {
		host = os.Getenv(client.EnvOverrideHost)
	}
	if host == "" {
		host = client.DefaultDockerHost
	}
	if err := checkHost(host); err != nil {
		return nil, err
	}
	options := []client.Opt{client.WithHost(host), client.WithVersionFromEnv(), client.WithAPIVersionNegotiation()}
	if strings.HasPrefix(host, "tcp://") {
		// Given for a unix socket the TLS files would turn it into https.
		options = slices.Insert(options, 0, client.WithTLSClientConfigFromEnv())
	}
	c, err := client.NewClientWithOpts(options...)
	if err != nil {
		return nil, fmt.Errorf("preparing to reach the engine at %s: %w", host, err)
	}
	return c, nil
}

// checkHost refuses what the client would only stumble over later.
func checkHost(host string) error {
	u, err := url.Parse(host)
	if err != nil {
		return fmt.Errorf("engine address %q: %w", host, err)
	}
	switch {
	case u.Scheme == "unix" && u.Path != "", u.Scheme == "tcp" && u.Host != "", u.Scheme == "npipe":
		return nil
	}
	return fmt.Errorf("engine address %q: want unix:///path or tcp://host:port", host)
}

// engine is all the Watcher ever asks: reads, and no others. The answers are
// plain values of our own.
type engine interface {
	// version also agrees on the API version to speak.
	version(context.Context) (engineVersion, error)
	// follow returns once the engine has confirmed the subscription: what
	// happens afterwards is in the stream. The error channel yields one error
	// and ends the stream.
	follow(context.Context) (<-chan event, <-chan error)
	list(context.Context) ([]listed, error)
	// inspect answers errGone for a container that does not exist (any more).
	inspect(context.Context, string) (container, error)
	// close waits for the streams, so their contexts must have ended.
	close()
}

// errGone is the engine saying that it has no such container.
var errGone = errors.New("no such container")

// errRefused is a filter in front of the engine not letting a call through.
var errRefused = errors.New("refused")

type engineVersion struct{ Engine, API string }

// event is one event of the engine, cut to what matters.
type event struct {
	Network    bool   // of a network, not of a container
	Action     string // start, die, connect …; health_status without the status
	Container  string // id
	NetworkID  string
	Time       time.Time // by the engine's clock
	Attributes map[string]string
}

// listed is a container as the list shows it: less than inspect, for all of
// them in one call.
type listed struct {
	container // without StartedAt, Hostname, Exposed, StopSignal, StopTimeout
}

// watched are the events that change anything; the engine sends no others.
// `health_status` is compared as a prefix there; exec events, of which every
// HEALTHCHECK makes three per probe, are not asked for.
var watched = [...]string{
	"create", "start", "die", "kill", "pause", "unpause", "rename", "destroy", "stop", "restart", "update", "health_status",
	"connect", "disconnect",
}

// dockerEngine is the engine behind docker's client.
type dockerEngine struct {
	client  *client.Client
	streams sync.WaitGroup
}

func dialEngine(o EngineOptions) (engine, error) {
	c, err := Dial(o)
	if err != nil {
		return nil, err
	}
	return &dockerEngine{client: c}, nil
}

func (e *dockerEngine) close() {
	e.streams.Wait()
	_ = e.client.Close()
}

func (e *dockerEngine) version(ctx context.Context) (engineVersion, error) {
	v, err := e.client.ServerVersion(ctx)
	if errdefs.IsPermissionDenied(err) || errdefs.IsNotFound(err) {
		return engineVersion{API: e.client.ClientVersion()}, errRefused
	}
	if err != nil {
		return engineVersion{}, fmt.Errorf("asking for the engine's version: %w", err)
	}
	return engineVersion{Engine: v.Version, API: e.client.ClientVersion()}, nil
}

func (e *dockerEngine) follow(ctx context.Context) (<-chan event, <-chan error) {
	wanted := filters.NewArgs(filters.Arg("type", "container"), filters.Arg("type", "network"))
	for _, action := range watched {
		wanted.Add("event", action)
	}
	messages, failed := e.client.Events(ctx, events.ListOptions{Filters: wanted})
	// The engine drops events of a subscriber that reads too slowly, so there
	// is room for a burst while the Watcher is busy.
	reduced, ended := make(chan event, 1024), make(chan error, 1)
	e.streams.Go(func() { reduceEvents(messages, failed, reduced, ended) })
	return reduced, ended
}

// reduceEvents turns docker's messages into ours until the stream fails, which
// it does at the latest with its context.
func reduceEvents(messages <-chan events.Message, failed <-chan error, reduced chan<- event, ended chan<- error) {
	for {
		select {
		case m := <-messages:
			select {
			case reduced <- reduceEvent(m):
			case err := <-failed:
				ended <- err
				return
			}
		case err := <-failed:
			ended <- err
			return
		}
	}
}

func reduceEvent(m events.Message) event {
	action, _, _ := strings.Cut(string(m.Action), ":")
	e := event{Action: action, Time: time.Unix(0, m.TimeNano), Attributes: m.Actor.Attributes}
	if m.Type == events.NetworkEventType {
		e.Network = true
		e.NetworkID = m.Actor.ID
		e.Container = m.Actor.Attributes["container"]
		return e
	}
	e.Container = m.Actor.ID
	return e
}

func (e *dockerEngine) list(ctx context.Context) ([]listed, error) {
	all, err := e.client.ContainerList(ctx, dockercontainer.ListOptions{All: true})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	reduced := make([]listed, len(all))
	for i, s := range all {
		reduced[i] = reduceSummary(s)
	}
	return reduced, nil
}

func (e *dockerEngine) inspect(ctx context.Context, id string) (container, error) {
	answer, err := e.client.ContainerInspect(ctx, id)
	if errdefs.IsNotFound(err) {
		return container{}, errGone
	}
	if err != nil {
		return container{}, fmt.Errorf("inspecting container %s: %w", short(id), err)
	}
	if answer.ContainerJSONBase == nil || answer.State == nil || answer.Config == nil {
		return container{}, fmt.Errorf("inspecting container %s: the answer lacks its state or configuration", short(id))
	}
	return reduceInspect(answer), nil
}

func reduceSummary(s dockercontainer.Summary) listed {
	c := container{
		ID:          s.ID,
		Name:        firstName(s.Names),
		Image:       s.Image,
		Labels:      s.Labels,
		Created:     time.Unix(s.Created, 0),
		State:       s.State,
		Health:      healthOfStatus(s.Status),
		NetworkMode: networkMode(s.HostConfig.NetworkMode),
		StopTimeout: defaultStopTimeout,
	}
	if s.NetworkSettings != nil {
		c.Networks = reduceNetworks(s.NetworkSettings.Networks)
	}
	for _, p := range s.Ports {
		if p.Type == "tcp" && p.PublicPort != 0 {
			c.Published = append(c.Published, publication{p.PrivatePort, hostAddr(p.IP), p.PublicPort})
		}
	}
	sortPublications(c.Published)
	return listed{c}
}

// firstName is the container's own name; the others are those that links gave
// it, which have a second slash.
func firstName(names []string) string {
	for _, n := range names {
		if n = strings.TrimPrefix(n, "/"); !strings.Contains(n, "/") {
			return n
		}
	}
	return ""
}

// healthOfStatus reads `Up 3 minutes (healthy)`: the list has no field for it.
func healthOfStatus(status string) string {
	switch {
	case strings.HasSuffix(status, "(healthy)"):
		return dockercontainer.Healthy
	case strings.HasSuffix(status, "(unhealthy)"):
		return dockercontainer.Unhealthy
	case strings.HasSuffix(status, "(health: starting)"):
		return dockercontainer.Starting
	}
	return ""
}

// networkMode spells the engine's default network as what it is.
func networkMode(mode string) string {
	if mode == "default" {
		return "bridge"
	}
	return mode
}

func reduceInspect(i dockercontainer.InspectResponse) container {
	c := container{
		ID:          i.ID,
		Name:        strings.TrimPrefix(i.Name, "/"),
		Image:       i.Config.Image,
		Hostname:    i.Config.Hostname,
		Labels:      i.Config.Labels,
		Created:     parseTime(i.Created),
		StartedAt:   parseTime(i.State.StartedAt),
		State:       i.State.Status,
		StopSignal:  i.Config.StopSignal,
		StopTimeout: defaultStopTimeout,
		Exposed:     reduceExposed(i.Config.ExposedPorts),
	}
	if h := i.State.Health; h != nil && h.Status != dockercontainer.NoHealthcheck {
		c.Health = h.Status
	}
	if t := i.Config.StopTimeout; t != nil && *t >= 0 {
		c.StopTimeout = time.Duration(*t) * time.Second
	}
	if i.HostConfig != nil {
		c.NetworkMode = networkMode(string(i.HostConfig.NetworkMode))
	}
	if i.NetworkSettings != nil {
		c.Networks = reduceNetworks(i.NetworkSettings.Networks)
		c.Published = reducePublished(i.NetworkSettings.Ports)
	}
	return c
}

// parseTime reads the engine's times; the year 1 stands for never.
func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t
}

func reduceExposed(ports nat.PortSet) []uint16 {
	var tcp []uint16
	for p := range ports {
		if n, err := strconv.ParseUint(p.Port(), 10, 16); err == nil && n > 0 && p.Proto() == "tcp" {
			tcp = append(tcp, uint16(n))
		}
	}
	slices.Sort(tcp)
	return tcp
}

func reducePublished(ports nat.PortMap) []publication {
	var all []publication
	for port, bindings := range ports {
		inner, err := strconv.ParseUint(port.Port(), 10, 16)
		if err != nil || port.Proto() != "tcp" {
			continue
		}
		for _, b := range bindings {
			if outer, err := strconv.ParseUint(b.HostPort, 10, 16); err == nil && outer > 0 {
				all = append(all, publication{uint16(inner), hostAddr(b.HostIP), uint16(outer)})
			}
		}
	}
	sortPublications(all)
	return all
}

// hostAddr reads the address a port is published on; none given means all.
func hostAddr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.IPv4Unspecified()
	}
	return a.Unmap()
}

func reduceNetworks(networks map[string]*network.EndpointSettings) []attachment {
	all := make([]attachment, 0, len(networks))
	for name, n := range networks {
		if n == nil {
			continue
		}
		gateway, _ := netip.ParseAddr(n.Gateway)
		all = append(all, attachment{
			Name: name, ID: n.NetworkID, Gateway: gateway,
			IPv4: prefix(n.IPAddress, n.IPPrefixLen),
			IPv6: prefix(n.GlobalIPv6Address, n.GlobalIPv6PrefixLen),
		})
	}
	sortAttachments(all)
	return all
}

// prefix joins address and length; the zero Prefix when there is no address.
func prefix(addr string, bits int) netip.Prefix {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(a.Unmap(), bits)
}

// short cuts an id to the length people know it by.
func short(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}
