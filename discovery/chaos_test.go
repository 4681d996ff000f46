package discovery

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// chaos is an engine on which everything happens, and which tells of it late,
// twice and in another order than it happened.
type chaos struct {
	*double
	rand    *rand.Rand
	ids     [4]string // of the containers there are
	made    int
	told    map[string]bool // signalled in this life
	pending []event         // events not sent yet
}

// step lets one thing happen to one container.
func (c *chaos) step() {
	slot := c.rand.IntN(len(c.ids))
	id := c.ids[slot]
	c.mu.Lock()
	state := c.containers[id].State
	c.mu.Unlock()
	time.Sleep(time.Microsecond) // no two things happen at one instant
	switch {
	case state == "":
		c.made++
		id = fmt.Sprintf("c%d-%d", slot, c.made) // ids are never used again
		c.ids[slot] = id
		fresh := running(id, web)
		fresh.State, fresh.StartedAt, fresh.Networks = "created", time.Time{}, nil
		c.set(fresh)
		c.tell(id, "create")
	case state == "created" || state == stateExited:
		if c.rand.IntN(4) == 0 {
			c.tell(id, "destroy")
			c.delete(id)
			return
		}
		c.told[id] = false
		c.edit(id, func(x *container) {
			x.State, x.StartedAt, x.Networks = stateRunning, time.Now(), running(id, nil).Networks
		})
		time.Sleep(time.Microsecond)
		c.tell(id, "start")
	case state == statePaused:
		c.edit(id, func(x *container) { x.State = stateRunning })
		c.tell(id, "unpause")
	default:
		c.disturb(id)
	}
}

// disturb is something that happens to a running container.
func (c *chaos) disturb(id string) {
	switch c.rand.IntN(6) {
	case 0:
		c.edit(id, func(x *container) { x.State = statePaused })
		c.tell(id, "pause")
	case 1:
		c.told[id] = true
		c.tell(id, "kill 15")
	case 2:
		c.tell(id, "kill 1")
	case 3:
		c.edit(id, func(x *container) { x.Health = [...]string{"healthy", "unhealthy"}[c.rand.IntN(2)] })
		c.tell(id, "health_status")
	default:
		c.edit(id, func(x *container) { x.State, x.Health = stateExited, "" })
		c.tell(id, "die")
		time.Sleep(time.Microsecond)
		c.tell(id, "stop")
	}
}

// tell puts an event among those to be sent, sometimes twice.
func (c *chaos) tell(id, action string) {
	e := c.event(id, action, time.Now())
	for range 1 + c.rand.IntN(5)/4 {
		c.pending = append(c.pending, e)
	}
}

// deliver sends some of the events, not in order.
func (c *chaos) deliver(most int) {
	c.rand.Shuffle(len(c.pending), func(i, j int) { c.pending[i], c.pending[j] = c.pending[j], c.pending[i] })
	n := min(most, len(c.pending))
	for _, e := range c.pending[:n] {
		c.send(e)
		if c.rand.IntN(3) == 0 {
			time.Sleep(time.Duration(c.rand.IntN(20)) * time.Millisecond)
		}
	}
	c.pending = c.pending[n:]
}

// want is what has to be published of a container.
func (c *chaos) want(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.containers[id]
	switch {
	case x.State == statePaused:
		return id + " paused"
	case x.State != stateRunning:
		return ""
	case c.told[id]:
		return id + " signalled"
	case x.Health == "unhealthy":
		return id + " unhealthy"
	}
	return id + " running"
}

// TestChaos: whatever order events come in, and however often, in the end what
// is published is true, without the list having to correct it.
func TestChaos(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			c := &chaos{double: newDouble(), rand: rand.New(rand.NewPCG(seed, 1)), told: map[string]bool{}}
			w, seen := c.watch(t)
			synctest.Wait()
			for range 40 {
				for range 1 + c.rand.IntN(6) {
					c.step()
				}
				c.deliver(c.rand.IntN(8))
			}
			c.deliver(len(c.pending))
			later(2 * unhurried)
			for _, id := range c.ids {
				seen.want(t, "container:"+id, c.want(id))
			}
			if drift := w.Status().Drift; drift != 0 {
				t.Errorf("drift %d", drift)
			}
			c.mu.Lock()
			there := len(c.containers)
			c.mu.Unlock()
			if n := len(w.Containers()); n != there {
				t.Errorf("%d verdicts for %d containers", n, there)
			}
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		})
		if t.Failed() {
			return
		}
	}
}
