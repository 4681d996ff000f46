package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/rota-proxy/rota/discovery"
)

const (
	// engineAnswers is how long an engine may take to say that it is there.
	engineAnswers = 2 * time.Second
	// engineMakes is how long it may take to make one thing.
	engineMakes = time.Minute
)

// demoEngine is what a demo asks of an engine, reads and writes; docker's
// client has it.
type demoEngine interface {
	DaemonHost() string
	ServerVersion(context.Context) (types.Version, error)
	ImageImport(context.Context, image.ImportSource, string, image.ImportOptions) (io.ReadCloser, error)
	ImageList(context.Context, image.ListOptions) ([]image.Summary, error)
	ImageRemove(context.Context, string, image.RemoveOptions) ([]image.DeleteResponse, error)
	NetworkCreate(context.Context, string, network.CreateOptions) (network.CreateResponse, error)
	NetworkList(context.Context, network.ListOptions) ([]network.Summary, error)
	NetworkRemove(context.Context, string) error
	ContainerCreate(context.Context, *container.Config, *container.HostConfig, *network.NetworkingConfig, *ocispec.Platform, string) (container.CreateResponse, error)
	ContainerInspect(context.Context, string) (container.InspectResponse, error)
	ContainerStart(context.Context, string, container.StartOptions) error
	ContainerStop(context.Context, string, container.StopOptions) error
	ContainerKill(ctx context.Context, id, signal string) error
	ContainerRemove(context.Context, string, container.RemoveOptions) error
	ContainerList(context.Context, container.ListOptions) ([]container.Summary, error)
	Close() error
}

// engineStage is the stage on a container engine.
type engineStage struct {
	id      demoID
	client  demoEngine
	network string
}

// newEngineStage finds the engine and makes image and network. An error says
// why the demo has to do without; nothing is left on the engine then.
func newEngineStage(ctx context.Context, id demoID, folder *demoFolder, say func(string, ...any)) (stage, error) {
	client, err := discovery.Dial(discovery.EngineOptions{})
	if err != nil {
		return nil, err
	}
	s := &engineStage{id: id, client: client}
	version, err := s.greet(ctx)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	say("Engine: Docker %s at %s.", printable(version.Version), client.DaemonHost())
	if err := s.prepare(ctx, version, folder, say); err != nil {
		_, left := s.clear(context.WithoutCancel(ctx))
		return nil, errors.Join(err, left)
	}
	return s, nil
}

// finishing is for calls that make something. They are not cut short: an engine
// may carry a cancelled call out all the same, after everything was removed.
func finishing(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineMakes)
	return ctx, cancel, nil
}

// greet asks an engine who it is.
func (s *engineStage) greet(ctx context.Context) (types.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, engineAnswers)
	defer cancel()
	v, err := s.client.ServerVersion(ctx)
	switch {
	case err != nil:
		return v, noAnswer(s.client.DaemonHost(), err)
	case v.Os != "linux":
		return v, fmt.Errorf("the engine at %s runs %s containers, and the demo's are for linux", s.client.DaemonHost(), v.Os)
	}
	return v, nil
}

// noAnswer leaves the reason out where docker's client only has the same to
// say in other words.
func noAnswer(host string, err error) error {
	reason := oneLine(err)
	if strings.HasPrefix(reason, "Cannot connect to the Docker daemon") {
		return fmt.Errorf("no engine answers at %s", host)
	}
	return fmt.Errorf("no engine answers at %s (%s)", host, reason)
}

// oneLine cuts an error to its first sentence: docker's client adds advice of
// its own to some.
func oneLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	text, _, _ = strings.Cut(text, ". ")
	return strings.TrimSuffix(text, ".")
}

func (s *engineStage) prepare(ctx context.Context, v types.Version, folder *demoFolder, say func(string, ...any)) error {
	if swept, err := s.sweep(ctx); err != nil {
		say("Leftovers of an earlier demo could not be removed: %s.", printable(oneLine(err)))
	} else if len(swept) > 0 {
		say("Removed what an earlier demo left behind: %s.", strings.Join(swept, ", "))
	}
	if err := s.makeImage(ctx, v.Arch, folder, say); err != nil {
		return err
	}
	return s.joinNetwork(ctx)
}

// sweep removes what dead demos of this machine have left.
func (s *engineStage) sweep(ctx context.Context) ([]string, error) {
	return s.removeAll(ctx, demoLabelPid, abandoned)
}

