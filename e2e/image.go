package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// program is a static binary that becomes an image of its own, with nothing
// else in it.
type program struct {
	source  string // the package, relative to the module
	path    string // in the image
	changes []string
}

func rotaProgram() program {
	return program{source: ".", path: "usr/local/bin/rota", changes: []string{
		"ENV PATH=/usr/local/bin",
		`ENTRYPOINT ["/usr/local/bin/rota"]`,
		`CMD ["serve"]`,
		"EXPOSE 80",
	}}
}

func appProgram() program {
	return program{source: "./e2e/app", path: "app", changes: []string{`ENTRYPOINT ["/app"]`, "EXPOSE 8080"}}
}

// build makes the binary at file, for the engine's platform and without C, so
// that it runs where nothing else is.
func (p program) build(ctx context.Context, file, arch string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, p.source)
	build.Dir = ".." // tests run in their own folder
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", p.source, err, said)
	}
	return nil
}

// image builds the binary and makes the image tag of it.
func (p program) image(ctx context.Context, e *engine, tag, folder string) error {
	file := filepath.Join(folder, filepath.Base(p.path))
	if err := p.build(ctx, file, e.arch); err != nil {
		return err
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading what was built: %w", err)
	}
	return e.importImage(ctx, tag, p.layer(binary), p.changes)
}

func (p program) layer(binary []byte) *bytes.Buffer {
	var root bytes.Buffer
	w := tar.NewWriter(&root)
	// Into a buffer, whose writes do not fail.
	_ = w.WriteHeader(&tar.Header{Name: p.path, Mode: 0o755, Size: int64(len(binary)), ModTime: time.Unix(0, 0)})
	_, _ = w.Write(binary)
	_ = w.Close()
	return &root
}
