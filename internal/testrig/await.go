package testrig

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// Patience bounds every wait: long enough for a machine that has much else to do.
const Patience = 10 * time.Second

// Eventually waits until a condition holds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	timeout := time.After(Patience)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-timeout:
			t.Fatalf("waited in vain for %s", what)
		case <-again.C:
		}
	}
}

// Await waits for what comes from a channel, or its end.
func Await[T any](t testing.TB, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(Patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// AwaitGoroutines waits until there are no more goroutines than most, and shows
// those that are left.
func AwaitGoroutines(t testing.TB, most int) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for again := time.NewTicker(time.Millisecond); runtime.NumGoroutine() > most; <-again.C {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("there are %d goroutines instead of %d:\n%s", runtime.NumGoroutine(), most, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// LeavesNothing checks at the end of the test that goroutines and descriptors are
// no more than now. It is for tests that do not run in parallel, and has to be
// called before anything else is started.
func LeavesNothing(t testing.TB) {
	t.Helper()
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors()
	t.Cleanup(func() {
		AwaitGoroutines(t, goroutines)
		Eventually(t, "the descriptors to be closed", func() bool {
			if openDescriptors() <= descriptors {
				return true
			}
			runtime.GC() // the runtime keeps the pipes of splice(2) until then
			return false
		})
	})
}

// openDescriptors is how many descriptors this process has; 0 where that cannot be
// told.
func openDescriptors() int {
	open, _ := os.ReadDir("/proc/self/fd")
	return len(open)
}
