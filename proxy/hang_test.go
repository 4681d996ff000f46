package proxy

import (
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/h1"
	"github.com/rota-proxy/rota/proxy/spec"
)

// frozen is a backend that accepts and reads, and answers only while it is not
// frozen.
type frozen struct {
	spec spec.Upstream
	mu   sync.Mutex
	thaw chan struct{} // nil: it answers
}

func newFrozen(t *testing.T, name string, scheme spec.Scheme) *frozen {
	f := &frozen{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		thaw := f.thaw
		f.mu.Unlock()
		if thaw != nil {
			select {
			case <-thaw:
			case <-r.Context().Done():
			}
		}
		w.Write([]byte(name))
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(scheme == spec.HTTP)
	server.Config.Protocols.SetUnencryptedHTTP2(scheme == spec.H2C)
	server.Start()
	f.spec = upstream(name, server.URL)
	f.spec.Scheme = scheme
	t.Cleanup(server.Close)
	t.Cleanup(f.melt)
	return f
}

func (f *frozen) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.thaw = make(chan struct{})
}

func (f *frozen) melt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.thaw != nil {
		close(f.thaw)
		f.thaw = nil
	}
}

// trickle sends a request every pause until stop is closed, and gives each result
// to see.
func (g *rig) trickle(method string, pause time.Duration, stop <-chan struct{}, see func(status int, took time.Duration)) *sync.WaitGroup {
	var all sync.WaitGroup
	all.Go(func() {
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				all.Go(func() {
					begin := time.Now()
					res, err := http.DefaultClient.Do(g.request(method, "/", nil))
					if err != nil {
						see(0, time.Since(begin))
						return
					}
					res.Body.Close()
					see(res.StatusCode, time.Since(begin))
				})
			}
		}
	})
	return &all
}

func TestAHangingUpstreamCostsNoRequest(t *testing.T) {
	a, b, c := newBackend(t, "a", nil), newBackend(t, "b", nil), newFrozen(t, "c", spec.HTTP)
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream(), b.upstream(), c.spec))
	g.ready(3)
	var failed, late, done atomic.Int64
	stop := make(chan struct{})
	all := g.trickle("GET", 10*time.Millisecond, stop, func(status int, took time.Duration) {
		done.Add(1)
		if status != http.StatusOK {
			failed.Add(1)
		}
		if took > 5*time.Second {
			late.Add(1)
		}
	})
	testrig.Eventually(t, "the first answers", func() bool { return done.Load() > 10 })
	c.freeze()
	testrig.Eventually(t, "the one that hangs to be taken out", func() bool { return g.state("c") == spec.Ejected })
	before := done.Load()
	testrig.Eventually(t, "the others to go on", func() bool { return done.Load() > before+50 })
	if reason := g.reason("c"); !strings.Contains(reason, "does not answer") {
		t.Errorf("the reason is %q", reason)
	}
	c.melt()
	g.ready(3)
	close(stop)
	all.Wait()
	if failed.Load() > 0 || late.Load() > 0 {
		t.Errorf("of %d requests %d failed and %d took far too long", done.Load(), failed.Load(), late.Load())
	}
}

// A service that is slow as a whole has nobody who hangs.
func TestSlowIsNotHanging(t *testing.T) {
	slow := func(w http.ResponseWriter, r *http.Request) { sleep(r.Context(), 300*time.Millisecond) }
	a, b := newBackend(t, "a", slow), newBackend(t, "b", slow)
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream(), b.upstream()))
	g.ready(2)
	var ejected atomic.Bool
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			for range 5 {
				g.get("/")
				if g.state("a") != spec.Ready || g.state("b") != spec.Ready {
					ejected.Store(true)
				}
			}
		})
	}
	clients.Wait()
	if ejected.Load() {
		t.Error("one of two that are equally slow was taken for one that hangs")
	}
}

// The last one standing is never taken out.
func TestTheLastOneIsNotTakenForHanging(t *testing.T) {
	s := newUpstreams(zerolog.Nop(), nil, newRoom(new(atomic.Int64)), new(h1.Watchdog), newTurnstile())
	def := target(assumed("only"))
	s.apply(&def)
	u := s.pick(nil)
	for range 100 {
		s.asked(u)
	}
	s.vitals.answers.Add(1000)
	s.look(int64(time.Hour))
	if s.pick(nil) != u || u.pulse.examined {
		t.Error("it was not picked, or is doubted")
	}
	s.close()
}

func assumed(name string) spec.Upstream {
	u := upstream(name, net.JoinHostPort("127.0.0.1", "1"))
	u.Phase = spec.Assumed
	return u
}

