package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/rota-proxy/rota/discovery"
)

// engine is what the scenarios do to containers behind rota's back.
type engine struct {
	api    *discovery.Client
	socket string // of the engine, without the scheme
	arch   string // as Go calls it
}

// replica is a container of a service.
type replica struct {
	id, name, ip string
	running      bool
}

// instance is how the app in it calls itself: the host name Docker gives.
func (r replica) instance() string { return r.id[:12] }

// connect asks the engine of DOCKER_HOST or the usual socket whether it is there.
func connect(ctx context.Context) (*engine, error) {
	api, err := discovery.Dial(discovery.EngineOptions{})
	if err != nil {
		return nil, fmt.Errorf("making a client of the engine: %w", err)
	}
	socket, local := strings.CutPrefix(api.DaemonHost(), "unix://")
	if !local {
		return nil, fmt.Errorf("the scenarios need an engine of this machine, not %s", api.DaemonHost())
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	version, err := api.ServerVersion(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking the engine for its version: %w", err)
	}
	return &engine{api: api, socket: socket, arch: version.Arch}, nil
}

// replicas gives the containers of a compose service in order of name.
func (e *engine) replicas(ctx context.Context, project, service string) ([]replica, error) {
	found, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", "com.docker.compose.project="+project),
		filters.Arg("label", "com.docker.compose.service="+service),
	)})
	if err != nil {
		return nil, fmt.Errorf("listing the replicas of %s: %w", service, err)
	}
	var all []replica
	for _, c := range found {
		r := replica{id: c.ID, name: strings.TrimPrefix(c.Names[0], "/"), running: c.State == container.StateRunning}
		for _, n := range c.NetworkSettings.Networks {
			r.ip = n.IPAddress
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b replica) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

func (e *engine) restart(ctx context.Context, id string) error {
	return e.api.ContainerRestart(ctx, id, container.StopOptions{})
}

func (e *engine) stop(ctx context.Context, id string) error {
	return e.api.ContainerStop(ctx, id, container.StopOptions{})
}

func (e *engine) start(ctx context.Context, id string) error {
	return e.api.ContainerStart(ctx, id, container.StartOptions{})
}

func (e *engine) kill(ctx context.Context, id string) error {
	return e.api.ContainerKill(ctx, id, "KILL")
}

func (e *engine) pause(ctx context.Context, id string) error { return e.api.ContainerPause(ctx, id) }
func (e *engine) unpause(ctx context.Context, id string) error {
	return e.api.ContainerUnpause(ctx, id)
}

// run starts a container on a network, for what no compose file and no command
// line can carry.
func (e *engine) run(ctx context.Context, name, image, network string, labels map[string]string) (id string, err error) {
	created, err := e.api.ContainerCreate(ctx,
		&container.Config{Image: image, Labels: labels},
		&container.HostConfig{NetworkMode: container.NetworkMode(network)}, nil, nil, name)
	if err != nil {
		return "", fmt.Errorf("creating %s: %w", name, err)
	}
	return created.ID, e.start(ctx, created.ID)
}

func (e *engine) remove(ctx context.Context, id string) error {
	return e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
}

// names lists what the engine holds whose name contains part: containers,
// networks, volumes and images.
func (e *engine) names(ctx context.Context, part string) ([]string, error) {
	var all []string
	containers, err := e.api.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	for _, c := range containers {
		all = append(all, c.Names...)
	}
	networks, err := e.api.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing networks: %w", err)
	}
	for _, n := range networks {
		all = append(all, "network "+n.Name)
	}
	volumes, err := e.api.VolumeList(ctx, volume.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	for _, v := range volumes.Volumes {
		all = append(all, "volume "+v.Name)
	}
	images, err := e.api.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	for _, i := range images {
		for _, tag := range i.RepoTags {
			all = append(all, "image "+tag)
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(all, func(name string) bool { return !strings.Contains(name, part) }), nil
}

// logs gives the last lines a container wrote.
func (e *engine) logs(ctx context.Context, id, lines string) (string, error) {
	stream, err := e.api.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: lines})
	if err != nil {
		return "", fmt.Errorf("reading logs: %w", err)
	}
	defer func() { _ = stream.Close() }()
	var both bytes.Buffer
	_, err = stdcopy.StdCopy(&both, &both, stream)
	return both.String(), err
}

// importImage makes an image of a root file system.
func (e *engine) importImage(ctx context.Context, tag string, root io.Reader, changes []string) error {
	progress, err := e.api.ImageImport(ctx, image.ImportSource{Source: root, SourceName: "-"}, tag,
		image.ImportOptions{Changes: changes})
	if err != nil {
		return fmt.Errorf("importing %s: %w", tag, err)
	}
	defer func() { _ = progress.Close() }()
	if _, err := io.Copy(io.Discard, progress); err != nil {
		return fmt.Errorf("importing %s: %w", tag, err)
	}
	return nil
}

func (e *engine) removeImage(ctx context.Context, tag string) error {
	_, err := e.api.ImageRemove(ctx, tag, image.RemoveOptions{Force: true, PruneChildren: true})
	return err
}

// containerEvents follows the events of a project's containers until ctx ends.
func (e *engine) containerEvents(ctx context.Context, project string) (<-chan events.Message, <-chan error) {
	return e.api.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", "container"),
		filters.Arg("label", "com.docker.compose.project="+project),
	)})
}
