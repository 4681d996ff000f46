package proxy

import (
	"net"
	"testing"
	"time"
)

// Whoever starts is let in late by little: by less than a tenth of the time it
// took to start, or by a quarter of a second.
func TestProbePause(t *testing.T) {
	for _, c := range []struct{ elapsed, want time.Duration }{
		{0, time.Millisecond},
		{16 * time.Millisecond, time.Millisecond},
		{320 * time.Millisecond, 20 * time.Millisecond},
		{4 * time.Second, 250 * time.Millisecond},
		{time.Hour, 250 * time.Millisecond},
	} {
		if got := probePause(c.elapsed); got != c.want {
			t.Errorf("after %v the pause is %v, want %v", c.elapsed, got, c.want)
		}
	}
}

// A relay that lets everybody in and hangs up at once is no sign of life.
func TestProbeThroughARelay(t *testing.T) {
	rude := rawBackend(t, func(net.Conn) {})
	a := newBackend(t, "a", nil)
	g := newRig(t, Options{})
	relayed, good := upstream("rude", rude), a.upstream()
	relayed.Relayed, good.Relayed = true, true
	g.mux.Apply(target(relayed, good))
	g.ready(1)
	for range 4 {
		wantReply(t, g.get("/"), 200, "a")
	}
}
