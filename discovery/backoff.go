package discovery

import (
	"math/rand/v2"
	"time"
)

// Bounds of the pause between attempts to reach the engine, or to read one
// container that it would not describe.
const (
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 5 * time.Second
)

// backoff doubles from attempt to attempt up to a cap. The zero value is ready.
type backoff struct{ attempts int }

// next is the pause before the coming attempt: between half of the step and
// all of it, so that many proxies do not return to an engine in one instant.
func (b *backoff) next() time.Duration {
	step := backoffStep(b.attempts)
	b.attempts++
	return step/2 + rand.N(step/2+1)
}

func (b *backoff) reset() { b.attempts = 0 }

// backoffStep is the pause before attempt n, counted from 0, without jitter.
func backoffStep(n int) time.Duration {
	if n > 16 {
		return backoffMost
	}
	return min(backoffFirst<<n, backoffMost)
}
