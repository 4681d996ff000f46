package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/spec"
)

func TestRotationIsExact(t *testing.T) {
	g := newRig(t, Options{})
	a, b, c := newBackend(t, "a", nil), newBackend(t, "b", nil), newBackend(t, "c", nil)
	g.mux.Apply(target(a.upstream(), b.upstream(), c.upstream()))
	g.ready(3)
	for range 300 {
		wantReply(t, g.get("/"), 200, "")
	}
	for _, x := range []*backend{a, b, c} {
		if x.count() != 100 {
			t.Errorf("%s got %d of 300 requests, want 100", x.name, x.count())
		}
	}
}

func TestWeights(t *testing.T) {
	g := newRig(t, Options{})
	a, b := newBackend(t, "a", nil), newBackend(t, "b", nil)
	heavy := a.upstream()
	heavy.Weight = 3
	g.mux.Apply(target(heavy, b.upstream()))
	g.ready(2)
	for range 40 {
		g.get("/")
	}
	if a.count() != 30 || b.count() != 10 {
		t.Errorf("weights 3 and 1 got %d and %d of 40", a.count(), b.count())
	}
	heavy.Weight = 0
	light := b.upstream()
	light.Weight = 0
	g.mux.Apply(target(heavy, light))
	got := g.get("/")
	wantReply(t, got, 503, "rota: no-weight")
}

// An Upstream that does not accept yet is no failure: the request waits.
func TestHeldUntilReady(t *testing.T) {
	g := newRig(t, Options{})
	address := testrig.FreeAddress(t)
	g.mux.Apply(target(upstream("a", address)))
	first, second := g.later(g.request("GET", "/", nil)), g.later(g.request("POST", "/", strings.NewReader("body")))
	testrig.Eventually(t, "two held requests", func() bool { return g.mux.Targets()[0].Held == 2 })
	var posted atomic.Pointer[string]
	listenOn(t, address, func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); r.Method == "POST" {
			posted.Store(ptr(string(body)))
		}
		fmt.Fprint(w, "here")
	})
	wantReply(t, <-first, 200, "here")
	wantReply(t, <-second, 200, "here")
	if *posted.Load() != "body" {
		t.Errorf("the held body arrived as %q", *posted.Load())
	}
}

func ptr[T any](v T) *T { return &v }

// The end of the only replica and the start of its successor lose nothing.
func TestRedeployOfASingleReplica(t *testing.T) {
	g := newRig(t, Options{})
	old, next := newBackend(t, "old", nil), newBackend(t, "next", nil)
	g.mux.Apply(target(old.upstream()))
	g.ready(1)
	wantReply(t, g.get("/"), 200, "old")
	g.mux.Apply(target()) // gone
	held := g.later(g.request("POST", "/", strings.NewReader("x")))
	testrig.Eventually(t, "a held request", func() bool { return g.mux.Targets()[0].Held == 1 })
	g.mux.Apply(target(next.upstream()))
	wantReply(t, <-held, 200, "next")
	if old.count() != 1 {
		t.Errorf("the old one got %d requests, want 1", old.count())
	}
}

func TestRoomCloses(t *testing.T) {
	g := newRig(t, Options{})
	a := newBackend(t, "a", nil)
	def := target(a.upstream())
	def.Wait.For = 50 * time.Millisecond
	g.mux.Apply(def)
	g.ready(1)
	def.Upstreams = nil
	g.mux.Apply(def)
	wantReply(t, g.get("/"), 503, "") // held until the room closes, or its own time is up
	testrig.Eventually(t, "the room to be closed", func() bool {
		return strings.Contains(g.get("/").body, "rota: no-ready-upstream")
	})
}

func TestRoomIsBounded(t *testing.T) {
	g := newRig(t, Options{})
	def := target(upstream("a", testrig.FreeAddress(t)))
	def.Wait.Max = 1
	g.mux.Apply(def)
	ctx, cancel := context.WithCancel(context.Background())
	held := g.later(g.request("GET", "/", nil).WithContext(ctx))
	testrig.Eventually(t, "a held request", func() bool { return g.mux.Targets()[0].Held == 1 })
	wantReply(t, g.get("/"), 503, "rota: room-full")
	cancel()
	<-held
	testrig.Eventually(t, "the place of a client that left", func() bool { return g.mux.Targets()[0].Held == 0 })
}

// What could not be sent goes to the next one, whatever the method.
func TestRefusedGoesElsewhere(t *testing.T) {
	g := newRig(t, Options{})
	a, dying := newBackend(t, "a", nil), newBackend(t, "dying", nil)
	g.mux.Apply(target(a.upstream(), dying.upstream()))
	g.ready(2)
	dying.Close()
	for range 4 {
		wantReply(t, g.post("x"), 200, "a")
	}
	g.ready(1) // it is out until it accepts again
}