// Of three who hang or do not, in whatever number, turns go to those who do not, once
// so many requests wait.
func TestWhoFallsBehindLosesItsTurns(t *testing.T) {
	for hanging := 1; hanging <= 2; hanging++ {
		s := newUpstreams(zerolog.Nop(), nil, newRoom(new(atomic.Int64)), new(h1.Watchdog), newTurnstile())
		def := target(assumed("a"), assumed("b"), assumed("c"))
		s.apply(&def)
		hangs := func(name string) bool { return int(name[0]-'a') >= 3-hanging }
		turns := map[string]int{}
		for range 300 {
			u := s.pick(nil)
			s.asked(u)
			turns[u.name()]++
			if !hangs(u.name()) {
				s.heard(u, time.Now())
			}
		}
		for name, n := range turns {
			if hangs(name) && n > hangCrowd || !hangs(name) && n < 100 {
				t.Errorf("of three %d hang, and %s got %d of 300 turns", hanging, name, n)
			}
		}
		s.close()
	}
}

// Turns are as even as ever while many requests are under way.
func TestWhoIsBusyKeepsItsTurns(t *testing.T) {
	s := newUpstreams(zerolog.Nop(), nil, newRoom(new(atomic.Int64)), new(h1.Watchdog), newTurnstile())
	defer s.close()
	def := target(assumed("a"), assumed("b"), assumed("c"))
	s.apply(&def)
	var running []*Upstream
	turns := map[string]int{}
	order := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		u := s.pick(nil)
		s.asked(u)
		turns[u.name()]++
		if running = append(running, u); len(running) == 64 {
			i := order.IntN(len(running))
			s.heard(running[i], time.Now())
			running = slices.Delete(running, i, i+1)
		}
	}
	for name, n := range turns {
		if n != 1000 {
			t.Errorf("%s got %d of 3000 turns", name, n)
		}
	}
}

// When every client waits for the one that hangs, nobody comes to find it out.
func TestAClientAloneFindsWhoHangs(t *testing.T) {
	for _, scheme := range []spec.Scheme{spec.HTTP, spec.H2C} {
		t.Run(string(scheme), func(t *testing.T) {
			a, b, c := newFrozen(t, "a", scheme), newFrozen(t, "b", scheme), newFrozen(t, "c", scheme)
			g := newRig(t, Options{})
			g.mux.Apply(target(a.spec, b.spec, c.spec))
			g.ready(3)
			c.freeze()
			for range 3 {
				if r := g.get("/"); r.status != http.StatusOK || r.body == "c" {
					t.Errorf("%d %q, %v", r.status, r.body, r.err)
				}
			}
			if state := g.state("c"); state != spec.Ejected {
				t.Errorf("the one that hangs is %v", state)
			}
			c.melt()
			g.ready(3)
		})
	}
}

// What was given up is owed, and it makes no difference whether clients wait at once
// or one after the other.
func TestWhatIsGivenUpIsOwed(t *testing.T) {
	s := newUpstreams(zerolog.Nop(), nil, newRoom(new(atomic.Int64)), new(h1.Watchdog), newTurnstile())
	defer s.close()
	def := target(assumed("a"), assumed("c"))
	s.apply(&def)
	turns := 0
	for range 100 {
		u := s.pick(nil)
		s.asked(u)
		if u.name() == "a" {
			s.heard(u, time.Now())
			continue
		}
		turns++
		s.unheard(u, time.Now().Add(-time.Second), true)
		s.asked(u)
		s.unheard(u, time.Now(), true) // after no time at all: nothing is owed for that
	}
	if turns != hangCrowd {
		t.Errorf("%d requests were lost", turns)
	}
	c := s.members[assumed("c").ID]
	if now := s.dog.Now() + int64(hangSilence); !s.hangs(c, now) {
		t.Error("it is not found to hang")
	}
	s.heard(c, time.Now())
	if owed := c.pulse.missed.Load(); owed != 0 {
		t.Errorf("it has answered and owes %d", owed)
	}
}

// The longer an Upstream is silent, the less often it is asked.
func TestDoubtsBecomeRare(t *testing.T) {
	s := newUpstreams(zerolog.Nop(), nil, newRoom(new(atomic.Int64)), new(h1.Watchdog), newTurnstile())
	defer s.close()
	def := target(assumed("a"), assumed("b"))
	s.apply(&def)
	u := s.pick(nil)
	s.asked(u)
	begin, doubts := s.dog.Now(), 0
	for silence := time.Duration(0); silence <= 64*hangDoubt; silence += hangDoubt / 2 {
		if now := begin + int64(silence); s.doubtful(u, now) {
			u.pulse.cleared = now
			doubts++
		}
	}
	if doubts != 7 { // after 1, 2, 4 and so on
		t.Errorf("it was asked %d times", doubts)
	}
}

