package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestFolderIsMadeOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	f := &demoFolder{}
	if err := f.remove(); err != nil {
		t.Error(err)
	}
	one, err := f.dir()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := f.dir(); err != nil || again != one {
		t.Error(again, err)
	}
	if err := f.remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(one); !os.IsNotExist(err) {
		t.Error("it is still there")
	}
}

func TestSweepTakesDeadDemosOnly(t *testing.T) {
	dir := t.TempDir()
	make := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Join(path, "inside"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dead := make(fmt.Sprintf("rota-demo-%d-1", deadPid(t)))
	kept := []string{make(fmt.Sprintf("rota-demo-%d-2", os.Getpid())), make("rota-demo-x-3"), make("other")}
	sweepFolders(dir)
	sweepFolders(filepath.Join(dir, "nowhere"))
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Error("a dead demo's folder is still there")
	}
	for _, path := range kept {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}
