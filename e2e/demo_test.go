package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDemo runs the demo on the engine and without one: rotation is seen, it
// ends well, and nothing stays behind.
func TestDemo(t *testing.T) {
	r := newRig(t)
	binary := filepath.Join(t.TempDir(), "rota")
	must(t, rotaProgram().build(t.Context(), binary, r.engine.arch))
	for _, c := range []struct {
		name string
		host string // DOCKER_HOST
	}{
		{"on the engine", "unix://" + r.engine.socket},
		{"without an engine", "unix:///nonexistent/docker.sock"},
	} {
		t.Run(c.name, func(t *testing.T) { r.demo(t, binary, c.host) })
	}
}

func (r *rig) demo(t *testing.T, binary, host string) {
	temporary := t.TempDir()
	before, err := r.engine.names(t.Context(), "rota-demo")
	must(t, err)
	demo := exec.CommandContext(t.Context(), binary, "demo", "--for", "8s")
	demo.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ROTA_") }),
		"DOCKER_HOST="+host, "TMPDIR="+temporary)
	output, err := demo.CombinedOutput()
	if err != nil {
		t.Errorf("the demo ended with %v%s", err, indented(string(output)))
	}
	for _, replica := range []string{"whoami-1", "whoami-2", "whoami-3"} {
		if !bytes.Contains(output, []byte(replica)) {
			t.Errorf("%s is not seen in the rotation:%s", replica, indented(string(output)))
		}
	}
	after, err := r.engine.names(t.Context(), "rota-demo")
	must(t, err)
	for _, name := range after {
		if !slices.Contains(before, name) {
			t.Errorf("%s stays behind", name)
		}
	}
	left, err := os.ReadDir(temporary)
	must(t, err)
	for _, file := range left {
		t.Errorf("%s stays behind in the temporary folder", file.Name())
	}
}
