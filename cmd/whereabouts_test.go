package cmd

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhereaboutsAreLeftFoundAndTakenAway(t *testing.T) {
	data := filepath.Join(t.TempDir(), "not", "yet", "there")
	left := whereaboutsIn(data)
	if _, ok, err := left.read(); ok || err != nil {
		t.Fatalf("before anything was left: %v, %v", ok, err)
	}
	for _, addr := range []string{"127.0.0.1:1", "[::]:9900"} {
		if err := left.write(addr); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := left.read(); got != addr || !ok || err != nil {
			t.Errorf("found %q, %v, %v, want %q", got, ok, err, addr)
		}
	}
	left.remove("127.0.0.1:1")
	if _, ok, _ := left.read(); !ok {
		t.Error("the address of another was taken away")
	}
	left.remove("[::]:9900")
	if _, ok, _ := left.read(); ok {
		t.Error("our address is still there")
	}
	if rest, _ := filepath.Glob(filepath.Join(data, "run", "*")); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
}

func TestWhereaboutsAreTheirOwnersAlone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if err := whereaboutsIn(data).write("127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{"run": 0o700, "run/admin": 0o600} {
		info, err := os.Stat(filepath.Join(data, path))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
	}
}

func TestWhereaboutsThatAreNoAddressAreRefused(t *testing.T) {
	data := t.TempDir()
	if err := os.MkdirAll(filepath.Join(data, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "run", "admin"), []byte("evil.test/x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if addr, ok, err := whereaboutsIn(data).read(); ok || err == nil {
		t.Errorf("found %q", addr)
	}
}

func TestWhereaboutsCannotBeLeftInAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := whereaboutsIn(file).write("127.0.0.1:1"); err == nil {
		t.Error("writing into a file that is no folder worked")
	}
}
