package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/spec"
)

// Requests share an HTTP/2 connection, so that nobody can say of one that was
// cut what had been written for whom: a POST on it must not be sent again.
func TestSharedConnectionsAreCut(t *testing.T) {
	const posts = 400
	var received [posts]atomic.Int64
	var under atomic.Int64 // so many are at a server, or over
	h2c := func() *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				return // the proxy asks whether anybody is there
			}
			var n int
			fmt.Sscan(r.Header.Get("Number"), &n)
			received[n].Add(1)
			under.Add(1)
			sleep(r.Context(), 10*time.Millisecond) // so that many are unanswered at a time
		}))
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
		t.Cleanup(s.Close)
		return s
	}
	a, b := h2c(), h2c()
	first, second := upstream("a", a.URL), upstream("b", b.URL)
	first.Scheme, second.Scheme = spec.H2C, spec.H2C
	g := newRig(t, Options{})
	g.mux.Apply(target(first, second))
	g.ready(2)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: posts}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	for n := range posts {
		all.Go(func() {
			r := g.request(http.MethodPost, "/", strings.NewReader("order"))
			r.Header.Set("Number", fmt.Sprint(n))
			if res, err := client.Do(r); err == nil {
				res.Body.Close()
			}
			under.Add(1)
		})
		if n%40 == 39 {
			testrig.Eventually(t, "half of them", func() bool { return under.Load() >= int64(n-20) })
			a.CloseClientConnections()
		}
	}
	all.Wait()
	for n := range received {
		if times := received[n].Load(); times > 1 {
			t.Fatalf("POST %d was received %d times", n, times)
		}
	}
}

// A client that stops in the middle of its body, be it while it is held, gives
// its place up when its time is over.
func TestStalledBody(t *testing.T) {
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprintf("held %v", held), func(t *testing.T) {
			g := newRig(t, Options{})
			address := testrig.FreeAddress(t)
			def := target(upstream("a", address))
			def.Timeout.Stall = 50 * time.Millisecond
			g.mux.Apply(def)
			serve := func() {
				listenOn(t, address, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
			}
			if !held {
				serve()
				g.ready(1)
			}
			c, r := g.dialRaw()
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: t.test\r\nContent-Length: 100\r\n\r\nfirst")
			if held {
				testrig.Eventually(t, "a held request", func() bool { return g.mux.Targets()[0].Held == 1 })
				serve()
			}
			// 408 if there was still somebody to tell.
			if line, err := r.ReadString('\n'); err == nil && !strings.Contains(line, "408") {
				t.Errorf("the client read %q", line)
			} else if errors.Is(err, context.DeadlineExceeded) {
				t.Error("the request goes on for ever")
			}
			testrig.Eventually(t, "the request to end", func() bool {
				s := g.mux.Targets()[0]
				return s.Held == 0 && s.Upstreams[0].InFlight == 0
			})
		})
	}
}

// A client that does not read does not hold on to an Upstream.
func TestStalledReader(t *testing.T) {
	a := newBackend(t, "a", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for r.Context().Err() == nil {
			w.Write(make([]byte, 1000))
			http.NewResponseController(w).Flush()
		}
	})
	g := newRig(t, Options{})
	def := target(a.upstream())
	def.Timeout.Stall = 50 * time.Millisecond
	g.mux.Apply(def)
	g.ready(1)
	c, r := g.dialRaw()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: t.test\r\n\r\n")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	testrig.Eventually(t, "the Upstream to be free", func() bool { return g.mux.Targets()[0].Upstreams[0].InFlight == 0 })
}

// A request that was read ahead while it was held, and whose Target was then
// forgotten, is matched anew with all of its body.
func TestMatchedAnewWithItsBody(t *testing.T) {
	g := newRig(t, Options{Linger: 100 * time.Millisecond})
	heir, old := newBackend(t, "heir", nil), newBackend(t, "old", nil)
	behind := target(heir.upstream())
	behind.ID, behind.Matches = "compose:test/heir", []spec.Match{{Host: spec.Host{Kind: spec.WildcardHost, Pattern: "test"}}}
	g.mux.Apply(target(old.upstream()), behind)
	testrig.Eventually(t, "the old one to be ready", func() bool { return g.get("/").body == "old" })
	g.mux.Apply(target())
	body, more := io.Pipe()
	held := g.later(g.request("POST", "/", body))
	io.WriteString(more, "first ")
	testrig.Eventually(t, "the Target to be forgotten", func() bool { return len(g.mux.Targets()) == 1 })
	io.WriteString(more, "second")
	more.Close()
	wantReply(t, <-held, 200, "heir")
	if got := heir.bodys[len(heir.bodys)-1]; got != "first second" {
		t.Errorf("the heir got %q", got)
	}
}