// joinNetwork makes a network for the replicas. A demo in a container of this
// engine could not reach that, and uses the one that it is on itself.
func (s *engineStage) joinNetwork(ctx context.Context) error {
	if s.network = s.ownNetwork(ctx); s.network != "" {
		return nil
	}
	ctx, cancel, err := finishing(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	_, err = s.client.NetworkCreate(ctx, s.id.name(), network.CreateOptions{Driver: "bridge", Labels: s.id.ownership()})
	if err != nil {
		return fmt.Errorf("making a network: %w", err)
	}
	s.network = s.id.name()
	return nil
}

// ownNetwork is a network of the container this process is in; empty when it
// is in none of this engine's.
func (s *engineStage) ownNetwork(ctx context.Context) string {
	hostname, err := os.Hostname()
	if err != nil || !inContainer() {
		return ""
	}
	self, err := s.client.ContainerInspect(ctx, hostname)
	if err != nil || self.NetworkSettings == nil || self.HostConfig.NetworkMode.IsHost() {
		return ""
	}
	names := slices.Sorted(maps.Keys(self.NetworkSettings.Networks))
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

func (s *engineStage) host() string { return s.client.DaemonHost() }

// create publishes the port on the loopback address too: where the engine runs
// in a virtual machine, its bridges cannot be reached from here, and the
// Watcher chooses the published port by itself.
func (s *engineStage) create(ctx context.Context, replica string) error {
	ctx, cancel, err := finishing(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	labels := s.id.ownership()
	maps.Copy(labels, s.id.routing())
	port := nat.Port(strconv.Itoa(demoPort) + "/tcp")
	config := &container.Config{
		Image: s.id.image(), Labels: labels, ExposedPorts: nat.PortSet{port: {}},
		Cmd: []string{"whoami", "--listen", ":" + strconv.Itoa(demoPort), "--name", replica},
	}
	host := &container.HostConfig{
		NetworkMode:  container.NetworkMode(s.network),
		PortBindings: nat.PortMap{port: {{HostIP: "127.0.0.1"}}},
		CapDrop:      []string{"ALL"}, ReadonlyRootfs: true, SecurityOpt: []string{"no-new-privileges"},
	}
	made, err := s.client.ContainerCreate(ctx, config, host, nil, nil, s.id.container(replica))
	if err != nil {
		return fmt.Errorf("creating %s: %w", replica, err)
	}
	if err := s.client.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		return fmt.Errorf("starting %s: %w", replica, err)
	}
	return nil
}

func (s *engineStage) remove(ctx context.Context, replica string) error {
	name := s.id.container(replica)
	if err := s.client.ContainerStop(ctx, name, container.StopOptions{}); err != nil {
		return fmt.Errorf("stopping %s: %w", replica, err)
	}
	if err := s.client.ContainerRemove(ctx, name, container.RemoveOptions{Force: true}); err != nil {
		return fmt.Errorf("removing %s: %w", replica, err)
	}
	return nil
}

func (s *engineStage) kill(ctx context.Context, replica string) error {
	if err := s.client.ContainerKill(ctx, s.id.container(replica), "KILL"); err != nil {
		return fmt.Errorf("killing %s: %w", replica, err)
	}
	return nil
}

func (s *engineStage) revive(ctx context.Context, replica string) error {
	if err := s.client.ContainerStart(ctx, s.id.container(replica), container.StartOptions{}); err != nil {
		return fmt.Errorf("starting %s again: %w", replica, err)
	}
	return nil
}

// clear goes by the labels rather than by memory: a call that was cancelled may
// have been carried out all the same.
func (s *engineStage) clear(ctx context.Context) ([]string, error) {
	removed, err := s.removeAll(ctx, demoLabelID+"="+string(s.id), func(map[string]string) bool { return true })
	return removed, errors.Join(err, s.client.Close())
}

// removeAll removes the containers, networks and images that have the label
// and the consent of `doomed`, in the order in which they hold each other.
func (s *engineStage) removeAll(ctx context.Context, label string, doomed func(labels map[string]string) bool) ([]string, error) {
	labelled := filters.NewArgs(filters.Arg("label", label))
	containers, err := s.removeContainers(ctx, labelled, doomed)
	networks, err2 := s.removeNetworks(ctx, labelled, doomed)
	images, err3 := s.removeImages(ctx, labelled, doomed)
	var removed []string
	if containers > 0 {
		removed = append(removed, counted(containers, "container"))
	}
	for _, name := range networks {
		removed = append(removed, "network "+printable(name))
	}
	for _, name := range images {
		removed = append(removed, "image "+printable(name))
	}
	return removed, errors.Join(err, err2, err3)
}

// removeContainers does so side by side, because each takes a while.
func (s *engineStage) removeContainers(ctx context.Context, labelled filters.Args, doomed func(map[string]string) bool) (int, error) {
	all, err := s.client.ContainerList(ctx, container.ListOptions{All: true, Filters: labelled})
	if err != nil {
		return 0, fmt.Errorf("listing containers: %w", err)
	}
	all = slices.DeleteFunc(all, func(c container.Summary) bool { return !doomed(c.Labels) })
	var removed atomic.Int64
	var removals errgroup.Group
	for _, c := range all {
		removals.Go(func() error {
			err := s.client.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
			if err == nil {
				removed.Add(1)
			}
			return unlessGone(err, "removing container "+c.ID)
		})
	}
	err = removals.Wait()
	return int(removed.Load()), err
}

func (s *engineStage) removeNetworks(ctx context.Context, labelled filters.Args, doomed func(map[string]string) bool) (removed []string, err error) {
	all, err := s.client.NetworkList(ctx, network.ListOptions{Filters: labelled})
	if err != nil {
		return nil, fmt.Errorf("listing networks: %w", err)
	}
	for _, n := range all {
		if !doomed(n.Labels) {
			continue
		}
		failed := s.client.NetworkRemove(ctx, n.ID)
		if failed == nil {
			removed = append(removed, n.Name)
		}
		err = errors.Join(err, unlessGone(failed, "removing network "+n.Name))
	}
	return removed, err
}

func (s *engineStage) removeImages(ctx context.Context, labelled filters.Args, doomed func(map[string]string) bool) (removed []string, err error) {
	all, err := s.client.ImageList(ctx, image.ListOptions{Filters: labelled})
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	for _, i := range all {
		if !doomed(i.Labels) {
			continue
		}
		name := i.ID
		if len(i.RepoTags) > 0 {
			name = i.RepoTags[0]
		}
		_, failed := s.client.ImageRemove(ctx, i.ID, image.RemoveOptions{Force: true, PruneChildren: true})
		if failed == nil {
			removed = append(removed, name)
		}
		err = errors.Join(err, unlessGone(failed, "removing image "+name))
	}
	return removed, err
}

// unlessGone lets pass that somebody else, another demo perhaps, was faster.
func unlessGone(err error, doing string) error {
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