// A request that was written and not answered is repeated if it may be.
func TestUnansweredIsRepeatedIfIdempotent(t *testing.T) {
	var cut atomic.Int64
	rude := testrig.RawServer(t, func(c *net.TCPConn) {
		if testrig.ReadHead(c) {
			cut.Add(1)
		}
	})
	a := newBackend(t, "a", nil)
	for _, c := range []struct {
		method string
		repeat bool
	}{{"GET", true}, {"HEAD", true}, {"PUT", true}, {"DELETE", true}, {"OPTIONS", true}, {"POST", false}, {"PATCH", false}} {
		t.Run(c.method, func(t *testing.T) {
			g := newRig(t, Options{})
			def := target(a.upstream(), upstream("rude", rude))
			def.Eject.Failures = 0
			g.mux.Apply(def)
			g.ready(2)
			cut.Store(0)
			failures := 0
			for range 6 {
				r := g.request(c.method, "/", strings.NewReader("payload"))
				r.Header.Set("Idempotency-Key", "1") // changes nothing
				if got := g.send(r); got.status != 200 {
					failures++
				}
			}
			switch {
			case c.repeat && failures > 0:
				t.Errorf("%d of 6 were lost", failures)
			case !c.repeat && (failures != 3 || cut.Load() != 3):
				t.Errorf("%d failed and %d reached the rude one, want 3 and 3", failures, cut.Load())
			}
		})
	}
	for i, body := range a.bodys {
		if body != "payload" {
			t.Errorf("body %d arrived as %q", i, body)
		}
	}
}

// A single Upstream that cuts every connection is not asked for ever.
func TestAttemptsAreBounded(t *testing.T) {
	var asked atomic.Int64
	rude := testrig.RawServer(t, func(c *net.TCPConn) {
		if testrig.ReadHead(c) {
			asked.Add(1)
		}
	})
	g := newRig(t, Options{})
	g.mux.Apply(target(upstream("rude", rude)))
	g.ready(1)
	wantReply(t, g.get("/"), 502, "rota: upstream-failed")
	if n := asked.Load(); n != 1+spec.DefaultRetries {
		t.Errorf("asked %d times, want %d", n, 1+spec.DefaultRetries)
	}
}

// Silence after death: what the dead one was asked and has not answered is
// asked elsewhere, although nothing ever comes from it.
func TestGoneInSilence(t *testing.T) {
	asked := make(chan struct{}, 1)
	hang := make(chan struct{})
	silent := testrig.RawServer(t, func(c *net.TCPConn) {
		if testrig.ReadHead(c) {
			asked <- struct{}{}
			<-hang
		}
	})
	t.Cleanup(func() { close(hang) })
	a := newBackend(t, "a", nil)
	g := newRig(t, Options{})
	g.mux.Apply(target(upstream("silent", silent)))
	g.ready(1)
	get := g.later(g.request("GET", "/", nil))
	<-asked
	g.mux.Apply(target(a.upstream()))
	wantReply(t, <-get, 200, "a")
}

func TestPausedIsLeftAlone(t *testing.T) {
	asked := make(chan struct{}, 2)
	resume := make(chan struct{})
	frozen := newBackend(t, "frozen", func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-resume
		fmt.Fprint(w, "frozen")
	})
	a := newBackend(t, "a", nil)
	g := newRig(t, Options{})
	def := target(frozen.upstream())
	g.mux.Apply(def)
	g.ready(1)
	get, post := g.later(g.request("GET", "/", nil)), g.later(g.request("POST", "/", strings.NewReader("x")))
	<-asked
	<-asked
	paused := frozen.upstream()
	paused.Phase = spec.Paused
	g.mux.Apply(target(paused, a.upstream()))
	wantReply(t, <-get, 200, "a")
	close(resume)
	wantReply(t, <-post, 200, "frozen") // waited for its own answer
	def = target(frozen.upstream(), a.upstream())
	g.mux.Apply(def)
	g.ready(2)
}

// Told to stop: no new requests, the running ones finish.
func TestSignalledDrains(t *testing.T) {
	asked, finish := make(chan struct{}, 1), make(chan struct{})
	leaving := newBackend(t, "leaving", func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-finish
		fmt.Fprint(w, "finished")
	})
	a := newBackend(t, "a", nil)
	g := newRig(t, Options{})
	g.mux.Apply(target(leaving.upstream()))
	g.ready(1)
	running := g.later(g.request("POST", "/", strings.NewReader("x")))
	<-asked
	told := leaving.upstream()
	told.Phase = spec.Signalled
	g.mux.Apply(target(told, a.upstream()))
	g.ready(1)
	for range 3 {
		wantReply(t, g.get("/"), 200, "a")
	}
	close(finish)
	wantReply(t, <-running, 200, "finished")
}