// An upload may take longer than the wait for an answer, told to continue or
// not.
func TestLongUpload(t *testing.T) {
	for _, expect := range []string{"", "100-continue"} {
		t.Run(expect, func(t *testing.T) {
			a := newBackend(t, "a", nil)
			g := newRig(t, Options{})
			def := target(a.upstream())
			def.Timeout.Response = 300 * time.Millisecond
			g.mux.Apply(def)
			g.ready(1)
			body, more := io.Pipe()
			go func() {
				tick := time.NewTicker(60 * time.Millisecond)
				defer tick.Stop()
				for range 10 {
					<-tick.C
					more.Write([]byte("x"))
				}
				more.Close()
			}()
			r := g.request(http.MethodPut, "/", body)
			r.Header.Set("Expect", expect)
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: testrig.Patience}}
			res, err := client.Do(r)
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("got %v, error %v", res, err)
			}
			res.Body.Close()
		})
	}
}

func TestWeightlessBesideStarting(t *testing.T) {
	g := newRig(t, Options{})
	idle := newBackend(t, "idle", nil).upstream()
	idle.Weight = 0
	address := testrig.FreeAddress(t)
	g.mux.Apply(target(idle, upstream("b", address)))
	held := g.later(g.request("GET", "/", nil))
	testrig.Eventually(t, "a held request", func() bool { return g.mux.Targets()[0].Held == 1 })
	listenOn(t, address, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "b") })
	wantReply(t, <-held, 200, "b")
}

// A client certificate that is not there keeps the Upstream out and says why;
// when it is there, the next change of the Target notices.
func TestMissingClientCertificate(t *testing.T) {
	var there atomic.Bool
	g := newRig(t, Options{Certificate: func(string) (*tls.Certificate, error) {
		if there.Load() {
			return &tls.Certificate{}, nil
		}
		return nil, errors.New("no such file")
	}})
	a := newBackend(t, "a", nil)
	u := a.upstream()
	u.Scheme, u.TLS = spec.HTTPS, spec.TLS{Name: "a.test", Certificate: "mine"}
	g.mux.Apply(target(u))
	status := g.mux.Targets()[0].Upstreams[0]
	if status.State != spec.Resting || !strings.Contains(status.Reason, "no such file") {
		t.Errorf("it is %v, %q", status.State, status.Reason)
	}
	there.Store(true)
	u.Weight = 2
	g.mux.Apply(target(u))
	g.ready(1)
}

// Only what reached an Upstream is counted for it.
func TestRequestsAreCounted(t *testing.T) {
	g := newRig(t, Options{})
	a := newBackend(t, "a", nil)
	dead := upstream("dead", testrig.FreeAddress(t))
	dead.Phase = spec.Assumed
	g.mux.Apply(target(a.upstream(), dead))
	g.ready(2)
	for range 4 {
		wantReply(t, g.get("/"), 200, "a")
	}
	for _, u := range g.mux.Targets()[0].Upstreams {
		if want := map[string]uint64{"a": 4, "dead": 0}[u.Name]; u.Requests != want {
			t.Errorf("%s counts %d requests, want %d", u.Name, u.Requests, want)
		}
	}
}

// When the budget for repeats is used up, a status to be retried is an answer
// like any other.
func TestRetryStatusWithinItsBudget(t *testing.T) {
	busy := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "busy", http.StatusServiceUnavailable) }
	a, b := newBackend(t, "a", busy), newBackend(t, "b", busy)
	g := newRig(t, Options{})
	def := target(a.upstream(), b.upstream())
	def.Retry = spec.Retry{Attempts: 1, Statuses: []spec.StatusRange{{From: 503, To: 503}}}
	g.mux.Apply(def)
	g.ready(2)
	for range 2 * budgetFloor * budgetSeconds {
		wantReply(t, g.get("/"), 503, "busy")
	}
}

// An Upstream that hangs up while hands are shaken is like one that does not
// accept; one that cannot agree is there, and waiting would not help.
func TestFailingHandshake(t *testing.T) {
	g := newRig(t, Options{})
	rude := testrig.RawServer(t, func(c *net.TCPConn) { bufio.NewReader(c).ReadByte() })
	a := newBackend(t, "a", nil)
	strange := upstream("strange", rude)
	strange.Scheme = spec.HTTPS
	g.mux.Apply(target(a.upstream(), strange))
	g.ready(2)
	for range 4 {
		wantReply(t, g.post("x"), 200, "a")
	}
	plain := a.upstream()
	plain.ID, plain.Scheme = "plain", spec.HTTPS
	g.mux.Apply(target(plain))
	g.ready(1)
	wantReply(t, g.get("/"), 502, "rota: upstream-failed")
}

