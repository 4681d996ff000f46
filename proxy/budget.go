package proxy

import (
	"sync/atomic"
	"time"
)

const (
	// budgetSeconds is the window over which repeats are weighed against
	// requests: long enough that the end of one busy replica fits in.
	budgetSeconds = 10
	// budgetFloor repeats a second are allowed however few requests there are.
	budgetFloor = 10
)

// budget bounds repeated requests to a share of all, so that failing Upstreams
// are not given even more to do. It counts in buckets of a second; concurrent
// use may lose a count at a bucket's turn, which does not matter.
type budget struct {
	now     func() time.Time
	buckets [budgetSeconds]budgetBucket
}

type budgetBucket struct {
	second   atomic.Int64
	requests atomic.Int64
	repeats  atomic.Int64
}

func newBudget() *budget { return &budget{now: time.Now} }

// request counts one request that came at now.
func (b *budget) request(now time.Time) { b.bucket(now.Unix()).requests.Add(1) }

// allow counts one repeat if share (0.2 for 20 %) allows it; a negative share
// allows every one.
func (b *budget) allow(share float64) bool {
	now := b.now().Unix()
	requests, repeats := b.totals(now)
	if share >= 0 && float64(repeats) >= share*float64(requests)+budgetFloor*budgetSeconds {
		return false
	}
	b.bucket(now).repeats.Add(1)
	return true
}

func (b *budget) totals(now int64) (requests, repeats int64) {
	for i := range b.buckets {
		if k := &b.buckets[i]; now-k.second.Load() < budgetSeconds {
			requests += k.requests.Load()
			repeats += k.repeats.Load()
		}
	}
	return requests, repeats
}

// bucket is the one for this second, emptied if it still held an older one.
func (b *budget) bucket(second int64) *budgetBucket {
	k := &b.buckets[second%budgetSeconds]
	if old := k.second.Load(); old != second && k.second.CompareAndSwap(old, second) {
		k.requests.Store(0)
		k.repeats.Store(0)
	}
	return k
}
