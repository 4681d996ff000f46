package proxy

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestRoomIsFirstInFirstOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, u, ready := roomWithOne()
		out := make(chan int, 100)
		for i := range 40 {
			go func() {
				r.enter(t.Context(), &hold{})
				out <- i
			}()
			synctest.Wait()
		}
		first := 0
		expect := func(why string, n int) {
			t.Helper()
			synctest.Wait()
			if len(out) != n {
				t.Fatalf("%s %d are out, want %d", why, len(out), n)
			}
			for range n {
				if got := <-out; got < first || got >= first+n {
					t.Errorf("%s number %d is out, want %d to %d", why, got, first, first+n-1)
				}
			}
			first += n
		}
		r.update(ready, false, time.Now())
		expect("when an Upstream is ready", gateStart)
		r.done(u)
		expect("after an answer", 2)
		time.Sleep(gateOpen + gateStep)
		expect("a second later", 40-gateStart-2)
	})
}

func TestRoomEndsWithHope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := roomWithOne()
		left := time.Now().Add(-10 * time.Second)
		r.update(&rotation{}, false, left) // nobody is on the way any more
		_, _, err := r.enter(t.Context(), &hold{})
		if !errors.Is(err, errRoomClosed) || time.Since(left) != r.wait.For {
			t.Errorf("ended %v after the last one left with %v", time.Since(left), err)
		}
		if _, _, err := r.enter(t.Context(), &hold{}); !errors.Is(err, errRoomClosed) {
			t.Errorf("a closed room let somebody in: %v", err)
		}
	})
}

func TestRoomHoldsNobodyTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := roomWithOne() // somebody is on the way, and never comes
		begin := time.Now()
		_, _, err := r.enter(t.Context(), &hold{spent: 10 * time.Second})
		if !errors.Is(err, errHeldOut) || time.Since(begin) != r.wait.For-10*time.Second {
			t.Errorf("held for %v more, ended with %v", time.Since(begin), err)
		}
	})
}

func TestRoomTriesLastResorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, u, _ := roomWithOne()
		r.lastResort = func(held time.Duration, safe bool, _ []*Upstream) *Upstream {
			if safe && held >= resortSignalled {
				return u
			}
			return nil
		}
		begin := time.Now()
		got, doubtful, err := r.enter(t.Context(), &hold{safe: true})
		if got != u || !doubtful || err != nil || time.Since(begin) != resortSignalled {
			t.Errorf("after %v: %v, doubtful %v, error %v", time.Since(begin), got, doubtful, err)
		}
		if r.occupied() {
			t.Error("its place is still taken")
		}
	})
}

// roomWithOne is an open room, and the rotation that will let people out.
func roomWithOne() (*room, *Upstream, *rotation) {
	s := newShared(Options{})
	r := newRoom(&s.held)
	r.lastResort = func(time.Duration, bool, []*Upstream) *Upstream { return nil }
	r.wait.For, r.wait.Max = 30*time.Second, 1000
	r.update(&rotation{}, true, time.Time{})
	u := testMembers(1)[0]
	return r, u, newRotation([]*Upstream{u})
}

func TestNextResort(t *testing.T) {
	var at []time.Duration
	for d := resortSignalled; d < 7*time.Second; d = nextResort(d) {
		at = append(at, d/time.Millisecond)
	}
	want := []time.Duration{100, 200, 400, 800, 1600, 2600, 3600, 4600, 5000, 6000}
	if !slices.Equal(at, want) {
		t.Errorf("doubtful Upstreams are tried after %d ms, want %d", at, want)
	}
}

// One that refuses again and again must not hide the next best.
func TestRoomTriesEveryLastResort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := roomWithOne()
		all := testMembers(2)
		r.lastResort = func(_ time.Duration, _ bool, tried []*Upstream) *Upstream {
			for _, u := range all {
				if !contains(tried, u) {
					return u
				}
			}
			return nil
		}
		h := &hold{}
		for i := range 5 {
			if u, _, err := r.enter(t.Context(), h); u != all[i%2] || err != nil {
				t.Errorf("turn %d went to %v, error %v", i, u, err)
			}
		}
	})
}

// All rooms of a process together are bounded, too.
func TestRoomsAreBoundedTogether(t *testing.T) {
	r, _, _ := roomWithOne()
	r.total.Store(maxHeld)
	if _, _, err := r.enter(t.Context(), &hold{}); !errors.Is(err, errRoomFull) {
		t.Errorf("one more than %d was let in: %v", maxHeld, err)
	}
}
