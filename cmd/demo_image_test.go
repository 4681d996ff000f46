package cmd

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestPackedBinaryIsAllThereIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	if err := packBinary(&packed, path); err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(&packed)
	header, err := archive.Next()
	if err != nil || header.Name != "rota" || header.Mode != 0o755 {
		t.Fatal(err, header)
	}
	if content, err := io.ReadAll(archive); err != nil || string(content) != "binary" {
		t.Errorf("%q %v", content, err)
	}
	if _, err := archive.Next(); err != io.EOF {
		t.Error("there is more")
	}
	if err := packBinary(io.Discard, filepath.Join(path, "nowhere")); err == nil {
		t.Error("a missing file is packed")
	}
}

func TestOwnBinaryKnowsWhereItRuns(t *testing.T) {
	path, why, err := ownBinary("mips")
	if err != nil || path == "" || why == "" {
		t.Errorf("%q %q %v", path, why, err)
	}
	_, why, err = ownBinary(runtime.GOARCH)
	if err != nil || runtime.GOOS != "linux" && why == "" {
		t.Errorf("%q %v", why, err)
	}
}

// A build that takes its time is announced before it begins: here it cannot even
// begin.
func TestDemoSaysThatItBuilds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var said []string
	say := func(format string, values ...any) { said = append(said, fmt.Sprintf(format, values...)) }
	folder := &demoFolder{}
	t.Cleanup(func() { _ = folder.remove() })
	if err := (&engineStage{}).makeImage(ctx, "mips", folder, say); err == nil {
		t.Error("an image was made of nothing")
	}
	if len(said) != 1 || !strings.Contains(said[0], "may take a minute") {
		t.Errorf("said %q", said)
	}
}

func TestModuleRootIsRotasOwn(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "cmd", "demo_image.go")); err != nil {
		t.Error(err)
	}
	other := t.TempDir()
	for content, want := range map[string]bool{
		"module github.com/rota-proxy/rota\n":                    true,
		"// about\n\nmodule github.com/rota-proxy/rota\ngo 1.26": true,
		"module github.com/rota-proxy/other\n":                   false,
		"go 1.26\n":                                              false,
	} {
		if err := os.WriteFile(filepath.Join(other, "go.mod"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := isModule(other); got != want {
			t.Errorf("%q: %v", content, got)
		}
	}
}

func TestProgressIsReadToItsEnd(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "",
		`{"status":"a"}` + "\n{}":                "",
		`{"status":"a"}{"error":"no space"}`:     "no space",
		`{"status":`:                             "unexpected EOF",
		`{"error":"first"}` + `{"error":"last"}`: "first",
	} {
		err := readProgress(strings.NewReader(text))
		if got := ""; err != nil {
			got = err.Error()
			if got != want {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		} else if want != "" {
			t.Errorf("%q: no error", text)
		}
	}
}