// A body before an upgrade would be read from the connection by two at once.
func TestUpgradeWithABodyIsNone(t *testing.T) {
	g := newRig(t, Options{})
	a := newBackend(t, "a", nil)
	g.mux.Apply(target(a.upstream()))
	g.ready(1)
	c, r := g.dialRaw()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: t.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx")
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 200 || a.last().Header.Get("Upgrade") != "" {
		t.Errorf("got %v, error %v", res, err)
	}
}

// Trailers may arrive while the request is being prepared for an Upstream.
func TestTrailersOfAHeldBody(t *testing.T) {
	const many = 200
	g := newRig(t, Options{})
	address := testrig.FreeAddress(t)
	g.mux.Apply(target(upstream("a", address)))
	var names, fields strings.Builder
	for i := range many {
		fmt.Fprintf(&names, ", T%d", i)
		fmt.Fprintf(&fields, "T%d: %d\r\n", i, i)
	}
	c, r := g.dialRaw()
	fmt.Fprintf(c, "PUT / HTTP/1.1\r\nHost: t.test\r\nTransfer-Encoding: chunked\r\nTrailer: %s\r\n\r\n", names.String()[2:])
	testrig.Eventually(t, "a held request", func() bool { return g.mux.Targets()[0].Held == 1 })
	got := make(chan int, 1)
	listenOn(t, address, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		got <- len(r.Trailer)
	})
	fmt.Fprintf(c, "0\r\n%s\r\n", fields.String())
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 200 {
		t.Fatalf("got %v, error %v", res, err)
	}
	if n := <-got; n != many {
		t.Errorf("%d of %d trailers arrived", n, many)
	}
}

// Who is refused is told so, whether or not the rest of the request comes.
func TestRefusedBeforeItsBody(t *testing.T) {
	g := newRig(t, Options{})
	closed := target(newBackend(t, "a", nil).upstream())
	closed.Closed = "not in this version"
	g.mux.Apply(closed)
	for host, want := range map[string]int{"unknown.test": 404, "t.test": 503} {
		c, r := g.dialRaw()
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\n\r\n", host)
		if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != want {
			t.Errorf("%s: got %v, error %v, want %d", host, res, err, want)
		}
	}
}

// Pausing an Upstream while its answers begin loses none of them.
func TestPausedAsItAnswers(t *testing.T) {
	g := newRig(t, Options{})
	a, b := newBackend(t, "a", nil), newBackend(t, "b", nil)
	g.mux.Apply(target(a.upstream(), b.upstream()))
	g.ready(2)
	ctx, cancel := context.WithCancel(context.Background())
	var pausing sync.WaitGroup
	pausing.Go(func() {
		paused := a.upstream()
		paused.Phase = spec.Paused
		for sleep(ctx, time.Millisecond) {
			g.mux.Apply(target(paused, b.upstream()))
			g.mux.Apply(target(a.upstream(), b.upstream()))
		}
	})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 300 {
				res, err := client.Do(g.request(http.MethodGet, "/", nil))
				if err != nil || res.StatusCode != 200 {
					t.Errorf("got %v, error %v", res, err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		})
	}
	all.Wait()
	cancel()
	pausing.Wait()
}

