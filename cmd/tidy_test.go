package cmd

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// After a busy time the memory is given back once, and then left alone.
func TestTidyWhenQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { tidyWhenQuiet(ctx); close(done) }()
		synctest.Wait()
		var kept []byte
		for range 16 {
			kept = make([]byte, 1<<20)
		}
		runtime.KeepAlive(kept)
		if n := forcedCollections(tidyEvery + tidyEvery/2); n != 0 {
			t.Errorf("%d collections while much was allocated", n)
		}
		if n := forcedCollections(tidyEvery); n != 1 {
			t.Errorf("%d collections when it was quiet, want 1", n)
		}
		if n := forcedCollections(10 * tidyEvery); n != 0 {
			t.Errorf("%d collections when there was nothing more to tidy up", n)
		}
		stop()
		<-done
	})
}

// forcedCollections is how many somebody asked for within d.
func forcedCollections(d time.Duration) uint32 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	time.Sleep(d)
	synctest.Wait()
	runtime.ReadMemStats(&after)
	return after.NumForcedGC - before.NumForcedGC
}
