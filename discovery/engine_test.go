package discovery

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/testrig"
)

// allowed are all the calls the Watcher may ever make.
var allowed = regexp.MustCompile(`^(HEAD /_ping|GET (/_ping|/v1\.\d+(/version|/events(\?.*)?|/containers/json(\?.*)?|/containers/[^/]+/json|/networks(\?.*)?)))$`)

func wantReadsOnly(t *testing.T, requests []string) {
	t.Helper()
	for _, r := range requests {
		if !allowed.MatchString(r) {
			t.Errorf("the Watcher called %s", r)
		}
	}
}

// onRig runs a Watcher against an engine of the rig, with quick reconciling.
func onRig(t *testing.T, e *testrig.Engine) (*Watcher, *recorder) {
	t.Helper()
	seen := newRecorder()
	w, err := NewWatcher(Options{Engine: EngineOptions{Host: e.Host()}, Publish: seen.publish, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	w.every = 20 * time.Millisecond
	w.interfaces = func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("172.17.0.1/16")} }
	w.traces = func() traces { return traces{Hostname: "0123456789ab"} }
	startWatcher(t, w)
	return w, seen
}

func box(id string) testrig.Box {
	return testrig.Box{ID: id, Name: id, Labels: map[string]string{"rota.host": id + ".test"}, IP: "172.17.0.2", Port: 8080, StartedAt: time.Now()}
}

