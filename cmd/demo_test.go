package cmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// runDemoCommand runs `rota demo` in this process, with a folder for temporary
// files of its own, and returns what it printed.
func runDemoCommand(ctx context.Context, t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	c := newDemoCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(args)
	c.SetIn(strings.NewReader(""))
	c.SetOut(&out)
	err := c.ExecuteContext(ctx)
	if left, _ := os.ReadDir(os.TempDir()); len(left) != 0 {
		t.Errorf("left behind in the folder for temporary files: %v", left)
	}
	return out.String(), err
}

// wantLine fails unless a line of text matches.
func wantLine(t *testing.T, text, pattern string) {
	t.Helper()
	if !regexp.MustCompile("(?m)" + pattern).MatchString(text) {
		t.Errorf("no line %q in\n%s", pattern, text)
	}
}

func TestDemoShowsRotationAndLeavesNothing(t *testing.T) {
	_, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	stop() // the first use starts a goroutine that the runtime keeps
	before := runtime.NumGoroutine()
	text, err := runDemoCommand(t.Context(), t, "--stand-in", "--for", "2s")
	if err != nil {
		t.Fatal(err, text)
	}
	wantLine(t, text, `^whoami-1  whoami-2  whoami-3  whoami-1   \(4 requests, 0 lost\)$`)
	wantLine(t, text, `^Proxy on http://127\.0\.0\.1:\d+/ `)
	wantLine(t, text, `^  curl -s http://127\.0\.0\.1:\d+/`)
	wantLine(t, text, `^Sent (\d+) requests through the proxy \(whoami-1 \d+, whoami-2 \d+, whoami-3 \d+\); lost 0\.$`)
	wantLine(t, text, `^Removed: 3 stand-in replicas, `)
	defer func() {
		if t.Failed() {
			stacks := make([]byte, 1<<20)
			t.Logf("goroutines:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
	}()
	await(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= before })
}

func TestDemoTakesTheStandInWhereNoEngineAnswers(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	text, err := runDemoCommand(t.Context(), t, "--for", "500ms", "--replicas", "2")
	if err != nil {
		t.Fatal(err, text)
	}
	wantLine(t, text, `^No engine answers at unix:///nonexistent/docker\.sock; a stand-in takes its place`)
	wantLine(t, text, `^whoami-1  whoami-2`)
	wantLine(t, text, `^Removed: 2 stand-in replicas`)
}

func TestDemoTakesTheStandInForAnEngineItCannotDial(t *testing.T) {
	t.Setenv("DOCKER_HOST", "ssh://user@nowhere.invalid")
	text, err := runDemoCommand(t.Context(), t, "--for", "300ms", "--replicas", "1")
	if err != nil {
		t.Fatal(err, text)
	}
	wantLine(t, text, `^Engine address .*; a stand-in takes its place`)
}

// TestDemoEndsWithItsContext is Ctrl-C, at several moments of its life.
func TestDemoEndsWithItsContext(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 10 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			defer time.AfterFunc(after, cancel).Stop()
			text, err := runDemoCommand(ctx, t, "--stand-in")
			if err != nil {
				t.Error(err, text)
			}
			wantLine(t, text, `^Removed: `)
		})
	}
}

