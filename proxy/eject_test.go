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
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/h1"
	"github.com/rota-proxy/rota/proxy/spec"
)

// moody is a backend that treats its connections as its mood says, and counts the
// clients' requests: not those by which the proxy asks.
type moody struct {
	mood  atomic.Pointer[mood]
	taken atomic.Int64
	spec  spec.Upstream
}

// mood says what to do about a connection, of which the head of a request was
// read; false ends it.
type mood func(c net.Conn) bool

func answer200(c net.Conn) bool {
	_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
	return err == nil
}

func breakOff(net.Conn) bool { return false }

func reset(c net.Conn) bool { return c.(*net.TCPConn).SetLinger(0) != nil }

func babble(c net.Conn) bool {
	io.WriteString(c, "I am no server\r\n\r\n")
	return false
}

func newMoody(t *testing.T, name string, first mood) *moody {
	m := &moody{}
	m.be(first)
	m.spec = upstream(name, testrig.RawServer(t, func(c *net.TCPConn) {
		for requests := bufio.NewReader(c); ; {
			r, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			if r.UserAgent() != askingAgent {
				m.taken.Add(1)
			}
			if !(*m.mood.Load())(c) {
				return
			}
		}
	}))
	return m
}

func (m *moody) be(now mood) { m.mood.Store(&now) }

// One that breaks off is out after so many failures, which costs a GET nothing, and
// is back when it answers.
func TestWhoBreaksOffIsEjected(t *testing.T) {
	for name, how := range map[string]mood{"closes": breakOff, "resets": reset, "babbles": babble} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(name+" "+method, func(t *testing.T) {
				a, b, c := newBackend(t, "a", nil), newBackend(t, "b", nil), newMoody(t, "c", how)
				g := newRig(t, Options{})
				g.mux.Apply(target(a.upstream(), b.upstream(), c.spec))
				g.ready(3)
				failures := g.failures(method, 60)
				want := map[string]int{"GET": 0, "POST": spec.DefaultEject}[method]
				if name == "babbles" {
					want = spec.DefaultEject // that was an answer
				}
				if failures != want || c.taken.Load() != spec.DefaultEject {
					t.Errorf("%d requests failed, %d reached it; want %d and %d", failures, c.taken.Load(), want, spec.DefaultEject)
				}
				if s := g.status("c"); s.State != spec.Ejected || !strings.Contains(s.Reason, "breaks off") {
					t.Errorf("it is %v: %q", s.State, s.Reason)
				}
				c.be(answer200)
				g.ready(3)
				if failures := g.failures(method, 12); failures != 0 || c.taken.Load() < spec.DefaultEject+4 {
					t.Errorf("it is back, and %d requests failed, %d reached it", failures, c.taken.Load())
				}
			})
		}
	}
}

// failures is how many of n requests, one after the other, fail.
func (g *rig) failures(method string, n int) (failed int) {
	for range n {
		if r := g.send(g.request(method, "/", nil)); r.status != 200 {
			failed++
		}
	}
	return failed
}

// Failures have to come in a row.
func TestAnswersBetweenFailures(t *testing.T) {
	a, c := newBackend(t, "a", nil), newMoody(t, "c", breakOff)
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream(), c.spec))
	g.ready(2)
	for range 4 {
		c.be(breakOff)
		g.failures("POST", 2*(spec.DefaultEject-1)) // every other one is for c
		c.be(answer200)
		g.failures("POST", 2)
	}
	if g.state("c") != spec.Ready {
		t.Error("it was ejected")
	}
}

// Of a service that fails as a whole one goes on being tried.
func TestTheLastOneIsNotEjected(t *testing.T) {
	a, b := newMoody(t, "a", breakOff), newMoody(t, "b", breakOff)
	g := newRig(t, Options{})
	g.mux.Apply(target(a.spec, b.spec))
	g.ready(2)
	for range 20 {
		wantReply(t, g.post("x"), 502, "upstream-failed")
	}
	g.ready(1)
	a.be(answer200)
	b.be(answer200)
	g.ready(2)
	wantReply(t, g.post("x"), 200, "x")
}

// One whose weight is 0 does not stand in for the last one.
func TestWhoGetsNothingIsNoOtherOne(t *testing.T) {
	a, b := newMoody(t, "a", breakOff), newBackend(t, "b", nil)
	idle := b.upstream()
	idle.Weight = 0
	g := newRig(t, Options{})
	g.mux.Apply(target(a.spec, idle))
	g.ready(2)
	for range 20 {
		wantReply(t, g.post("x"), 502, "upstream-failed")
	}
	g.ready(2)
}

func TestEjectOff(t *testing.T) {
	a, c := newBackend(t, "a", nil), newMoody(t, "c", breakOff)
	g := newRig(t, Options{})
	def := target(a.upstream(), c.spec)
	def.Eject.Failures = 0
	g.mux.Apply(def)
	g.ready(2)
	if failed := g.failures("POST", 40); failed != 20 || g.state("c") != spec.Ready {
		t.Errorf("%d of 40 requests failed, and it is %v", failed, g.state("c"))
	}
}

// Answers that do not come in time eject as well.
func TestWhoDawdlesIsEjected(t *testing.T) {
	a, c := newBackend(t, "a", nil), newFrozen(t, "c", spec.HTTP)
	g := newRig(t, Options{})
	def := target(a.upstream(), c.spec)
	def.Timeout.Response = 20 * time.Millisecond
	g.mux.Apply(def)
	g.ready(2)
	c.freeze()
	if failed := g.failures("GET", 30); failed < 1 || failed > spec.DefaultEject {
		t.Errorf("%d requests failed", failed)
	}
	if g.state("c") != spec.Ejected {
		t.Errorf("it is %v", g.state("c"))
	}
	c.melt()
	g.ready(2)
}

