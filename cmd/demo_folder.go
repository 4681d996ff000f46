package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// demoFolder is a demo's folder for temporary files, made when it is first
// needed: an image of rota alone has no place for any. It is used by one
// goroutine.
type demoFolder struct{ path string }

// demoFolderName has the process id, so that a later demo knows whether the
// folder is still in use.
var demoFolderName = regexp.MustCompile(`^rota-demo-([0-9]+)-`)

// dir is the folder's path.
func (f *demoFolder) dir() (string, error) {
	if f.path != "" {
		return f.path, nil
	}
	path, err := os.MkdirTemp("", fmt.Sprintf("rota-demo-%d-", os.Getpid()))
	if err != nil {
		return "", fmt.Errorf("making a folder for the demo: %w", err)
	}
	f.path = path
	return path, nil
}

// remove may be called without dir before it.
func (f *demoFolder) remove() error {
	if f.path == "" {
		return nil
	}
	if err := os.RemoveAll(f.path); err != nil {
		return fmt.Errorf("removing the demo's folder: %w", err)
	}
	return nil
}

// sweepFolders removes the folders of dead demos below dir, as far as it may:
// other users' folders are theirs.
func sweepFolders(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		match := demoFolderName.FindStringSubmatch(e.Name())
		if match == nil || !e.IsDir() {
			continue
		}
		if pid, err := strconv.Atoi(match[1]); err == nil && !alive(pid) {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
