package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

var web = map[string]string{"rota.host": "web.test"}

// want compares a Target with `name phase, …` now.
func (r *recorder) want(t *testing.T, id, want string) {
	t.Helper()
	if target, _, _ := r.look(id); upstreamsText(target) != want {
		t.Errorf("%s: upstreams %q, want %q", id, upstreamsText(target), want)
	}
}

// later lets virtual time pass and everything settle.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestFirstPictureIsPublishedOnceAndWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web), running("b", web), running("plain", nil))
		d.inspecting = func(context.Context, string) error { time.Sleep(time.Second); return nil }
		w, seen := d.watch(t)
		synctest.Wait()
		if seen.published() != 0 {
			t.Fatal("published before the picture was whole")
		}
		later(3 * time.Second)
		<-w.Synced()
		seen.want(t, "container:a", "a running")
		seen.want(t, "container:b", "b running")
		if seen.published() != 1 {
			t.Errorf("%d calls of Publish, want 1", seen.published())
		}
		if n := d.inspected("plain"); n != 0 {
			t.Errorf("a container without labels was inspected %d times", n)
		}
		if all := w.Containers(); len(all) != 3 || all[2].Outcome != Hidden {
			t.Errorf("verdicts: %+v", all)
		}
	})
}

// Whoever is told that the engine has been read must find that acted on.
func TestCompleteComesBeforeSyncedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		watchers, calls := make(chan *Watcher, 1), 0
		w, seen := newDouble(running("a", web)).watch(t, func(o *Options) {
			o.Complete = func() {
				calls++
				if w := <-watchers; w.hasSynced() || w.Status().Synced {
					t.Error("it was told before")
				}
			}
		})
		watchers <- w
		later(time.Second)
		<-w.Synced()
		if calls != 1 || seen.published() != 1 {
			t.Errorf("Complete was called %d times, after %d sets", calls, seen.published())
		}
	})
}

func TestKillDrainsBeforeAnyInspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		_, seen := d.watch(t)
		synctest.Wait()
		before := d.inspected("a")
		d.emit("a", "kill 15")
		synctest.Wait()
		seen.want(t, "container:a", "a signalled")
		if n := d.inspected("a"); n != before {
			t.Errorf("inspected %d times because of a kill", n-before)
		}
	})
}

// TestKillRule: which signals drain, and when that is taken back.
func TestKillRule(t *testing.T) {
	cases := []struct {
		name       string
		own        string
		sent       string
		drain      string
		stop       time.Duration
		drains     bool
		takenAfter time.Duration
	}{
		{name: "TERM", sent: "15", stop: 10 * time.Second, drains: true, takenAfter: 35 * time.Second},
		{name: "KILL", sent: "9", stop: 10 * time.Second, drains: true, takenAfter: 35 * time.Second},
		{name: "by name", sent: "SIGTERM", stop: 10 * time.Second, drains: true, takenAfter: 35 * time.Second},
		{name: "HUP", sent: "1", stop: 10 * time.Second},
		{name: "INT", sent: "2", stop: 10 * time.Second},
		{name: "QUIT", sent: "3", stop: 10 * time.Second},
		{name: "own QUIT", own: "SIGQUIT", sent: "3", stop: 10 * time.Second, drains: true, takenAfter: 35 * time.Second},
		{name: "own INT", own: "INT", sent: "2", stop: 10 * time.Second, drains: true, takenAfter: 35 * time.Second},
		{name: "own real-time signal", own: "SIGRTMIN+3", sent: "37", stop: 10 * time.Second, drains: true, takenAfter: 35 * time.Second},
		{name: "own number", own: "12", sent: "12", stop: 10 * time.Second, drains: true, takenAfter: 35 * time.Second},
		{name: "long stop timeout", sent: "15", stop: time.Minute, drains: true, takenAfter: 65 * time.Second},
		{name: "short drain", sent: "15", drain: "2s", stop: 3 * time.Second, drains: true, takenAfter: 8 * time.Second},
		{name: "no signal", sent: "", stop: 10 * time.Second},
		{name: "nonsense", sent: "SIGFOO", stop: 10 * time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one := running("a", map[string]string{"rota.host": "web.test"})
				one.StopSignal, one.StopTimeout = c.own, c.stop
				if c.drain != "" {
					one.Labels["rota.drain"] = c.drain
				}
				d := newDouble(one)
				_, seen := d.watch(t)
				synctest.Wait()
				d.emit("a", "kill "+c.sent)
				synctest.Wait()
				if !c.drains {
					seen.want(t, "container:a", "a running")
					return
				}
				seen.want(t, "container:a", "a signalled")
				later(c.takenAfter - time.Second)
				seen.want(t, "container:a", "a signalled")
				later(time.Second + quietCap)
				seen.want(t, "container:a", "a running")
			})
		})
	}
}

func TestTheLastKillCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		_, seen := d.watch(t)
		synctest.Wait()
		d.emit("a", "kill 15")
		later(30 * time.Second)
		d.emit("a", "kill 15", "kill 1")
		later(30 * time.Second)
		seen.want(t, "container:a", "a signalled")
		later(6 * time.Second)
		seen.want(t, "container:a", "a running")
	})
}

func TestRestartEndsAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		_, seen := d.watch(t)
		synctest.Wait()
		d.emit("a", "kill 15", "die")
		synctest.Wait()
		seen.want(t, "container:a", "")
		time.Sleep(time.Second)
		d.edit("a", func(c *container) { c.StartedAt = time.Now() })
		d.emit("a", "start", "restart")
		later(quietCap)
		seen.want(t, "container:a", "a running")
	})
}

func TestDieActsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		_, seen := d.watch(t)
		synctest.Wait()
		// An inspect is under way when it dies, and will tell of before.
		release := make(chan struct{})
		d.inspecting = func(context.Context, string) error { <-release; return nil }
		d.emit("a", "update")
		later(quietCap)
		d.emit("a", "die")
		synctest.Wait()
		seen.want(t, "container:a", "")
		before := seen.published()
		d.mu.Lock()
		d.inspecting = nil
		d.mu.Unlock()
		close(release) // the answer still says running
		synctest.Wait()
		seen.want(t, "container:a", "")
		if seen.published() != before {
			t.Error("an outdated answer was published")
		}
	})
}

func TestPauseActsAtOnceAndUnpauseIsLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		_, seen := d.watch(t)
		synctest.Wait()
		d.edit("a", func(c *container) { c.State = statePaused })
		d.emit("a", "pause")
		synctest.Wait()
		seen.want(t, "container:a", "a paused")
		time.Sleep(time.Second)
		d.edit("a", func(c *container) { c.State = stateRunning })
		d.emit("a", "unpause")
		later(quietCap)
		seen.want(t, "container:a", "a running")
		d.emitAt("a", "pause", time.Now().Add(-time.Second)) // a duplicate comes late
		later(quietCap)
		seen.want(t, "container:a", "a running")
	})
}

func TestHealthcheckStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running("a", web)
		a.Health = "starting"
		d := newDouble(a)
		_, seen := d.watch(t)
		synctest.Wait()
		for _, step := range [...]struct{ health, want string }{
			{"starting", "a checking"}, {"healthy", "a running"}, {"unhealthy", "a unhealthy"}, {"healthy", "a running"},
		} {
			d.edit("a", func(c *container) { c.Health = step.health })
			d.emit("a", "health_status")
			later(quietCap)
			seen.want(t, "container:a", step.want)
		}
	})
}

func TestStormCostsOneInspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		_, _ = d.watch(t)
		synctest.Wait()
		before := d.inspected("a")
		for range 30 {
			d.emit("a", "update")
			time.Sleep(time.Millisecond)
		}
		later(quietCap)
		if n := d.inspected("a") - before; n != 1 {
			t.Errorf("%d inspects for one group of events, want 1", n)
		}
	})
}

func TestStormIsCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		_, _ = d.watch(t)
		synctest.Wait()
		before := d.inspected("a")
		for range 100 {
			d.emit("a", "update")
			time.Sleep(4 * time.Millisecond)
		}
		synctest.Wait()
		if n := d.inspected("a") - before; n < 7 || n > 9 {
			t.Errorf("%d inspects in 400 ms of events without a pause, want one per 50 ms", n)
		}
	})
}

func TestEventsOfAnEarlierLifeAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running("a", web)
		a.StartedAt = time.Now()
		d := newDouble(a)
		_, seen := d.watch(t)
		synctest.Wait()
		before := d.inspected("a")
		for _, action := range [...]string{"die", "kill 9", "pause", "stop"} {
			d.emitAt("a", action, a.StartedAt.Add(-time.Millisecond))
		}
		later(time.Second)
		seen.want(t, "container:a", "a running")
		if d.inspected("a") != before {
			t.Error("an event of an earlier life caused an inspect")
		}
	})
}

func TestEventsOfUnknownContainersAreHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		w, seen := d.watch(t)
		synctest.Wait()
		d.emit("ghost", "die", "kill 9", "pause", "stop", "destroy", "start", "rename")
		d.emitNetwork("connect", "bridge", "ghost")
		d.emitNetwork("disconnect", "bridge", "")
		later(time.Second)
		seen.want(t, "container:a", "a running")
		if n := d.inspected("ghost"); n != 0 {
			t.Errorf("a container that shows no label was inspected %d times", n)
		}
		if w.Status().Drift != 0 {
			t.Errorf("drift %d", w.Status().Drift)
		}
	})
}

func TestDuplicatedAndReorderedEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		_, seen := d.watch(t)
		synctest.Wait()
		time.Sleep(time.Minute)
		died := time.Now()
		time.Sleep(100 * time.Millisecond)
		started := time.Now()
		d.edit("a", func(c *container) { c.StartedAt = started })
		d.emitAt("a", "start", started.Add(time.Millisecond))
		d.emitAt("a", "die", died)
		d.emitAt("a", "start", started.Add(time.Millisecond))
		synctest.Wait()
		later(quietCap)
		seen.want(t, "container:a", "a running")
		d.emitAt("a", "die", died)
		synctest.Wait()
		seen.want(t, "container:a", "a running")
	})
}

func TestNewContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble()
		w, seen := d.watch(t)
		synctest.Wait()
		if seen.published() != 1 {
			t.Fatalf("an engine without containers was published %d times, want once", seen.published())
		}
		c := running("a", web)
		c.State, c.StartedAt, c.Networks = "created", time.Time{}, nil
		d.set(c)
		d.emit("a", "create")
		later(quietCap)
		seen.want(t, "container:a", "")
		c = running("a", web)
		c.StartedAt = time.Now()
		d.set(c)
		d.emitNetwork("connect", "bridge", "a")
		d.emit("a", "start")
		later(quietCap)
		seen.want(t, "container:a", "a running")
		if w.Containers()[0].Outcome != Routed {
			t.Errorf("%+v", w.Containers()[0])
		}
	})
}

func TestRenameChangesTheIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		_, seen := d.watch(t)
		synctest.Wait()
		d.edit("a", func(c *container) { c.Name = "b" })
		d.emit("a", "rename")
		later(quietCap)
		seen.want(t, "container:a", "")
		seen.want(t, "container:b", "b running")
		if gone, _, _ := seen.look("container:a"); len(gone.Matches) != 1 {
			t.Error("the old identity was published without its last definition")
		}
	})
}

func TestDisconnectActsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		w, seen := d.watch(t)
		synctest.Wait()
		d.edit("a", func(c *container) { c.Networks = nil })
		before := d.inspected("a")
		d.emitNetwork("disconnect", "bridge", "a")
		synctest.Wait()
		seen.want(t, "container:a", "")
		if d.inspected("a") != before {
			t.Error("the inspect came first")
		}
		if v := w.Containers()[0]; v.Outcome != NotRouted || v.Targets[0].Reasons[0].Fix == "" {
			t.Errorf("verdict %+v", v)
		}
		later(time.Second)
		d.edit("a", func(c *container) { c.Networks = running("a", nil).Networks })
		d.emitNetwork("connect", "bridge", "a")
		later(quietCap)
		seen.want(t, "container:a", "a running")
	})
}

func TestSharedNetworkFollowsItsOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		side := running("side", web)
		side.NetworkMode, side.Networks = "container:vpn", nil
		d := newDouble(running("vpn", nil), side)
		_, seen := d.watch(t)
		synctest.Wait()
		seen.want(t, "container:side", "side running")
		first, _, _ := seen.look("container:side")
		d.emit("vpn", "kill 15")
		synctest.Wait()
		seen.want(t, "container:side", "side signalled")
		d.edit("vpn", func(c *container) { c.State = stateExited })
		d.emit("vpn", "die")
		synctest.Wait()
		seen.want(t, "container:side", "")
		time.Sleep(time.Second)
		d.edit("vpn", func(c *container) { c.State, c.StartedAt = stateRunning, time.Now() })
		d.emit("vpn", "start")
		later(quietCap)
		seen.want(t, "container:side", "side running")
		if again, _, _ := seen.look("container:side"); again.Upstreams[0].ID == first.Upstreams[0].ID {
			t.Error("the owner's restart kept the Upstream's ID")
		}
	})
}

func TestOwnNetworkEventsAddressEverybodyAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		self := running("rota", map[string]string{"rota.host": "loop.test"})
		self.Networks = nil
		d := newDouble(self, running("a", web))
		w, seen := d.watch(t, func(o *Options) { o.Self = "rota" })
		synctest.Wait()
		seen.want(t, "container:a", "")
		seen.want(t, "container:rota", "")
		d.edit("rota", func(c *container) { c.Networks = running("rota", nil).Networks })
		d.emitNetwork("connect", "bridge", "rota")
		later(quietCap)
		seen.want(t, "container:a", "a running")
		d.emitNetwork("disconnect", "bridge", "rota")
		synctest.Wait()
		seen.want(t, "container:a", "")
		for _, v := range w.Containers() {
			if v.Name == "rota" && (v.Outcome != Hidden || v.Reasons[0].Code != CodeOwn) {
				t.Errorf("own container: %+v", v)
			}
		}
	})
}

func TestNewNetworkOfTheHostIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble()
		_, seen := d.watch(t)
		synctest.Wait()
		d.setInterfaces("10.9.0.1/24")
		c := running("a", web)
		c.StartedAt = time.Now()
		c.Networks = []attachment{{Name: "new", ID: "new-id", IPv4: netip.MustParsePrefix("10.9.0.5/24"), Gateway: netip.MustParseAddr("10.9.0.1")}}
		d.set(c)
		d.emit("a", "create", "start")
		later(quietCap)
		seen.want(t, "container:a", "a running")
	})
}

func TestEngineAwayKeepsWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web), running("b", web))
		w, seen := d.watch(t)
		synctest.Wait()
		before := seen.published()
		d.cut(errDown)
		synctest.Wait()
		d.delete("b")
		fresh := running("c", web)
		d.set(fresh)
		later(time.Hour)
		if seen.published() != before {
			t.Error("something was published while the engine was away")
		}
		s := w.Status()
		if s.Reachable || !s.Synced || s.Error == "" || time.Since(s.StaleSince) < time.Hour {
			t.Errorf("status %+v", s)
		}
		if d.attempts() < 600 {
			t.Errorf("%d attempts in an hour", d.attempts())
		}
		d.up()
		later(backoffMost + time.Second)
		seen.want(t, "container:a", "a running")
		seen.want(t, "container:b", "")
		seen.want(t, "container:c", "c running")
		s = w.Status()
		if !s.Reachable || s.Error != "" || !s.StaleSince.IsZero() || s.Reconnects != 1 || s.Drift != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestEngineAwayAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		d.down = errDown
		w, seen := d.watch(t)
		later(time.Minute)
		if s := w.Status(); s.Synced || s.Reachable || seen.published() != 0 {
			t.Errorf("status %+v", s)
		}
		d.up()
		later(backoffMost + time.Second)
		<-w.Synced()
		seen.want(t, "container:a", "a running")
	})
}