func TestDemoSaysWhatIsWrong(t *testing.T) {
	taken := takenAddress(t)
	text, err := runDemoCommand(t.Context(), t, "--stand-in", "--for", "1s", "--http", taken)
	if err == nil || !strings.Contains(err.Error(), taken) {
		t.Errorf("got %v", err)
	}
	wantLine(t, text, `^Removed: 0 stand-in replicas, the stand-in engine`)
	for _, args := range [][]string{{"--replicas", "0"}, {"--replicas", "10"}, {"--replicas", "x"}, {"--for", "x"}, {"--http", "x"}, {"extra"}} {
		if _, err := runDemoCommand(t.Context(), t, args...); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

// takenAddress is an address that is in use until the test ends.
func takenAddress(t *testing.T) string {
	t.Helper()
	url, stop, ended := startWhoami(t, nil)
	t.Cleanup(func() { stop(); <-ended })
	return strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
}

// startDemo makes a demo on the stand-in with its replicas ready, to look at
// from the inside.
func startDemo(t *testing.T) *demo {
	t.Helper()
	id, err := newDemoID()
	if err != nil {
		t.Fatal(err)
	}
	folder := &demoFolder{}
	stage, err := newStandInStage(id, folder)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDemo(demoOptions{replicas: 3, http: "127.0.0.1:0"}, id, stage)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- unlessEnded(ctx, d.watcher.Run(ctx)) }()
	go func() { done <- d.listener.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if err := d.closeMux(); err != nil {
			t.Error(err)
		}
		if _, err := stage.clear(context.Background()); err != nil {
			t.Error(err)
		}
		if err := folder.remove(); err != nil {
			t.Error(err)
		}
	})
	if err := d.open(t.Context(), func(string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDemoScreenShowsEveryReplica(t *testing.T) {
	d := startDemo(t)
	for range 6 {
		d.load.note(d.load.ask(t.Context()))
	}
	s := newDemoScreen(d, io.Discard)
	s.recent = []string{"whoami-1", "whoami-2"}
	text := s.text(80)
	for _, n := range []string{"1", "2", "3"} {
		wantLine(t, text, `^whoami-`+n+`   ready   2          █{30}$`)
	}
	wantLine(t, text, `^answers    whoami-1 whoami-2$`)
	wantLine(t, text, `^sent 6   lost 0`)
	for _, width := range []int{1, 10, 30, 79} {
		for _, line := range strings.Split(s.text(width), "\n") {
			if n := len([]rune(line)); n > width {
				t.Errorf("at width %d a line has %d characters: %q", width, n, line)
			}
		}
	}
}

func TestDemoObeysOrders(t *testing.T) {
	d := startDemo(t)
	ctx := t.Context()
	names := func() string { return strings.Join(d.replicas.names(), " ") }
	for _, step := range []struct {
		order order
		want  string
	}{
		{orderMore, "whoami-1 whoami-2 whoami-3 whoami-4"},
		{orderFewer, "whoami-1 whoami-2 whoami-3"},
		{orderFewer, "whoami-1 whoami-2"},
		{orderFewer, "whoami-1"},
		{orderFewer, "whoami-1"},
		{orderMore, "whoami-1 whoami-2"},
	} {
		if err := d.replicas.obey(ctx, step.order); err != nil || names() != step.want {
			t.Fatalf("%v, %s, want %s", err, names(), step.want)
		}
	}
	if err := d.awaitReady(ctx, 2); err != nil {
		t.Fatal(err)
	}
	for range demoMost + 3 {
		if err := d.replicas.obey(ctx, orderMore); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(d.replicas.names()); got != demoMost {
		t.Errorf("%d replicas", got)
	}
}

func TestDemoKillsAndRevives(t *testing.T) {
	d := startDemo(t)
	killed := make(chan error, 1)
	ctx := t.Context()
	go func() { killed <- d.replicas.obey(ctx, orderKill) }()
	await(t, "the killed one to be out of rotation", func() bool { return d.ready() == 2 })
	if got := d.replicas.activity(); !strings.HasPrefix(got, "killed whoami-1") {
		t.Errorf("activity %q", got)
	}
	for range 10 {
		if who, err := d.load.ask(ctx); err != nil || who == "whoami-1" {
			t.Errorf("%s %v", who, err)
		}
	}
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	if err := d.awaitReady(ctx, 3); err != nil {
		t.Error(err)
	}
}

func TestDemoNamesObstacles(t *testing.T) {
	d := startDemo(t)
	if err := d.stage.kill(t.Context(), "whoami-2"); err != nil {
		t.Fatal(err)
	}
	await(t, "the killed one to be named", func() bool { return strings.Contains(d.obstacles(), "whoami-2: ") })
}

func sayTo(w io.Writer) func(string, ...any) {
	return func(format string, values ...any) { fmt.Fprintf(w, format+"\n", values...) }
}

func TestDemoLinesShowChanges(t *testing.T) {
	d := startDemo(t)
	var said bytes.Buffer
	l := newDemoLines(d, sayTo(&said))
	l.compare()
	if said.Len() != 0 {
		t.Errorf("nothing changed: %s", said.String())
	}
	if err := d.stage.remove(t.Context(), "whoami-3"); err != nil {
		t.Fatal(err)
	}
	await(t, "whoami-3 to be called gone", func() bool {
		l.compare()
		return strings.Contains(said.String(), "whoami-3 is gone\n")
	})
	if err := d.replicas.grow(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := d.awaitReady(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	l.compare()
	wantLine(t, said.String(), `^whoami-4 is there: ready$`)
}

func TestDemoLinesAreBounded(t *testing.T) {
	d := startDemo(t)
	var said bytes.Buffer
	l := newDemoLines(d, sayTo(&said))
	for range linesRound * linesMost * 2 {
		l.reply("whoami-1")
	}
	if n := strings.Count(said.String(), "\n"); n != linesMost+1 || !strings.HasSuffix(said.String(), "from now on.\n") {
		t.Errorf("%d lines", n)
	}
}

func TestLoadCountsWhatIsLost(t *testing.T) {
	url, stop, ended := startWhoami(t, nil)
	defer func() { stop(); <-ended }()
	l := newDemoLoad(url + "status/500")
	l.note(l.ask(t.Context()))
	sent, lost := l.sum()
	if sent != 1 || lost != 1 || !strings.HasPrefix(l.complaint(), "500 Internal Server Error") || <-l.replies != "lost" {
		t.Errorf("%d sent, %d lost, %q", sent, lost, l.complaint())
	}
	l.client.CloseIdleConnections()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
