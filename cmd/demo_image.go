package cmd

import (
	"archive/tar"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/docker/docker/api/types/image"
)

const modulePath = "github.com/rota-proxy/rota"

// makeImage imports one static binary as an image: no registry, no base. It is
// this program, or a build of its source when this one would not run there.
func (s *engineStage) makeImage(ctx context.Context, arch string, folder *demoFolder, say func(string, ...any)) error {
	binary, why, err := ownBinary(arch)
	if err != nil {
		return err
	}
	if why != "" {
		say("Building a static binary for the image, which may take a minute the first time: %s.", why)
		if binary, err = buildBinary(ctx, arch, folder); err != nil {
			return fmt.Errorf("no image can be made: %s, and %w", why, err)
		}
	}
	if err := s.importImage(ctx, binary, arch); err != nil {
		return fmt.Errorf("importing the image: %w", err)
	}
	return nil
}

// ownBinary is the file of this program. why says what keeps it from running
// alone in a container of that architecture; empty if nothing does.
func ownBinary(arch string) (path, why string, err error) {
	if path, err = os.Executable(); err != nil {
		return "", "", fmt.Errorf("finding this program's file: %w", err)
	}
	if runtime.GOOS != "linux" {
		return path, "this program is for " + runtime.GOOS, nil
	}
	if runtime.GOARCH != arch {
		return path, fmt.Sprintf("this program is for %s and the engine runs %s", runtime.GOARCH, arch), nil
	}
	file, err := elf.Open(path)
	if err != nil {
		return "", "", fmt.Errorf("reading this program's file: %w", err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return path, "this program is linked dynamically", nil
		}
	}
	return path, "", nil
}

// buildBinary builds the module's source for the engine, into folder.
func buildBinary(ctx context.Context, arch string, folder *demoFolder) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	compiler, err := exec.LookPath("go")
	if err != nil {
		return "", errors.New("there is no go command to build another")
	}
	dir, err := folder.dir()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "rota")
	build := exec.CommandContext(ctx, compiler, "build", "-trimpath", "-ldflags=-s -w", "-o", binary, ".")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("building another failed: %w: %s", err, firstLine(text))
	}
	return binary, nil
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return line
}

// moduleRoot finds rota's source: around the working directory, as under `go
// run .`, or where this program was compiled.
func moduleRoot() (string, error) {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			if isModule(dir) {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", errors.New("its source is not here to build another")
}

// isModule says whether rota's own go.mod is there: no other module is built.
func isModule(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1] == modulePath
		}
	}
	return false
}

// importImage streams a tar with the binary alone. The labels go in with the
// same call, so that an image is never without an owner.
func (s *engineStage) importImage(ctx context.Context, binary, arch string) error {
	ctx, cancel, err := finishing(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	read, write := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := packBinary(write, binary)
		write.CloseWithError(err)
		packed <- err
	}()
	changes := []string{`ENTRYPOINT ["/rota"]`}
	for key, value := range s.id.ownership() {
		changes = append(changes, fmt.Sprintf("LABEL %q=%q", key, value))
	}
	answer, err := s.client.ImageImport(ctx, image.ImportSource{Source: read, SourceName: "-"}, s.id.image(),
		image.ImportOptions{Changes: changes, Platform: "linux/" + arch})
	if err == nil {
		err = errors.Join(readProgress(answer), answer.Close())
	}
	read.CloseWithError(err) // the packer may still be writing
	return errors.Join(err, unlessPiped(<-packed))
}

// unlessPiped drops the error that only says that the other end failed first.
func unlessPiped(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// packBinary writes a tar with the file as /rota.
func packBinary(w io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	archive := tar.NewWriter(w)
	header := &tar.Header{Name: "rota", Mode: 0o755, Size: info.Size(), ModTime: info.ModTime(), Typeflag: tar.TypeReg}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(archive, file); err != nil {
		return err
	}
	return archive.Close()
}

// readProgress reads to the end what an engine says while it works; an error
// comes in the middle of it, under status 200.
func readProgress(r io.Reader) error {
	for messages := json.NewDecoder(r); ; {
		var m struct {
			Error string `json:"error"`
		}
		switch err := messages.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.Error != "":
			return errors.New(m.Error)
		}
	}
}
