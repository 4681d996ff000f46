package discovery

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	dockercontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"
	"github.com/rs/zerolog"
)

// realEngine is the engine of this machine, with an image of a tiny service.
// Everything made through it carries one label and is removed at the end.
type realEngine struct {
	*client.Client
	t      *testing.T
	image  string
	prefix string // label prefix: other proxies on this engine are not meant
}

func newRealEngine(t *testing.T) *realEngine {
	t.Helper()
	wanted := os.Getenv("ROTA_E2E")
	if wanted == "off" {
		t.Skip("ROTA_E2E=off: tests on a real engine are not wanted")
	}
	c, err := Dial(EngineOptions{})
	if err == nil {
		_, err = c.Ping(t.Context())
	}
	if err != nil {
		if wanted == "required" {
			t.Fatalf("ROTA_E2E=required, and no engine answers: %v", err)
		}
		t.Skipf("no engine answers: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	name := fmt.Sprintf("rota-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	r := &realEngine{Client: c, t: t, image: name, prefix: name}
	r.build()
	return r
}

// build makes the image: one static binary and nothing else.
func (r *realEngine) build() {
	r.t.Helper()
	binary := filepath.Join(r.t.TempDir(), "app")
	build := exec.CommandContext(r.t.Context(), "go", "build", "-o", binary, "./testdata/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		r.t.Fatalf("building the test service: %v\n%s", err, out)
	}
	content, err := os.ReadFile(binary)
	r.must(err)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	r.must(w.WriteHeader(&tar.Header{Name: "app", Mode: 0o755, Size: int64(len(content))}))
	_, err = w.Write(content)
	r.must(err)
	r.must(w.Close())
	answer, err := r.ImageImport(r.t.Context(), image.ImportSource{Source: &archive, SourceName: "-"}, r.image,
		image.ImportOptions{Changes: []string{`ENTRYPOINT ["/app"]`, `CMD ["8080"]`, "EXPOSE 8080"}})
	r.must(err)
	_, err = io.Copy(io.Discard, answer)
	r.must(err)
	_ = answer.Close()
	r.t.Cleanup(func() {
		_, err := r.ImageRemove(context.Background(), r.image, image.RemoveOptions{Force: true})
		r.check(err)
	})
}

func (r *realEngine) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *realEngine) check(err error) {
	if err != nil {
		r.t.Error(err)
	}
}

// create makes a container with labels of ours, given without prefix.
func (r *realEngine) create(name string, labels map[string]string, host *dockercontainer.HostConfig, edits ...func(*dockercontainer.Config)) string {
	r.t.Helper()
	config := &dockercontainer.Config{Image: r.image, Labels: map[string]string{"rota-test": fmt.Sprint(os.Getpid())}}
	for key, value := range labels {
		config.Labels[r.prefix+"."+key] = value
	}
	for _, edit := range edits {
		edit(config)
	}
	made, err := r.ContainerCreate(r.t.Context(), config, host, nil, nil, r.prefix+"-"+name)
	r.must(err)
	r.t.Cleanup(func() {
		err := r.ContainerRemove(context.Background(), made.ID, dockercontainer.RemoveOptions{Force: true})
		if err != nil && !isGone(err) {
			r.t.Error(err)
		}
	})
	return made.ID
}

func (r *realEngine) start(id string) {
	r.t.Helper()
	r.must(r.ContainerStart(r.t.Context(), id, dockercontainer.StartOptions{}))
}

func (r *realEngine) network(name string) string {
	r.t.Helper()
	made, err := r.NetworkCreate(r.t.Context(), r.prefix+"-"+name, network.CreateOptions{Labels: map[string]string{"rota-test": fmt.Sprint(os.Getpid())}})
	r.must(err)
	r.t.Cleanup(func() { r.check(r.NetworkRemove(context.Background(), made.ID)) })
	return made.ID
}

// watch runs a Watcher on the engine and waits for its first full picture.
func (r *realEngine) watch(edits ...func(*Watcher)) (*Watcher, *recorder) {
	r.t.Helper()
	seen := newRecorder()
	w, err := NewWatcher(Options{
		Prefix: r.prefix, Publish: seen.publish,
		Log: zerolog.New(zerolog.NewTestWriter(r.t)).Level(zerolog.WarnLevel),
	})
	r.must(err)
	w.every = 50 * time.Millisecond // to look for drift often
	for _, edit := range edits {
		edit(w)
	}
	startWatcher(r.t, w)
	select {
	case <-w.Synced():
	case <-time.After(20 * time.Second):
		r.t.Fatalf("not synced: %+v", w.Status())
	}
	r.t.Cleanup(func() {
		if drift := w.Status().Drift; drift != 0 {
			r.t.Errorf("drift %d", drift)
		}
	})
	return w, seen
}

func startWatcher(t *testing.T, w *Watcher) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("Run ended with %v", err)
		}
	})
}

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}

