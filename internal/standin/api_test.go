package standin

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/rota-proxy/rota/internal/whoami"
)

// raw sends a request without docker's client in between.
func raw(t *testing.T, e *Engine, method, path string) *http.Response {
	t.Helper()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(e.Host(), "unix://"))
		},
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://engine"+path, nil)
	must(t, err)
	res, err := transport.RoundTrip(r)
	must(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func TestClientAgreesOnAVersion(t *testing.T) {
	_, c := start(t)
	ping, err := c.Ping(t.Context())
	must(t, err)
	if ping.APIVersion != newestAPI || ping.OSType != "linux" {
		t.Errorf("%+v", ping)
	}
	v, err := c.ServerVersion(t.Context())
	must(t, err)
	if v.APIVersion != newestAPI || v.Version == "" || c.ClientVersion() != newestAPI {
		t.Errorf("%+v, client speaks %s", v, c.ClientVersion())
	}
}

func TestVersionsInThePath(t *testing.T) {
	e, _ := start(t)
	for path, want := range map[string]int{
		"/_ping": 200, "/v1.24/_ping": 200, "/v1.47/version": 200, "/version": 200, "/v1.30/networks": 200,
		"/v1.48/_ping": 400, "/v9/version": 400, "/v1.12/version": 400,
		"/v1.47/": 404, "/": 404, "/volumes": 404, "/containers": 404, "/containers/nope/json": 404,
		"/containers/json?filters=x": 400, "/events?since=x": 400, "/events?until=1.x": 400, "/events?filters=x": 400,
		"/events?filters=%7B%22odd%22:%5B%22x%22%5D%7D": 400,
	} {
		res := raw(t, e, "GET", path)
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
		if res.StatusCode < 400 {
			continue
		}
		var answer struct{ Message string }
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Message == "" {
			t.Errorf("%s: %v %+v", path, err, answer)
		}
	}
}

func TestNothingCanBeChangedThroughTheSocket(t *testing.T) {
	e, _ := start(t)
	replica(t, e, "a", whoami.Leave{})
	for _, path := range []string{"/containers/a/stop", "/containers/create", "/containers/json", "/containers/a/json"} {
		if res := raw(t, e, "POST", path); res.StatusCode != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, res.StatusCode)
		}
	}
	if res := raw(t, e, "DELETE", "/containers/a"); res.StatusCode != http.StatusNotFound {
		t.Errorf("DELETE: %d", res.StatusCode)
	}
	if res := raw(t, e, "HEAD", "/_ping"); res.StatusCode != 200 || res.Header.Get("Api-Version") != newestAPI {
		t.Errorf("HEAD /_ping: %d %v", res.StatusCode, res.Header)
	}
}

func TestClientListsAndInspects(t *testing.T) {
	e, c := start(t)
	first := replica(t, e, "first", whoami.Leave{})
	second, err := e.Create(Replica{Name: "second", Image: "demo:1"})
	must(t, err)

	running, err := c.ContainerList(t.Context(), api.ListOptions{})
	must(t, err)
	if len(running) != 1 || running[0].ID != first {
		t.Errorf("running: %+v", running)
	}
	all, err := c.ContainerList(t.Context(), api.ListOptions{All: true})
	must(t, err)
	if len(all) != 2 || all[0].ID != second || all[0].Names[0] != "/second" || all[0].State != api.StateCreated || all[0].Image != "demo:1" {
		t.Fatalf("all: %+v", all)
	}
	if s := all[1]; s.State != api.StateRunning || s.HostConfig.NetworkMode != network.NetworkHost || s.Labels["rota.port"] == "" || !strings.HasPrefix(s.Status, "Up ") {
		t.Errorf("%+v", s)
	}

	for _, ref := range []string{first, "first", "/first", first[:12]} {
		found, err := c.ContainerInspect(t.Context(), ref)
		must(t, err)
		if found.ID != first || found.Name != "/first" || !found.State.Running || found.Config.Labels["rota.path"] != "/" {
			t.Errorf("%s: %+v", ref, found.State)
		}
		host := found.NetworkSettings.Networks[network.NetworkHost]
		if found.HostConfig.NetworkMode != network.NetworkHost || host == nil || host.EndpointID == "" || host.NetworkID != hostNetworkID {
			t.Errorf("%s: %+v", ref, host)
		}
	}
	_, err = c.ContainerInspect(t.Context(), "third")
	if err == nil || !strings.Contains(err.Error(), "No such container: third") || !errdefs.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
}

func TestClientListsNetworks(t *testing.T) {
	_, c := start(t)
	found, err := c.NetworkList(t.Context(), network.ListOptions{})
	must(t, err)
	if len(found) != 2 || found[0].Name != "host" || found[0].Driver != "host" || found[0].ID != hostNetworkID || found[0].Created.IsZero() {
		t.Errorf("%+v", found)
	}
}
