package discovery

import (
	"syscall"
	"time"

	"github.com/moby/sys/signal"
)

// takeBackMargin is added to the time a container is given to stop before it
// is believed to go on running.
const takeBackMargin = 5 * time.Second

// kill is one signal that was sent to a container.
type kill struct {
	Signal string
	Time   time.Time // by the engine's clock
	Seen   time.Time // by ours
}

// stops says whether a signal tells a container to end: KILL, TERM and the
// container's own stop signal do. INT and QUIT are left to the last, because
// many programs give them another meaning (QUIT is nginx's graceful stop and
// the Go runtime's stack dump), and HUP and the rest mean reload or nothing.
func stops(sent, own string) bool {
	s, err := signal.ParseSignal(sent)
	if err != nil {
		return false
	}
	if s == syscall.SIGKILL || s == syscall.SIGTERM {
		return true
	}
	mine, err := signal.ParseSignal(own)
	return err == nil && s == mine
}

// noteKill remembers a signal. Of each signal the last one counts, whenever its
// event comes, so the list is as short as there are signals.
func noteKill(kills []kill, k kill) []kill {
	for i := range kills {
		if kills[i].Signal == k.Signal {
			if k.Time.After(kills[i].Time) {
				kills[i] = k
			}
			return kills
		}
	}
	return append(kills, k)
}

// lastStop is when a container in this life was last told to stop.
func lastStop(kills []kill, c container) (time.Time, bool) {
	var last time.Time
	for _, k := range kills {
		if !k.Time.Before(c.StartedAt) && stops(k.Signal, c.StopSignal) && k.Seen.After(last) {
			last = k.Seen
		}
	}
	return last, !last.IsZero()
}

// patience is how long after the last kill a container that still runs is
// believed to have meant it: as long as the engine waits before KILL, or as
// long as running requests may last, and a little.
func patience(c container, drain time.Duration) time.Duration {
	return max(c.StopTimeout, drain) + takeBackMargin
}
