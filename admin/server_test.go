package admin

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy/spec"
)

// fixedTargets is a proxy at one moment.
type fixedTargets []spec.TargetStatus

func (f fixedTargets) Targets() []spec.TargetStatus { return f }

// fixedEngine is a Watcher at one moment.
type fixedEngine struct {
	status   discovery.EngineStatus
	verdicts []discovery.Verdict
}

func (f fixedEngine) Containers() []discovery.Verdict { return f.verdicts }
func (f fixedEngine) Status() discovery.EngineStatus  { return f.status }

// start serves o on a free port of the loopback address until the test ends and
// returns the address.
func start(t *testing.T, o Options) string {
	t.Helper()
	if o.Targets == nil {
		o.Targets = fixedTargets{}
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	o.Log = zerolog.Nop()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- NewServer(o).Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Serve ended with %v, want nil", err)
		}
	})
	return ln.Addr().String()
}

// ask sends a request with the given header fields (name, value, …) and returns
// the answer with its body read.
func ask(t *testing.T, method, url string, fields ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "Host" {
			request.Host = fields[i+1]
			continue
		}
		request.Header.Add(fields[i], fields[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// fetch gets a page, which must be answered with status, as JSON.
func fetch(t *testing.T, addr, path string, status int, into any) {
	t.Helper()
	response, body := ask(t, "GET", "http://"+addr+path)
	if response.StatusCode != status {
		t.Fatalf("%s answered %s, want %d: %s", path, response.Status, status, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("%s: %v in %s", path, err, body)
	}
}

func TestUnknownPageNamesTheKnownOnes(t *testing.T) {
	addr := start(t, Options{})
	var failure Failure
	fetch(t, addr, "/api/v2/targets", http.StatusNotFound, &failure)
	if failure.Error == "" {
		t.Error("a 404 says nothing")
	}
}

func TestServeFinishesRunningRequests(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	server := NewServer(Options{
		Addr: "127.0.0.1:0", Log: zerolog.Nop(),
		Targets: slowTargets{reached: reached, release: release},
	})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln) }()
	status := make(chan int, 1)
	go func() {
		response, err := http.Get("http://" + ln.Addr().String() + pathTargets)
		if err != nil {
			status <- 0
			return
		}
		response.Body.Close()
		status <- response.StatusCode
	}()
	<-reached
	stop()
	awaitRefusal(t, ln.Addr().String())
	close(release)
	if got := <-status; got != http.StatusOK {
		t.Errorf("the running request got %d, want 200", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve ended with %v", err)
	}
}

// slowTargets answer when they are told to.
type slowTargets struct{ reached, release chan struct{} }

func (s slowTargets) Targets() []spec.TargetStatus {
	close(s.reached)
	<-s.release
	return nil
}

// awaitRefusal returns once nothing listens at addr.
func awaitRefusal(t *testing.T, addr string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		connection, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		connection.Close()
	}
	t.Fatalf("%s still accepts", addr)
}

func TestServeSaysWhyItFailed(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	server := NewServer(Options{Addr: "127.0.0.1:0", Targets: fixedTargets{}, Log: zerolog.Nop()})
	if err := server.Serve(context.Background(), ln); err == nil {
		t.Error("serving a closed listener ended with nil")
	}
}
