package cmd

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/admin"
	"github.com/rota-proxy/rota/internal/standin"
	"github.com/rota-proxy/rota/internal/testrig"
)

// rota is the very program, run by the command line, on free ports and with an
// engine of its own.
type rota struct {
	t      *testing.T
	data   string
	addr   string
	log    *testrig.Output
	stdout *testrig.Output
	stop   context.CancelFunc
	ended  chan int
}

// serve starts the program and returns when its admin listener answers.
func serve(t *testing.T, engine string, args ...string) *rota {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &rota{t: t, data: t.TempDir(), log: &testrig.Output{}, stdout: &testrig.Output{}, stop: stop, ended: make(chan int, 1)}
	args = append([]string{
		"serve", "--docker", engine, "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", r.data, "--grace", "5s",
	}, args...)
	go func() { r.ended <- Execute(ctx, args, nil, r.stdout, r.log) }()
	t.Cleanup(func() {
		stop()
		<-r.ended
	})
	await(t, "the admin address", func() bool {
		addr, ok, err := whereaboutsIn(r.data).read()
		r.addr = addr
		return ok && err == nil
	})
	return r
}

// exit asks the program to stop and returns its exit code.
func (r *rota) exit() int {
	r.t.Helper()
	r.stop()
	select {
	case code := <-r.ended:
		r.ended <- code // the cleanup wants it too
		return code
	case <-time.After(20 * time.Second):
		r.t.Fatalf("the program does not end; it logged %s", r.log)
		return 0
	}
}

// traffic is where the program takes HTTP in, as it logged it.
func (r *rota) traffic() string {
	r.t.Helper()
	return r.entry(entryHTTP)
}

func (r *rota) entry(name string) string {
	r.t.Helper()
	for line := range strings.Lines(r.log.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["message"] == "rota has started" {
			return fields[name].(string)
		}
	}
	r.t.Fatalf("no address in %s", r.log)
	return ""
}