// TestRealLife follows one container through everything an engine can do to
// it.
func TestRealLife(t *testing.T) {
	r := newRealEngine(t)
	w, seen := r.watch()
	ctx := t.Context()
	name := r.prefix + "-web"
	target := "container:" + name
	id := r.create("web", map[string]string{"host": "web.test"}, nil)

	r.start(id)
	seen.await(t, target, name+" running")
	first, _, _ := seen.look(target)

	r.must(r.ContainerPause(ctx, id))
	seen.await(t, target, name+" paused")
	r.must(r.ContainerUnpause(ctx, id))
	seen.await(t, target, name+" running")

	r.must(r.ContainerKill(ctx, id, "HUP"))
	r.must(r.ContainerRestart(ctx, id, dockercontainer.StopOptions{}))
	seen.await(t, target, name+" running")
	again, _, _ := seen.look(target)
	if first.Upstreams[0].ID == again.Upstreams[0].ID {
		t.Errorf("a restart kept the Upstream's ID %s", again.Upstreams[0].ID)
	}
	if first.Upstreams[0].Container != again.Upstreams[0].Container {
		t.Error("a restart changed the container's id")
	}

	r.must(r.ContainerRename(ctx, id, name+"-2"))
	seen.await(t, target, "")
	name += "-2"
	target += "-2"
	seen.await(t, target, name+" running")

	r.must(r.ContainerKill(ctx, id, "KILL"))
	seen.await(t, target, "")
	r.must(r.ContainerRemove(ctx, id, dockercontainer.RemoveOptions{}))
	awaitNoVerdict(t, w, id)
}

func awaitNoVerdict(t *testing.T, w *Watcher, id string) {
	t.Helper()
	await(t, "the verdict to go", func() bool {
		return !slices.ContainsFunc(w.Containers(), func(v Verdict) bool { return v.ID == id })
	})
}

// get asks the Target's only Upstream.
func (r *realEngine) get(seen *recorder, id, path string) string {
	r.t.Helper()
	target, _, _ := seen.look(id)
	if len(target.Upstreams) != 1 {
		r.t.Fatalf("%s has %d upstreams", id, len(target.Upstreams))
	}
	var body []byte
	await(r.t, "an answer from "+target.Upstreams[0].Address, func() bool {
		answer, err := http.Get("http://" + target.Upstreams[0].Address + path)
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		body, err = io.ReadAll(answer.Body)
		return err == nil
	})
	return string(body)
}

// TestRealNetworks: every way to a container really leads to it.
func TestRealNetworks(t *testing.T) {
	r := newRealEngine(t)
	_, seen := r.watch()
	ctx := t.Context()
	edge := r.network("edge")
	at := func(name string) string { return "container:" + r.prefix + "-" + name }
	running := func(name string) string { return r.prefix + "-" + name + " running" }

	web := r.create("web", map[string]string{"host": "web.test"}, nil)
	r.must(r.NetworkConnect(ctx, edge, web, nil)) // before the start: a network this host learns of with it
	r.start(web)
	seen.await(t, at("web"), running("web"))
	r.get(seen, at("web"), "/")
	first, _, _ := seen.look(at("web"))
	r.must(r.NetworkDisconnect(ctx, "bridge", web, false))
	await(t, "the other network's address", func() bool {
		now, _, _ := seen.look(at("web"))
		return len(now.Upstreams) == 1 && now.Upstreams[0].Address != first.Upstreams[0].Address
	})
	r.get(seen, at("web"), "/")
	r.must(r.NetworkDisconnect(ctx, edge, web, false))
	seen.await(t, at("web"), "")
	r.must(r.NetworkConnect(ctx, "bridge", web, nil))
	seen.await(t, at("web"), running("web"))
	r.get(seen, at("web"), "/")

	beside := r.create("beside", map[string]string{"host": "beside.test", "port": "8081"}, &dockercontainer.HostConfig{NetworkMode: dockercontainer.NetworkMode("container:" + web)},
		func(c *dockercontainer.Config) { c.Cmd = []string{"8081"} })
	r.start(beside)
	seen.await(t, at("beside"), running("beside"))
	r.get(seen, at("beside"), "/")
	r.must(r.ContainerKill(ctx, web, "KILL"))
	seen.await(t, at("beside"), "")

	host := r.create("host", map[string]string{"host": "host.test", "port": "18473"}, &dockercontainer.HostConfig{NetworkMode: "host"},
		func(c *dockercontainer.Config) { c.Cmd = []string{"18473"} })
	r.start(host)
	seen.await(t, at("host"), running("host"))
	r.get(seen, at("host"), "/")

	none := r.create("none", map[string]string{"host": "none.test"}, &dockercontainer.HostConfig{NetworkMode: "none"})
	r.start(none)
	await(t, "a verdict on the one without network", func() bool {
		_, known, _ := seen.look(at("none"))
		return !known.IsZero()
	})
	seen.await(t, at("none"), "")
}

