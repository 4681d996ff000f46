package proxy

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/h1"
	"github.com/rota-proxy/rota/proxy/spec"
)

// frozen is a backend that accepts and reads, and answers only while it is not
// frozen.
type frozen struct {
	*backend
	mu   sync.Mutex
	thaw chan struct{} // nil: it answers
}

func newFrozen(t *testing.T, name string) *frozen {
	f := &frozen{}
	f.backend = newBackend(t, name, func(w http.ResponseWriter, r *http.Request) {
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
	})
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
	a, b, c := newBackend(t, "a", nil), newBackend(t, "b", nil), newFrozen(t, "c")
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream(), b.upstream(), c.upstream()))
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
	if s.pick(nil) != u {
		t.Error("it was not picked")
	}
	s.close()
}

func assumed(name string) spec.Upstream {
	u := upstream(name, net.JoinHostPort("127.0.0.1", "1"))
	u.Phase = spec.Assumed
	return u
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