// timeout.total is for requests; what a request was switched to lives on.
func TestTotalTimeoutSparesUpgrades(t *testing.T) {
	g := newRig(t, Options{})
	def := target(upstream("echo", echo(t, "websocket")))
	def.Timeout.Total = 100 * time.Millisecond
	g.mux.Apply(def)
	g.ready(1)
	c, r := g.dialRaw()
	fmt.Fprintf(c, upgradeRequest, "websocket")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	sleep(context.Background(), 2*def.Timeout.Total)
	io.WriteString(c, "x")
	if b, err := r.ReadByte(); b != 'x' || err != nil {
		t.Errorf("read %q, error %v", b, err)
	}
	hung := newBackend(t, "hung", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	def.Upstreams = []spec.Upstream{hung.upstream()}
	g.mux.Apply(def)
	wantReply(t, g.get("/"), 504, "rota: request-timeout")
}

func TestOddAnswers(t *testing.T) {
	g := newRig(t, Options{})
	g.raw("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Secret\r\nX-Secret: 1\r\n\r\nHTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n")
	c, r := g.dialRaw()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: t.test\r\n\r\n")
	hints, err := http.ReadResponse(r, nil)
	if err != nil || hints.StatusCode != 103 || hints.Header.Get("X-Secret") != "" {
		t.Errorf("first came %v, error %v", hints, err)
	}
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 502 {
		t.Errorf("then came %v, error %v", res, err)
	}
	c, r = g.dialRaw()
	io.WriteString(c, "GET / HTTP/1.0\r\nHost: t.test\r\n\r\n")
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 502 {
		t.Errorf("a client of HTTP/1.0 got %v, error %v", res, err)
	}
}

func TestPathThatCannotBeSentAsItIs(t *testing.T) {
	g := newRig(t, Options{})
	a := newBackend(t, "a", nil)
	g.mux.Apply(target(a.upstream()))
	g.ready(1)
	for path, want := range map[string]int{"//a/b": 200, "/a|b": 200, "//a|b": 400} {
		c, r := g.dialRaw()
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: t.test\r\n\r\n", path)
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != want {
			t.Errorf("%s: got %v, error %v, want %d", path, res, err, want)
		}
		if want == 200 && a.last().RequestURI != path {
			t.Errorf("%s was sent on as %s", path, a.last().RequestURI)
		}
	}
}

// What is left of a body that was not read is not another request.
func TestRestOfABodyIsNoRequest(t *testing.T) {
	early := testrig.RawServer(t, func(c *net.TCPConn) {
		if testrig.ReadHead(c) {
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
			io.Copy(io.Discard, c)
		}
	})
	a := newBackend(t, "a", nil)
	g := newRig(t, Options{})
	first, second := target(upstream("early", early)), target(a.upstream())
	first.Timeout.Stall = 50 * time.Millisecond
	second.ID, second.Matches = "compose:test/other", []spec.Match{{Host: spec.Host{Kind: spec.ExactHost, Pattern: "other.test"}}}
	g.mux.Apply(first, second)
	testrig.Eventually(t, "both to be ready", func() bool {
		targets := g.mux.Targets()
		return targets[0].Upstreams[0].State == spec.Ready && targets[1].Upstreams[0].State == spec.Ready
	})
	smuggled := "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"
	for _, host := range []string{"unknown.test", "t.test"} {
		for _, framing := range []string{fmt.Sprintf("Content-Length: %d\r\n\r\n", len(smuggled)), "Transfer-Encoding: chunked\r\n\r\n5\r\n"} {
			c, r := g.dialRaw()
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: %s\r\n%s", host, framing)
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Errorf("%s: no answer: %v", host, err)
				continue
			}
			io.Copy(io.Discard, res.Body)
			io.WriteString(c, smuggled)
			if next, err := http.ReadResponse(r, nil); err == nil {
				t.Errorf("%s: the body was answered like a request, with %d", host, next.StatusCode)
			}
		}
	}
	if a.count() != 0 {
		t.Errorf("%d smuggled requests arrived", a.count())
	}
}

// When a Target yields a match, who waits for it goes to the one that has it now.
func TestHeldRequestsFollowTheMatch(t *testing.T) {
	g := newRig(t, Options{})
	old, heir := newBackend(t, "old", nil), newBackend(t, "heir", nil)
	holder, claimer := target(old.upstream()), target(heir.upstream())
	claimer.ID = "compose:test/heir"
	holder.Wait.For = 300 * time.Millisecond
	g.mux.Apply(holder)
	testrig.Eventually(t, "the old one to be ready", func() bool { return g.get("/").body == "old" })
	g.mux.Apply(claimer)
	holder.Upstreams = nil
	g.mux.Apply(holder)
	wantReply(t, g.post("x"), 200, "heir")
}

// A container that is renamed serves on under its new name without a pause.
func TestRenamedContainer(t *testing.T) {
	g := newRig(t, Options{})
	a := newBackend(t, "a", nil)
	before, after := target(a.upstream()), target(a.upstream())
	before.ID, after.ID = "container:before", "container:after"
	g.mux.Apply(before)
	g.ready(1)
	before.Upstreams = nil
	g.mux.Apply(after, before)
	wantReply(t, g.get("/"), 200, "a")
	if s := g.mux.Targets()[1]; len(s.Conflicts) != 1 || s.Conflicts[0].Holder != after.ID {
		t.Errorf("the conflicts are %v", s.Conflicts)
	}
}

// A connection that the Upstream closed while it was idle is noticed before
// anything is written into it.
func TestStaleConnectionIsNotWrittenTo(t *testing.T) {
	address := testrig.RawServer(t, func(*net.TCPConn) {}) // closes at once
	plain, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	testrig.Eventually(t, "the end of the connection", func() bool { return peerClosed(plain) })
	c := &upstreamConn{Conn: plain}
	c.begin()
	if n, err := c.Write([]byte("POST")); n != 0 || !errors.Is(err, errStale) || c.wrote.Load() {
		t.Errorf("%d bytes were written, error %v", n, err)
	}
}