// TestRealPublishedPorts: a host that cannot reach the bridges goes by
// published ports.
func TestRealPublishedPorts(t *testing.T) {
	r := newRealEngine(t)
	_, seen := r.watch(func(w *Watcher) { w.interfaces = func() []netip.Prefix { return nil } })
	id := r.create("web", map[string]string{"host": "web.test"}, &dockercontainer.HostConfig{
		PortBindings: nat.PortMap{"8080/tcp": {{HostIP: "127.0.0.1"}}},
	})
	r.start(id)
	seen.await(t, "container:"+r.prefix+"-web", r.prefix+"-web running")
	r.get(seen, "container:"+r.prefix+"-web", "/")
}

func TestRealHealthcheck(t *testing.T) {
	r := newRealEngine(t)
	_, seen := r.watch()
	target, name := "container:"+r.prefix+"-web", r.prefix+"-web"
	id := r.create("web", map[string]string{"host": "web.test"}, nil, func(c *dockercontainer.Config) {
		c.Healthcheck = &dockercontainer.HealthConfig{
			Test: []string{"CMD", "/app", "check", "/sick"}, Interval: 200 * time.Millisecond, Timeout: 5 * time.Second, Retries: 1,
		}
	})
	r.start(id)
	seen.await(t, target, name+" running")
	r.get(seen, target, "/sick")
	seen.await(t, target, name+" unhealthy")
	r.get(seen, target, "/well")
	seen.await(t, target, name+" running")
}

// TestRealSelf: what a process sees in a container leads to that container.
func TestRealSelf(t *testing.T) {
	r := newRealEngine(t)
	_, seen := r.watch()
	for _, mode := range [...]string{"bridge", "host"} {
		id := r.create("self-"+mode, map[string]string{"host": "web.test", "port": "18474"}, &dockercontainer.HostConfig{NetworkMode: dockercontainer.NetworkMode(mode)},
			func(c *dockercontainer.Config) { c.Cmd = []string{"18474"} })
		r.start(id)
		target := "container:" + r.prefix + "-self-" + mode
		seen.await(t, target, r.prefix+"-self-"+mode+" running")
		all := traces{
			MountInfo: r.get(seen, target, "/proc/self/mountinfo"),
			Cgroup:    r.get(seen, target, "/proc/self/cgroup"),
			Hostname:  r.get(seen, target, "/hostname"),
		}
		for what, some := range map[string]traces{"mountinfo": {MountInfo: all.MountInfo}, "cgroup": {Cgroup: all.Cgroup}, "hostname": {Hostname: all.Hostname}} {
			c, found, err := findSelf(t.Context(), &dockerEngine{client: r.Client}, "", some)
			if mode == "host" && what == "hostname" {
				if found {
					t.Errorf("the host's name %q led to a container", all.Hostname)
				}
				continue
			}
			if err != nil || !found || c.ID != id {
				t.Errorf("%s network, by %s: found %t %s, %v", mode, what, found, short(c.ID), err)
			}
		}
	}
	if _, found, err := findSelf(t.Context(), &dockerEngine{client: r.Client}, "", readTraces()); err != nil || found {
		t.Errorf("this process, on a host: found %t, %v", found, err)
	}
}

// TestRealLatency prints how long the engine's events take to be published.
func TestRealLatency(t *testing.T) {
	r := newRealEngine(t)
	_, seen := r.watch(func(w *Watcher) { w.every = reconcileEvery })
	stream, ended := (&dockerEngine{client: r.Client}).follow(t.Context())
	target, name := "container:"+r.prefix+"-web", r.prefix+"-web"
	id := r.create("web", map[string]string{"host": "web.test"}, nil)
	taken := map[string][]time.Duration{}
	note := func(action, want string) {
		at := seen.await(t, target, want)
		taken[action] = append(taken[action], at.Sub(eventTime(t, stream, ended, id, action)))
	}
	for range 10 {
		r.start(id)
		note("start", name+" running")
		r.must(r.ContainerPause(t.Context(), id))
		note("pause", name+" paused")
		r.must(r.ContainerUnpause(t.Context(), id))
		note("unpause", name+" running")
		r.must(r.ContainerKill(t.Context(), id, "KILL"))
		note("die", "")
	}
	for _, action := range [...]string{"start", "pause", "unpause", "die"} {
		slices.Sort(taken[action])
		t.Logf("%-8s published after a median of %s, at most %s", action, taken[action][5], taken[action][9])
	}
}

// eventTime is the engine's time of the next event of that kind.
func eventTime(t *testing.T, stream <-chan event, ended <-chan error, id, action string) time.Time {
	t.Helper()
	for {
		select {
		case e := <-stream:
			if e.Container == id && e.Action == action {
				return e.Time
			}
		case err := <-ended:
			t.Fatal(err)
		}
	}
}

func isGone(err error) bool { return errdefs.IsNotFound(err) }
