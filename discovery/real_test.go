package discovery

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
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
	c, err := Dial(EngineOptions{})
	if err == nil {
		_, err = c.Ping(t.Context())
	}
	if err != nil {
		if os.Getenv("ROTA_E2E") == "required" {
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
func (r *realEngine) watch(edits ...func(*Options)) (*Watcher, *recorder) {
	r.t.Helper()
	seen := newRecorder()
	o := Options{Prefix: r.prefix, Publish: seen.publish, Log: zerolog.New(zerolog.NewTestWriter(r.t)).Level(zerolog.InfoLevel)}
	for _, edit := range edits {
		edit(&o)
	}
	return runWatcher(r.t, o), seen
}

// runWatcher runs a Watcher until the test ends.
func runWatcher(t *testing.T, o Options) *Watcher {
	t.Helper()
	w, err := NewWatcher(o)
	if err != nil {
		t.Fatal(err)
	}
	startWatcher(t, w)
	select {
	case <-w.Synced():
	case <-time.After(20 * time.Second):
		t.Fatalf("not synced: %+v", w.Status())
	}
	return w
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
	if drift := w.Status().Drift; drift != 0 {
		t.Errorf("drift %d", drift)
	}
}

func awaitNoVerdict(t *testing.T, w *Watcher, id string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for slices.ContainsFunc(w.Containers(), func(v Verdict) bool { return v.ID == id }) {
		if time.Now().After(deadline) {
			t.Fatalf("the container still has a verdict")
		}
		time.Sleep(time.Millisecond)
	}
}

func isGone(err error) bool { return errdefs.IsNotFound(err) }