func TestDrainIsBounded(t *testing.T) {
	asked, hang := make(chan struct{}, 1), make(chan struct{})
	leaving := newBackend(t, "leaving", func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-hang
	})
	t.Cleanup(func() { close(hang) })
	g := newRig(t, Options{})
	def := target(leaving.upstream())
	def.Drain = 20 * time.Millisecond
	g.mux.Apply(def)
	g.ready(1)
	running := g.later(g.request("POST", "/", strings.NewReader("x")))
	<-asked
	def.Upstreams = []spec.Upstream{leaving.upstream()}
	def.Upstreams[0].Phase = spec.Signalled
	g.mux.Apply(def)
	wantReply(t, <-running, 502, "rota: upstream-failed")
}

// With nobody else, one that was told to stop and still accepts is better than
// nothing, for requests that do no harm.
func TestLastResortSignalled(t *testing.T) {
	a := newBackend(t, "a", nil)
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream()))
	g.ready(1)
	told := a.upstream()
	told.Phase = spec.Signalled
	g.mux.Apply(target(told))
	begin := time.Now()
	wantReply(t, g.get("/"), 200, "a")
	if held := time.Since(begin); held < resortSignalled {
		t.Errorf("it was asked after %v already", held)
	}
}

func TestUnhealthyRests(t *testing.T) {
	a, b := newBackend(t, "a", nil), newBackend(t, "b", nil)
	g := newRig(t, Options{})
	ill := a.upstream()
	ill.Phase = spec.Unhealthy
	g.mux.Apply(target(ill, b.upstream()))
	g.ready(1)
	for range 4 {
		wantReply(t, g.get("/"), 200, "b")
	}
	g.mux.Apply(target(a.upstream(), b.upstream()))
	g.ready(2)
}

func TestForgottenTargetSaysSo(t *testing.T) {
	a := newBackend(t, "a", nil)
	g := newRig(t, Options{Linger: 10 * time.Millisecond})
	g.mux.Apply(target(a.upstream()))
	g.ready(1)
	g.mux.Apply(target())
	testrig.Eventually(t, "the Target to be forgotten", func() bool { return len(g.mux.Targets()) == 0 })
	wantReply(t, g.get("/"), 404, "rota: gone")
	r := g.request("GET", "/", nil)
	r.Host = "never.test"
	wantReply(t, g.send(r), 404, "rota: not-found")
}

// There is no way to any of its containers: that is no 404.
func TestUnreachableTarget(t *testing.T) {
	g := newRig(t, Options{Linger: time.Millisecond})
	def := target()
	def.Unreachable = true
	g.mux.Apply(def)
	wantReply(t, g.get("/"), 503, "rota: no-ready-upstream")
	def.Unreachable = false
	g.mux.Apply(def)
	testrig.Eventually(t, "the Target to be forgotten", func() bool { return len(g.mux.Targets()) == 0 })
}

func TestNotSyncedYet(t *testing.T) {
	g := newRig(t, Options{})
	g.mux.synced.Store(false)
	wantReply(t, g.get("/"), 503, "rota: engine-not-reached")
}

func TestResponseTimeout(t *testing.T) {
	hang := make(chan struct{})
	slow := newBackend(t, "slow", func(http.ResponseWriter, *http.Request) { <-hang })
	t.Cleanup(func() { close(hang) })
	g := newRig(t, Options{})
	def := target(slow.upstream())
	def.Timeout.Response = 50 * time.Millisecond
	g.mux.Apply(def)
	wantReply(t, g.get("/"), 504, "rota: upstream-timeout")
	if slow.count() != 1 {
		t.Errorf("asked %d times, want once", slow.count())
	}
}