func TestOnlyReadsAreCalled(t *testing.T) {
	e := testrig.NewEngine(t)
	e.Put(box("a"), testrig.Box{ID: "plain", Name: "plain"})
	w, seen := onRig(t, e)
	seen.await(t, "container:a", "a running")
	e.Emit("a", "kill", "signal=15")
	seen.await(t, "container:a", "a signalled")
	e.Emit("a", "die", "exitCode=0")
	seen.await(t, "container:a", "")
	again := box("a")
	again.Health = "starting"
	e.Put(again)
	e.Emit("a", "start")
	seen.await(t, "container:a", "a checking")
	again.Health = "healthy"
	e.Put(again)
	e.Emit("a", "health_status: healthy")
	seen.await(t, "container:a", "a running")
	e.EmitNetwork("bridge", "disconnect", "a")
	seen.await(t, "container:a", "")
	e.EmitNetwork("bridge", "connect", "a")
	seen.await(t, "container:a", "a running")
	e.CutEvents()
	await(t, "a reconnect", func() bool { return w.Status().Reconnects == 1 })
	e.Put(box("b"))
	e.Emit("b", "create")
	e.Emit("b", "start")
	seen.await(t, "container:b", "b running")

	requests := e.Requests()
	wantReadsOnly(t, requests)
	for _, part := range [...]string{"HEAD /_ping", "/version", "/events?filters=", "/containers/json?all=1", "/containers/a/json", "/containers/0123456789ab/json"} {
		if !slices.ContainsFunc(requests, func(r string) bool { return strings.Contains(r, part) }) {
			t.Errorf("no call with %s among %q", part, requests)
		}
	}
	if slices.ContainsFunc(requests, func(r string) bool { return strings.Contains(r, "/containers/plain/json") }) {
		t.Error("a container without labels was inspected")
	}
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestEngineRestarts(t *testing.T) {
	e := testrig.NewEngine(t)
	e.Put(box("a"))
	w, seen := onRig(t, e)
	seen.await(t, "container:a", "a running")
	e.Stop()
	await(t, "the outage to be noticed", func() bool { return !w.Status().Reachable })
	if v := w.Containers(); len(v) != 1 || v[0].Outcome != Routed {
		t.Errorf("what was known is gone: %+v", v)
	}
	e.Put(box("b"))
	e.SetVersion("1.44")
	e.Start()
	seen.await(t, "container:b", "b running")
	s := w.Status()
	if !s.Reachable || s.APIVersion != "1.44" || s.EngineVersion != "0.0-test" {
		t.Errorf("status %+v", s)
	}
}

// TestBehindAFilter: what a socket filter holds back besides the essential does
// not matter.
func TestBehindAFilter(t *testing.T) {
	e := testrig.NewEngine(t)
	e.Put(box("a"))
	e.Refuse("/version", http.StatusForbidden)
	_, seen := onRig(t, e)
	seen.await(t, "container:a", "a running")
}

func TestRefusedListIsAnOutage(t *testing.T) {
	e := testrig.NewEngine(t)
	e.Put(box("a"))
	e.Refuse("/containers/json", http.StatusForbidden)
	w, seen := onRig(t, e)
	await(t, "the refusal", func() bool { return strings.Contains(w.Status().Error, "listing containers") })
	e.Refuse("/containers/json", 0)
	seen.await(t, "container:a", "a running")
}

// TestCloseWaitsForTheStreams: a stream's last word has been said when close
// returns.
func TestCloseWaitsForTheStreams(t *testing.T) {
	rig := testrig.NewEngine(t)
	for range 20 {
		e, err := dialEngine(EngineOptions{Host: rig.Host()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, ended := e.follow(ctx)
		cancel()
		e.close()
		select {
		case <-ended:
		default:
			t.Fatal("the stream goes on after close")
		}
	}
}

func TestRefusedEventsAreAnOutage(t *testing.T) {
	e := testrig.NewEngine(t)
	e.Put(box("a"))
	e.Refuse("/events", http.StatusForbidden)
	w, seen := onRig(t, e)
	await(t, "several attempts", func() bool {
		tried := slices.DeleteFunc(e.Requests(), func(r string) bool { return !strings.Contains(r, "/events") })
		return len(tried) > 3
	})
	if s := w.Status(); s.Reachable || s.Reconnects != 0 || !strings.Contains(s.Error, "following events") {
		t.Errorf("status %+v", s)
	}
	e.Refuse("/events", 0)
	seen.await(t, "container:a", "a running")
}

func TestNonsenseFromTheEngine(t *testing.T) {
	e := testrig.NewEngine(t)
	odd := box("odd")
	odd.Description = []byte(`{"Id":"odd"}`)
	e.Put(box("a"), odd)
	w, seen := onRig(t, e)
	seen.await(t, "container:a", "a running")
	for _, v := range w.Containers() {
		if v.Name == "odd" && (v.Outcome != NotRouted || v.Reasons[0].Code != CodeUnread) {
			t.Errorf("verdict %+v", v)
		}
	}
	odd.Description = nil
	e.Put(odd)
	seen.await(t, "container:odd", "odd running")
}

// TestRecordedAnswers reads what a real engine said, see testdata/engine.
func TestRecordedAnswers(t *testing.T) {
	at := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	cases := []struct {
		name string
		want container // only what is named in checks
	}{
		{"published", container{
			State: stateRunning, NetworkMode: "bridge", Exposed: []uint16{8080, 9090}, StopSignal: "SIGQUIT", StopTimeout: 25 * time.Second,
			Published: []publication{{8080, at("127.0.0.1"), 18080}, {9090, at("0.0.0.0"), 18081}, {9090, at("::"), 18081}},
			Networks:  on("bridge 172.17.0.2/16 via 172.17.0.1"),
		}},
		{"health", container{State: stateRunning, Health: "unhealthy", NetworkMode: "bridge", Exposed: []uint16{8080}, StopTimeout: defaultStopTimeout, Networks: on("bridge 172.17.0.3/16 via 172.17.0.1")}},
		{"host", container{State: stateRunning, NetworkMode: "host", Exposed: []uint16{8080}, StopTimeout: defaultStopTimeout, Networks: on("host")}},
		{"none", container{State: stateRunning, NetworkMode: "none", Exposed: []uint16{8080}, StopTimeout: defaultStopTimeout, Networks: on("none")}},
		{"beside", container{State: stateRunning, NetworkMode: "container:c299ea865c4dae505056dac5b41eb0b59e52aa05efd2c4c576c69a2baec68c39", Exposed: []uint16{8080}, StopTimeout: defaultStopTimeout, Networks: on()}},
		{"two", container{State: stateRunning, NetworkMode: "recedge", Exposed: []uint16{8080}, StopTimeout: defaultStopTimeout, Networks: on("bridge 172.17.0.4/16 via 172.17.0.1", "recedge 192.168.64.2/20 via 192.168.64.1")}},
		{"exited", container{State: stateExited, NetworkMode: "bridge", Exposed: []uint16{8080}, StopTimeout: defaultStopTimeout, Networks: on("bridge")}},
		{"created", container{State: "created", NetworkMode: "bridge", Exposed: []uint16{8080}, StopTimeout: defaultStopTimeout, Networks: on("bridge")}},
		{"paused", container{State: statePaused, NetworkMode: "bridge", Exposed: []uint16{8080}, StopTimeout: defaultStopTimeout, Networks: on("bridge 172.17.0.5/16 via 172.17.0.1")}},
	}
	rig := testrig.NewEngine(t)
	for _, c := range cases {
		rig.Put(recorded(t, c.name))
	}
	e, err := dialEngine(EngineOptions{Host: rig.Host()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	all, err := e.list(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := e.inspect(t.Context(), c.name)
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != c.name || got.ID == "" || got.Image != "rotab:1" || got.Created.IsZero() || got.StartedAt.IsZero() != (c.name == "created") {
				t.Errorf("%+v", got)
			}
			if text, want := gistOf(got), gistOf(c.want); text != want {
				t.Errorf("read  %s\nwant  %s", text, want)
			}
			i := slices.IndexFunc(all, func(l listed) bool { return l.ID == got.ID })
			if differs(got, all[i].container) {
				t.Errorf("list and inspect of one moment seem to differ:\n%+v\n%+v", got, all[i].container)
			}
		})
	}
}

// gistOf is what the cases above compare; ids of networks are the engine's.
func gistOf(c container) string {
	c.Networks = slices.Clone(c.Networks)
	for i := range c.Networks {
		c.Networks[i].ID = ""
	}
	return fmt.Sprint(c.State, c.Health, c.NetworkMode, c.Exposed, c.StopSignal, c.StopTimeout, c.Published, c.Networks)
}

func recorded(t *testing.T, name string) testrig.Box {
	t.Helper()
	read := func(kind string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", "engine", name+"."+kind+".json"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return testrig.Box{ID: name, Name: name, Summary: read("list"), Description: read("inspect")}
}