// inquired is a backend that knows what it is asked by the proxy.
type inquired struct {
	*backend
	inquiries atomic.Int64
	let       chan struct{} // closed: requests are answered
	deaf      bool          // inquiries are not
}

func newInquired(t *testing.T, name string, deaf bool) *inquired {
	q := &inquired{let: make(chan struct{}), deaf: deaf}
	q.backend = newBackend(t, name, func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() == askingAgent {
			q.inquiries.Add(1)
			if q.deaf {
				<-r.Context().Done()
			}
			return
		}
		select {
		case <-q.let:
		case <-r.Context().Done():
		}
	})
	return q
}

// An answer that takes long is waited for, as long as its Upstream answers others.
func TestALongAnswerIsNoHanging(t *testing.T) {
	a, b := newInquired(t, "a", false), newInquired(t, "b", false)
	close(a.let)
	log := &testrig.Output{}
	g := newRig(t, Options{Log: zerolog.New(log)})
	g.mux.Apply(target(a.upstream(), b.upstream()))
	g.ready(2)
	g.get("/")
	long := g.later(g.request("GET", "/", nil))
	testrig.Eventually(t, "it to be asked twice", func() bool { return b.inquiries.Load() >= 2 })
	if strings.Contains(log.String(), "does not answer") {
		t.Errorf("it was taken out:\n%s", log)
	}
	close(b.let)
	wantReply(t, testrig.Await(t, "the answer", long), http.StatusOK, "")
	if n := int64(b.count()) - b.inquiries.Load(); n != 1 {
		t.Errorf("the request was sent %d times", n)
	}
}

// One that answers questions, and no requests, is found out by those.
func TestWhoAnswersOnlyQuestionsHangs(t *testing.T) {
	a, b := newBackend(t, "a", nil), newInquired(t, "b", false)
	log := &testrig.Output{}
	g := newRig(t, Options{Log: zerolog.New(log)})
	g.mux.Apply(target(a.upstream(), b.upstream()))
	g.ready(2)
	stop := make(chan struct{})
	all := g.trickle("POST", 10*time.Millisecond, stop, func(int, time.Duration) {})
	testrig.Eventually(t, "it to be taken out", func() bool { return strings.Contains(log.String(), "does not answer") })
	close(stop)
	close(b.let)
	all.Wait()
}

// Where nobody answers such questions in time, silence says nothing.
func TestWhereAllAreSilentNobodyHangs(t *testing.T) {
	a, b := newInquired(t, "a", true), newInquired(t, "b", true)
	close(a.let)
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream(), b.upstream()))
	g.ready(2)
	g.get("/")
	long := g.later(g.request("GET", "/", nil))
	testrig.Eventually(t, "the other to be asked twice", func() bool { return a.inquiries.Load() == 2 })
	if b.inquiries.Load() != 0 || g.state("b") != spec.Ready {
		t.Errorf("it was asked %d times and is %v", b.inquiries.Load(), g.state("b"))
	}
	close(b.let)
	wantReply(t, testrig.Await(t, "the answer", long), http.StatusOK, "")
}

// The clock does not run for those who have nothing to do.
func TestNobodyLooksWhereNothingIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dog := new(h1.Watchdog)
		s := newUpstreams(zerolog.Nop(), nil, newRoom(new(atomic.Int64)), dog, newTurnstile())
		defer s.close()
		def := target(assumed("a"), assumed("b"))
		s.apply(&def)
		runs := func() bool {
			before := dog.Now()
			time.Sleep(time.Second)
			synctest.Wait()
			return dog.Now() > before
		}
		u := s.pick(nil)
		for range 2 {
			s.asked(u)
			if !runs() {
				t.Error("the clock stands still while an answer is owed")
			}
			s.heard(u, time.Now())
			if runs(); runs() {
				t.Error("the clock runs on though nothing is owed")
			}
		}
	})
}

// state is an Upstream's by name.
func (g *rig) state(name string) spec.State { return g.status(name).State }

func (g *rig) reason(name string) string { return g.status(name).Reason }

func (g *rig) status(name string) spec.UpstreamStatus {
	for _, u := range g.mux.Targets()[0].Upstreams {
		if u.Name == name {
			return u
		}
	}
	return spec.UpstreamStatus{}
}