func TestRetryStatus(t *testing.T) {
	bad := newBackend(t, "bad", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	a := newBackend(t, "a", nil)
	g := newRig(t, Options{})
	def := target(a.upstream(), bad.upstream())
	def.Retry.Statuses = []spec.StatusRange{{From: 503, To: 503}}
	g.mux.Apply(def)
	g.ready(2)
	for range 4 {
		wantReply(t, g.get("/"), 200, "a")
	}
	refused := 0
	for range 4 {
		if g.post("x").status == 503 {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d of 4 POSTs were answered 503, want the 2 that met it", refused)
	}
}

// A cut answer must look cut.
func TestTruncatedAnswerIsSeen(t *testing.T) {
	for name, answer := range map[string]string{
		"sized":   "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			cut := testrig.RawServer(t, func(c *net.TCPConn) {
				if testrig.ReadHead(c) {
					io.WriteString(c, answer)
				}
			})
			g := newRig(t, Options{})
			g.mux.Apply(target(upstream("cut", cut)))
			if got := g.get("/"); got.err == nil {
				t.Errorf("a cut answer was read as %d %q without an error", got.status, got.body)
			}
		})
	}
}

func TestStreamIsNotHeldBack(t *testing.T) {
	finish := make(chan struct{})
	a := newBackend(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: 1\n\n")
		http.NewResponseController(w).Flush()
		<-finish
	})
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream()))
	res, err := http.DefaultClient.Do(g.request("GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	line, err := bufio.NewReader(res.Body).ReadString('\n')
	if line != "data: 1\n" || err != nil {
		t.Errorf("first line %q, error %v", line, err)
	}
	close(finish)
}

func TestClientGoneEndsUpstreamWork(t *testing.T) {
	asked, ended := make(chan struct{}, 1), make(chan struct{})
	a := newBackend(t, "a", func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
		close(ended)
	})
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream()))
	ctx, cancel := context.WithCancel(context.Background())
	got := g.later(g.request("GET", "/", nil).WithContext(ctx))
	<-asked
	cancel()
	if r := <-got; !errors.Is(r.err, context.Canceled) {
		t.Errorf("the client saw %v", r.err)
	}
	select {
	case <-ended:
	case <-time.After(testrig.Patience):
		t.Error("the Upstream still works for a client that left")
	}
}

// A client that has said all it will and reads on is served.
func TestHalfClosingClient(t *testing.T) {
	asked, finish := make(chan struct{}, 1), make(chan struct{})
	a := newBackend(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-finish
		fmt.Fprint(w, "late")
	})
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream()))
	g.ready(1) // while it is held, a client that closes its side is gone
	c, err := net.Dial("tcp", strings.TrimPrefix(g.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: t.test\r\n\r\n")
	c.(*net.TCPConn).CloseWrite()
	<-asked
	time.AfterFunc(50*time.Millisecond, func() { close(finish) })
	answer, _ := io.ReadAll(c)
	if !strings.HasSuffix(string(answer), "late") {
		t.Errorf("the half-closing client read %q", answer)
	}
}

func TestConflictIsReportedOnBothSides(t *testing.T) {
	g := newRig(t, Options{})
	a, b := newBackend(t, "a", nil), newBackend(t, "b", nil)
	first, second := target(a.upstream()), target(b.upstream())
	first.ID, second.ID = "compose:one/web", "compose:two/web"
	second.Matches = append(second.Matches, spec.Match{Host: spec.Host{Kind: spec.ExactHost, Pattern: "other.test"}})
	g.mux.Apply(first)
	g.mux.Apply(second)
	wantReply(t, g.get("/"), 200, "a")
	r := g.request("GET", "/", nil)
	r.Host = "other.test"
	wantReply(t, g.send(r), 200, "b")
	for _, s := range g.mux.Targets() {
		if len(s.Conflicts) != 1 || s.Conflicts[0].Holder != first.ID || s.Conflicts[0].Loser != second.ID {
			t.Errorf("%s reports %v", s.ID, s.Conflicts)
		}
	}
	first.Upstreams, first.Wait.For = nil, 10*time.Millisecond
	g.mux.Apply(first)
	testrig.Eventually(t, "the match to be yielded", func() bool { return g.get("/").body == "b" })
}

func TestClosedTarget(t *testing.T) {
	g := newRig(t, Options{})
	a := newBackend(t, "a", nil)
	def := target(a.upstream())
	def.Closed = "rota.auth.basic is not in this version"
	g.mux.Apply(def)
	wantReply(t, g.get("/"), 503, "rota: closed-access")
	if a.count() != 0 {
		t.Error("a closed Target let a request through")
	}
}

// Two services claim a host; the one that can be reached has it, whoever came
// first.
func TestUnreachableTargetYields(t *testing.T) {
	g := newRig(t, Options{})
	a := newBackend(t, "a", nil)
	lost, found := target(), target(a.upstream())
	lost.ID, lost.Unreachable, lost.Created = "compose:lost/web", true, time.Unix(1, 0)
	found.Created = time.Unix(2, 0)
	g.mux.Apply(lost)
	g.mux.Apply(found)
	wantReply(t, g.get("/"), 200, "a")
}