// What was sent to one that is ejected meanwhile does not wear out the budget.
func TestEjectionSparesTheBudget(t *testing.T) {
	const more = budgetFloor*budgetSeconds + 20
	let := make(chan struct{})
	a := newBackend(t, "a", nil)
	c := newMoody(t, "c", func(net.Conn) bool { <-let; return false })
	g := newRig(t, Options{})
	def := target(a.upstream(), c.spec)
	def.Retry.Budget = 0.0001
	g.mux.Apply(def)
	g.ready(2)
	var replies []<-chan reply
	for range 2 * more {
		replies = append(replies, g.later(g.request("GET", "/", nil)))
	}
	testrig.Eventually(t, "half of them to be there", func() bool { return g.mux.Targets()[0].Requests == 2*more })
	close(let)
	for _, r := range replies {
		wantReply(t, <-r, 200, "a")
	}
}

// silent is a carrier without connections.
type silent struct {
	answers func(ctx context.Context) error
}

func (silent) send(*exchange, *attempt, choice) (response, error) { return nil, errors.New("unused") }
func (s silent) ask(ctx context.Context) error                    { return s.answers(ctx) }
func (silent) closeIdle()                                         {}
func (silent) retire()                                            {}

// newBench is three Upstreams that answer as ask does, and one of them.
func newBench(t *testing.T, ask func(ctx context.Context) error) (s *Upstreams, c *Upstream) {
	s = newUpstreams(zerolog.Nop(), nil, newRoom(new(atomic.Int64)), new(h1.Watchdog), newTurnstile())
	def := target(assumed("a"), assumed("b"), assumed("c"))
	s.apply(&def)
	for _, u := range s.members {
		var w carrier = silent{ask}
		u.carrier.Store(&w)
		if u.name() == "c" {
			c = u
		}
	}
	t.Cleanup(s.close)
	return s, c
}

// outFor is how long it takes until u is back in rotation.
func (s *Upstreams) outFor(t *testing.T, u *Upstream) time.Duration {
	t.Helper()
	begin := time.Now()
	for !contains(s.ready.Load().members, u) {
		if time.Since(begin) > time.Hour {
			t.Fatal("it does not come back")
		}
		time.Sleep(time.Millisecond) // of the bubble's clock
	}
	return time.Since(begin)
}

// One that answers when it is asked, and fails with requests, is let alone ever
// longer; one that was well for a while begins anew.
func TestRelapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newBench(t, func(context.Context) error { return nil })
		fails := func() {
			s.failed(c, spec.DefaultEject, ailment{kind: breaks})
			synctest.Wait()
		}
		for range spec.DefaultEject {
			fails()
		}
		if out := s.outFor(t, c); out > time.Millisecond {
			t.Errorf("it answers, and was out for %v", out)
		}
		for _, want := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second} {
			fails() // once is enough
			if out := s.outFor(t, c); out < want || out > want+10*time.Millisecond {
				t.Errorf("it relapsed and was out for %v, want %v", out, want)
			}
		}
		time.Sleep(steady)
		fails()
		if out := s.outFor(t, c); out > time.Millisecond {
			t.Errorf("after a good time it was out for %v", out)
		}
	})
}

// When nobody else is left, one that was to be let alone is asked at once.
func TestNobodyRestsWhenNobodyElseIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newBench(t, func(context.Context) error { return nil })
		for range spec.DefaultEject + 8 {
			s.failed(c, spec.DefaultEject, ailment{kind: breaks})
			synctest.Wait()
			s.outFor(t, c)
		}
		s.failed(c, spec.DefaultEject, ailment{kind: breaks})
		for _, u := range s.ready.Load().members {
			w := u.carrier.Swap(nil)
			(*w).retire()
			s.refused(u)
		}
		if out := s.outFor(t, c); out > 2*restStep {
			t.Errorf("it was out for %v", out)
		}
	})
}

// The pauses between two questions grow, and what is slow to answer is not taken
// for silent.
func TestInquiries(t *testing.T) {
	for _, slow := range []bool{false, true} {
		t.Run(fmt.Sprintf("slow %v", slow), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				s, c := newBench(t, func(ctx context.Context) error {
					asked.Add(1)
					if !slow {
						return errors.New("not now")
					}
					if !sleep(ctx, 2*time.Second) {
						return ctx.Err()
					}
					return nil
				})
				s.eject(c, ailment{kind: breaks})
				if slow {
					if out := s.outFor(t, c); out > 3*time.Second {
						t.Errorf("it was out for %v", out)
					}
					return
				}
				time.Sleep(10 * time.Second)
				if n := asked.Load(); n < 40 || n > 140 {
					t.Errorf("it was asked %d times in 10 s", n)
				}
			})
		})
	}
}

// For a status one is out for a set time, which doubles.
func TestEjectedForItsStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newBench(t, func(context.Context) error { return nil })
		def := target(assumed("a"), assumed("b"), assumed("c"))
		def.Eject = spec.Eject{Failures: 1, Statuses: []spec.StatusRange{{From: 503, To: 503}}, For: 3 * time.Second, Max: 10 * time.Second}
		s.apply(&def)
		x := &exchange{target: &Target{upstreams: s}, def: &def}
		x.judge(c, http.StatusOK)
		for _, want := range []time.Duration{3 * time.Second, 6 * time.Second, 10 * time.Second, 10 * time.Second} {
			x.judge(c, http.StatusServiceUnavailable)
			if reason := s.status()[2].Reason; reason != "port 1 answers 503 for 0 s" {
				t.Errorf("the reason is %q", reason)
			}
			if out := s.outFor(t, c); out < want || out > want+10*time.Millisecond {
				t.Errorf("it was out for %v, want %v", out, want)
			}
		}
	})
}
