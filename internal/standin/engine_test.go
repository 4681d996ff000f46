package standin

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/internal/whoami"
)

// start gives a stand-in that the test's end closes, and a real client of it.
func start(t *testing.T) (*Engine, *client.Client) {
	t.Helper()
	e, err := New(t.TempDir(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, dial(t, e)
}

func dial(t *testing.T, e *Engine) *client.Client {
	t.Helper()
	c, err := client.NewClientWithOpts(client.WithHost(e.Host()), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// replica creates and starts one and returns its id.
func replica(t *testing.T, e *Engine, name string, l whoami.Leave) string {
	t.Helper()
	id, err := e.Create(Replica{Name: name, Labels: map[string]string{"rota.path": "/"}, PortLabel: "rota.port", Leave: l})
	must(t, err)
	must(t, e.Start(id))
	return id
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// urlOf follows the port label, as rota does.
func urlOf(t *testing.T, c *client.Client, ref string) string {
	t.Helper()
	found, err := c.ContainerInspect(t.Context(), ref)
	must(t, err)
	return "http://127.0.0.1:" + found.Config.Labels["rota.port"]
}

// get returns the body, or "failed".
func get(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return getWith(ctx, url)
}

func getWith(ctx context.Context, url string) string {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err.Error()
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return "failed"
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "failed"
	}
	return string(text)
}

func stateOf(t *testing.T, c *client.Client, ref string) api.State {
	t.Helper()
	found, err := c.ContainerInspect(t.Context(), ref)
	must(t, err)
	return *found.State
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	e, err := New(dir, zerolog.Nop())
	must(t, err)
	c := dial(t, e)
	url := urlOf(t, c, replica(t, e, "a", whoami.Leave{Drain: time.Hour}))
	_, err = e.Create(Replica{Name: "never-started"})
	must(t, err)
	messages, failed := c.Events(t.Context(), eventsFromNow())
	sleeping := make(chan string, 1)
	go func() { sleeping <- getWith(t.Context(), url+"/sleep?for=1m") }()
	testrig.Eventually(t, "the request to arrive", func() bool { return strings.Contains(get(t, url), "Name: a") })

	must(t, e.Close())
	must(t, e.Close())
	for ended := false; !ended; {
		select {
		case <-messages: // of its last moments
		case err := <-failed:
			if ended = true; err == nil {
				t.Error("the event stream ended without an error")
			}
		}
	}
	if got := <-sleeping; got != "failed" {
		t.Errorf("a running request got %q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	_ = c.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	testrig.Eventually(t, "no goroutine to be left", func() bool { return runtime.NumGoroutine() <= before })
	if _, err := e.Create(Replica{Name: "late"}); err == nil {
		t.Error("a closed engine creates containers")
	}
	if err := e.Start("never-started"); err == nil {
		t.Error("a closed engine starts containers")
	}
}

func TestSocketIsPrivate(t *testing.T) {
	e, _ := start(t)
	info, err := os.Stat(filepath.Dir(strings.TrimPrefix(e.Host(), "unix://")))
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestLongFolderNamesStillGiveASocket(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	must(t, os.Mkdir(long, 0o700))
	e, err := New(long, zerolog.Nop())
	must(t, err)
	if left, _ := os.ReadDir(long); len(left) != 0 {
		t.Errorf("left behind in the long folder: %v", left)
	}
	_, err = dial(t, e).Ping(t.Context())
	must(t, err)
	must(t, e.Close())
}

func TestMissingFolderIsAnError(t *testing.T) {
	if _, err := New(filepath.Join(t.TempDir(), "nowhere"), zerolog.Nop()); err == nil {
		t.Error("no error")
	}
}
