package e2e

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDemoEndsEarly ends demos by signals. The program is built as `go build`
// does it by default, so that, where there is a C compiler, the demo has to
// make the static binary for its image by itself.
func TestDemoEndsEarly(t *testing.T) {
	r := newRig(t)
	t.Setenv("TMPDIR", t.TempDir())
	binary := filepath.Join(t.TempDir(), "rota")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = ".."
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatal(err, indented(string(said)))
	}
	t.Run("interrupted", func(t *testing.T) {
		demo := r.startDemo(t, binary)
		if got := demo.left(t); len(got) != 5 {
			t.Errorf("want 3 containers, a network and an image while it runs, got %v", got)
		}
		must(t, demo.Process.Signal(os.Interrupt))
		must(t, demo.Wait())
		if got := demo.left(t); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
	t.Run("killed", func(t *testing.T) {
		demo := r.startDemo(t, binary)
		must(t, demo.Process.Kill())
		if demo.Wait() == nil {
			t.Error("a killed demo ended well")
		}
		if got := demo.left(t); len(got) != 5 {
			t.Errorf("want 3 containers, a network and an image for the next demo to find, got %v", got)
		}
		next := r.startDemo(t, binary, "--for", "1s", "--replicas", "1")
		must(t, next.Wait())
		if got := append(demo.left(t), next.left(t)...); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
	files, err := os.ReadDir(os.TempDir())
	must(t, err)
	for _, file := range files {
		t.Errorf("%s stays behind in the temporary folder", file.Name())
	}
}

// runningDemo is a demo in a process of its own that has shown rotation.
type runningDemo struct {
	*exec.Cmd
	engine *engine
	name   string // rota-demo-ID, in the name of all it makes
}

func (r *rig) startDemo(t *testing.T, binary string, args ...string) runningDemo {
	t.Helper()
	c := exec.Command(binary, append([]string{"demo"}, args...)...)
	c.Env = append(os.Environ(), "DOCKER_HOST=unix://"+r.engine.socket)
	output, input, err := os.Pipe()
	must(t, err)
	c.Stdout, c.Stderr = input, input
	must(t, c.Start())
	must(t, input.Close())
	t.Cleanup(func() { _, _ = c.Process.Kill(), c.Wait() })
	demo := runningDemo{Cmd: c, engine: r.engine}
	lines := bufio.NewScanner(output)
	for lines.Scan() && !strings.HasSuffix(lines.Text(), ", 0 lost)") {
		if name := regexp.MustCompile(`^ +(rota-demo-\w+)\.`).FindStringSubmatch(lines.Text()); name != nil {
			demo.name = name[1]
		}
	}
	if demo.name == "" || lines.Err() != nil {
		t.Fatalf("no rotation is seen: %v, last %q", lines.Err(), lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, output); _ = output.Close() }() // ends with the demo
	return demo
}

// left is what the engine has of this demo.
func (d runningDemo) left(t *testing.T) []string {
	t.Helper()
	names, err := d.engine.names(t.Context(), d.name)
	must(t, err)
	images, err := d.engine.names(t.Context(), strings.Replace(d.name, "rota-demo-", "rota-demo:", 1))
	must(t, err)
	return append(names, images...)
}