// get asks for a host; status 0 stands for no answer.
func (r *rota) get(host, path string) (status int, body string) {
	request, err := http.NewRequest(http.MethodGet, "http://"+r.traffic()+path, nil)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	request.Host = host
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func (r *rota) ready() int {
	response, err := http.Get("http://" + r.addr + "/readyz")
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// await returns once a condition holds, and fails if that takes long.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// engineWith is a stand-in engine that runs replicas of one service.
func engineWith(t *testing.T, names ...string) *standin.Engine {
	t.Helper()
	engine, err := standin.New(t.TempDir(), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range names {
		run(t, engine, name)
	}
	return engine
}

func run(t *testing.T, engine *standin.Engine, name string) {
	t.Helper()
	labels := map[string]string{"rota.host": "who.test", "rota.name": "who"}
	if _, err := engine.Create(standin.Replica{Name: name, Labels: labels, PortLabel: "rota.port"}); err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(name); err != nil {
		t.Fatal(err)
	}
}

func TestServeRoutesToLabelledContainers(t *testing.T) {
	r := serve(t, engineWith(t, "who-1", "who-2").Host())
	await(t, "readiness", func() bool { return r.ready() == http.StatusOK })
	seen := map[string]bool{}
	await(t, "both replicas", func() bool {
		status, body := r.get("who.test", "/?json")
		if status != http.StatusOK {
			t.Fatalf("answered %d: %s", status, body)
		}
		for _, name := range []string{"who-1", "who-2"} {
			seen[name] = seen[name] || strings.Contains(body, name)
		}
		return seen["who-1"] && seen["who-2"]
	})
	if status, _ := r.get("unknown.test", "/"); status != http.StatusNotFound {
		t.Errorf("an unknown host gets %d, want 404", status)
	}
	if got := execute(t, nil, "ps", "--data", r.data); got.code != exitFine || !strings.Contains(got.stdout, "who-1") ||
		!strings.Contains(got.stdout, "ready") || !strings.Contains(got.stdout, "who.test") {
		t.Errorf("ps: exit code %d, said %s%s", got.code, got.stdout, got.stderr)
	}
	if got := execute(t, nil, "healthcheck", "--data", r.data); got.code != exitFine {
		t.Errorf("healthcheck: exit code %d, said %s", got.code, got.stderr)
	}
	if !strings.Contains(r.stdout.String(), `"host":"who.test"`) {
		t.Errorf("the access log is %q", r.stdout)
	}
	if code := r.exit(); code != exitFine {
		t.Errorf("exit code %d; it logged %s", code, r.log)
	}
	if left, _ := filepath.Glob(filepath.Join(r.data, "run", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestServeNamesItsListenersToWhoAsksForAnother(t *testing.T) {
	engine := engineWith(t)
	labels := map[string]string{"rota.host": "who.test", "rota.entry": "back_ofice"}
	if _, err := engine.Create(standin.Replica{Name: "who", Labels: labels, PortLabel: "rota.port"}); err != nil {
		t.Fatal(err)
	}
	if err := engine.Start("who"); err != nil {
		t.Fatal(err)
	}
	r := serve(t, engine.Host(), "--entry", "back_office=127.0.0.1:0")
	await(t, "readiness", func() bool { return r.ready() == http.StatusOK })
	got := execute(t, nil, "ps", "--data", r.data)
	for _, words := range []string{"not routed", `no listener is called "back_ofice" (nearest: back_office)`, "rota.entry=back_office"} {
		if !strings.Contains(got.stdout, words) {
			t.Errorf("ps does not say %q:\n%s", words, got.stdout)
		}
	}
}

func TestServeFinishesRunningRequestsAndTakesNoNewOnes(t *testing.T) {
	r := serve(t, engineWith(t, "who-1").Host())
	await(t, "readiness", func() bool { return r.ready() == http.StatusOK })
	status := make(chan int, 1)
	go func() {
		got, _ := r.get("who.test", "/sleep?for=1s")
		status <- got
	}()
	await(t, "the request", func() bool {
		answer, err := admin.NewClient(r.addr, "").Containers(context.Background())
		return err == nil && len(answer.Containers) == 1 && answer.Containers[0].Targets[0].InFlight == 1
	})
	addr := r.traffic()
	r.stop()
	await(t, "refusal", func() bool {
		connection, err := net.Dial("tcp", addr)
		if err == nil {
			connection.Close()
		}
		return err != nil
	})
	if got := <-status; got != http.StatusOK {
		t.Errorf("the running request got %d, want 200", got)
	}
	if code := r.exit(); code != exitFine {
		t.Errorf("exit code %d; it logged %s", code, r.log)
	}
}

func TestServeStartsWithoutAnEngineAndFindsItLater(t *testing.T) {
	engine := engineWith(t, "who-1")
	socket := filepath.Join(t.TempDir(), "late.sock")
	r := serve(t, "unix://"+socket)
	if status := r.ready(); status != http.StatusServiceUnavailable {
		t.Errorf("before the engine is there /readyz answers %d, want 503", status)
	}
	if got := execute(t, nil, "ps", "--data", r.data); !strings.Contains(got.stdout, "has not been read yet") {
		t.Errorf("ps says %q", got.stdout)
	}
	if status, body := r.get("who.test", "/"); status != http.StatusServiceUnavailable || !strings.Contains(body, "engine") {
		t.Errorf("meanwhile requests get %d %q, want 503 that names the engine", status, body)
	}
	forward(t, socket, strings.TrimPrefix(engine.Host(), "unix://"))
	await(t, "the engine", func() bool { return r.ready() == http.StatusOK })
	if status, body := r.get("who.test", "/"); status != http.StatusOK {
		t.Errorf("then requests get %d %q", status, body)
	}
}

func TestServeSaysThatItsEngineIsGone(t *testing.T) {
	engine := engineWith(t, "who-1")
	r := serve(t, engine.Host())
	await(t, "readiness", func() bool { return r.ready() == http.StatusOK })
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "ps to say so", func() bool {
		got := execute(t, nil, "ps", "--data", r.data)
		return got.code == exitFine && strings.Contains(got.stdout, "not reachable since") && strings.Contains(got.stdout, "who-1")
	})
	if status := r.ready(); status != http.StatusOK {
		t.Errorf("/readyz answers %d, want 200: what is known is served on", status)
	}
	if got := execute(t, nil, "healthcheck", "--data", r.data); got.code != exitFine {
		t.Errorf("healthcheck: exit code %d, said %s", got.code, got.stderr)
	}
}

// forward makes the socket at to reachable at from.
func forward(t *testing.T, from, to string) {
	t.Helper()
	ln, err := net.Listen("unix", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			go couple(near, to)
		}
	}()
}

// couple joins a connection with a new one to a socket until either ends.
func couple(near net.Conn, to string) {
	defer near.Close()
	far, err := net.Dial("unix", to)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(far, near)
		far.Close()
	}()
	_, _ = io.Copy(near, far)
}

func TestServeSaysAtOnceThatAnAddressIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	for _, c := range []struct{ traffic, admin string }{{addr, "127.0.0.1:0"}, {"127.0.0.1:0", addr}} {
		got := execute(t, nil, "--http", c.traffic, "--https=", "--admin", c.admin, "--data", t.TempDir())
		if got.code != exitFailed || !strings.Contains(got.stderr, addr) || !strings.Contains(got.stderr, "in use") {
			t.Errorf("with --http %s --admin %s: exit code %d, said %q", c.traffic, c.admin, got.code, got.stderr)
		}
	}
}

func TestServeWarnsOfUnknownVariables(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	log := &testrig.Output{}
	args := []string{"--docker", "unix:///does/not/exist", "--http", "127.0.0.1:0", "--https=", "--admin", "127.0.0.1:0", "--data", t.TempDir()}
	if code := Execute(ctx, args, []string{"ROTA_HTPP=:80"}, io.Discard, log); code != exitFine {
		t.Errorf("told to stop before it began, the exit code is %d", code)
	}
	if !strings.Contains(log.String(), `"variable":"ROTA_HTPP","nearest":"ROTA_HTTP"`) {
		t.Errorf("the log is %s", log)
	}
}

func TestServeGoesOnWithoutADataFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, nil)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	log := &testrig.Output{}
	args := []string{"--docker", "unix:///does/not/exist", "--http", "127.0.0.1:0", "--https=", "--admin", "127.0.0.1:0", "--data", file}
	if code := Execute(ctx, args, nil, io.Discard, log); code != exitFine || !strings.Contains(log.String(), "the data folder cannot be written") {
		t.Errorf("exit code %d; the log is %s", code, log)
	}
}

// Two programs in one process have nothing in common.
func TestTwoServersInOneProcess(t *testing.T) {
	first, second := serve(t, engineWith(t, "who-1").Host()), serve(t, engineWith(t).Host())
	for _, r := range []*rota{first, second} {
		await(t, "readiness", func() bool { return r.ready() == http.StatusOK })
	}
	if status, _ := first.get("who.test", "/"); status != http.StatusOK {
		t.Errorf("the first answers %d, want 200", status)
	}
	if status, _ := second.get("who.test", "/"); status != http.StatusNotFound {
		t.Errorf("the second answers %d, want 404", status)
	}
}
