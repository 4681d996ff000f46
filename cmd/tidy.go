package cmd

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// tidyEvery is how often it is looked whether there is something to tidy up.
	tidyEvery = time.Second
	// quiet is how much may be allocated meanwhile if nothing is going on, and
	// litter how much there must be for it to be worth the while.
	quiet  = 256 << 10
	litter = 4 << 20
)

// tidyWhenQuiet gives memory back to the system once a busy time is over: what
// was garbage then, and the stacks that connections grew and do not need while
// they wait. Nobody else would: without allocations there is no collection.
func tidyWhenQuiet(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	seen, tidied := allocated(), uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := allocated()
		if now-seen < quiet && now-tidied > litter {
			debug.FreeOSMemory()
			tidied = now
		}
		seen = now
	}
}

// allocated is how many bytes the process has allocated since it began.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