func TestOneUnreadableContainerDoesNotHoldUpTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web), running("b", web))
		sick := true
		d.inspecting = func(_ context.Context, id string) error {
			if id == "b" && sick {
				return errors.New("500")
			}
			return nil
		}
		w, seen := d.watch(t)
		synctest.Wait()
		<-w.Synced()
		seen.want(t, "container:a", "a running")
		if v := w.Containers()[1]; v.Outcome != NotRouted || v.Reasons[0].Code != CodeUnread {
			t.Errorf("verdict %+v", v)
		}
		d.mu.Lock()
		sick = false
		d.mu.Unlock()
		later(backoffMost)
		seen.want(t, "container:b", "b running")
		d.mu.Lock()
		sick = true
		d.mu.Unlock()
		d.emit("b", "update")
		later(time.Second)
		seen.want(t, "container:b", "b running")
	})
}

// TestAHangingEngineIsLeft: no answer is treated like a refusal, after a while.
func TestAHangingEngineIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		d.following = hang
		w, seen := d.watch(t)
		later(callTimeout + time.Second)
		if s := w.Status(); s.Reachable || !strings.Contains(s.Error, "deadline") {
			t.Errorf("status %+v", s)
		}
		d.mu.Lock()
		d.following = nil
		d.inspecting = func(ctx context.Context, _ string) error { return hang(ctx) }
		d.mu.Unlock()
		later(2*callTimeout + backoffMost)
		<-w.Synced() // without the one that cannot be read
		seen.want(t, "container:a", "")
		d.mu.Lock()
		d.inspecting = nil
		d.mu.Unlock()
		later(callTimeout + backoffMost)
		seen.want(t, "container:a", "a running")
	})
}

// TestWithoutEventsTheEngineIsNotReached: an engine that lists its containers and
// refuses its events, or lets one wait for them, is one outage until it grants
// both, however often it is tried. Docker's client hands over such a refusal
// only after the subscription has seemed to succeed.
func TestWithoutEventsTheEngineIsNotReached(t *testing.T) {
	for name, following := range map[string]func(context.Context) error{
		"refused": func(context.Context) error { return errDown },
		"hanging": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDouble(running("a", web))
				d.following, d.tardy = following, true
				d.listing = func() { time.Sleep(time.Millisecond) } // an answer takes its time
				var log bytes.Buffer
				w, seen := d.watch(t, func(o *Options) { o.Log = zerolog.New(&log).Level(zerolog.InfoLevel) })
				for range 600 {
					later(100 * time.Millisecond)
					if s := w.Status(); s.Reachable || s.Reconnects != 0 {
						t.Fatalf("status %+v", s)
					}
				}
				if n := d.attempts(); n < 3 {
					t.Errorf("%d attempts in a minute", n)
				}
				if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), `"level":"warn"`) {
					t.Errorf("logged %s", &log)
				}
				d.mu.Lock()
				d.following = nil
				d.mu.Unlock()
				later(callTimeout + backoffMost)
				seen.want(t, "container:a", "a running")
				if s := w.Status(); !s.Reachable || s.Reconnects != 0 || strings.Count(log.String(), "following the engine") != 1 {
					t.Errorf("status %+v, logged %s", s, &log)
				}
			})
		})
	}
}

func TestGoneWithoutDestroy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		w, seen := d.watch(t)
		synctest.Wait()
		d.delete("a")
		d.emit("a", "update")
		later(quietCap)
		seen.want(t, "container:a", "")
		if all := w.Containers(); len(all) != 0 {
			t.Errorf("verdicts %+v", all)
		}
	})
}

func TestReconcileFindsWhatEventsDidNotTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web), running("b", web), running("plain", nil))
		w, seen := d.watch(t)
		synctest.Wait()
		later(2 * reconcileEvery)
		if s := w.Status(); s.Drift != 0 {
			t.Fatalf("drift %d though nothing happened", s.Drift)
		}
		d.edit("a", func(c *container) { c.State = stateExited })
		d.delete("b")
		d.delete("plain")
		d.set(running("c", web))
		later(reconcileEvery + time.Second)
		seen.want(t, "container:a", "")
		seen.want(t, "container:b", "")
		seen.want(t, "container:c", "c running")
		if s := w.Status(); s.Drift != 3 {
			t.Errorf("drift %d, want 3", s.Drift)
		}
		if n := len(w.Containers()); n != 2 {
			t.Errorf("%d verdicts, want 2", n)
		}
	})
}

// TestManyStartsDoNotHoldUpOthers: the engine lets an inspect of a container
// that is being started wait.
func TestManyStartsDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("a", web))
		_, seen := d.watch(t)
		synctest.Wait()
		release := make(chan struct{})
		d.mu.Lock()
		d.inspecting = func(_ context.Context, id string) error {
			if id != "a" {
				<-release
			}
			return nil
		}
		d.mu.Unlock()
		for i := range 100 {
			c := running(fmt.Sprintf("new%03d", i), web)
			c.State = "created"
			d.set(c)
			d.emit(c.ID, "create")
			later(2 * quietCap)
		}
		d.edit("a", func(c *container) { c.Health = "unhealthy" })
		d.emit("a", "health_status")
		later(quietCap)
		seen.want(t, "container:a", "a unhealthy")
		close(release)
	})
}

// TestListRacesEvents: containers come and go while the list is made.
func TestListRacesEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(running("old", web))
		d.listing = func() {
			d.set(running("new", web)) // not in the list
			d.emit("new", "create", "start")
			d.delete("old") // in the list
			d.emit("old", "destroy")
			time.Sleep(10 * time.Millisecond)
		}
		w, seen := d.watch(t)
		later(time.Second)
		seen.want(t, "container:new", "new running")
		seen.want(t, "container:old", "")
		if all := w.Containers(); len(all) != 1 || w.Status().Drift != 0 {
			t.Errorf("verdicts %+v, drift %d", all, w.Status().Drift)
		}
	})
}

// TestEventCostIsFlat: with 10,000 containers one event costs one inspect and
// one published Target.
func TestEventCostIsFlat(t *testing.T) {
	const n = 10_000
	synctest.Test(t, func(t *testing.T) {
		d := newDouble()
		for i := range n {
			c := running(fmt.Sprintf("c%05d", i), map[string]string{"rota.host": fmt.Sprintf("h%d.test", i)})
			d.set(c)
		}
		w, seen := d.watch(t)
		synctest.Wait()
		<-w.Synced()
		if calls, targets := seen.count(); calls != 1 || targets != n {
			t.Fatalf("%d targets in %d calls", targets, calls)
		}
		before := totalInspects(d)
		d.edit("c00777", func(c *container) { c.Health = "unhealthy" })
		seen.forget()
		d.emit("c00777", "health_status")
		later(quietCap)
		calls, targets := seen.count()
		if got := totalInspects(d) - before; got != 1 || calls != 1 || targets != 1 {
			t.Errorf("one event cost %d inspects, %d calls of Publish and %d Targets, want 1 of each", got, calls, targets)
		}
	})
}

func totalInspects(d *double) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	sum := 0
	for _, n := range d.inspects {
		sum += n
	}
	return sum
}

func TestWrongOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"template syntax", Options{DefaultHost: "{{.Service"}, "default host"},
		{"template field", Options{DefaultHost: "{{.Servce}}.test"}, `: there is no .Servce; it may use .Service .Project .Name and {{.Label "x"}}`},
		{"engine without scheme", Options{Engine: EngineOptions{Host: "localhost:2375"}}, "want unix:///path or tcp://host:port"},
		{"engine over ssh", Options{Engine: EngineOptions{Host: "ssh://me@there"}}, "want unix:///path or tcp://host:port"},
		{"empty unix path", Options{Engine: EngineOptions{Host: "unix://"}}, "want unix:///path or tcp://host:port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := NewWatcher(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
		})
	}
}
