package proxy

import (
	"testing"
	"time"
)

func TestBudget(t *testing.T) {
	now := time.Unix(1_000, 0)
	b := &budget{now: func() time.Time { return now }}
	allowed := func(share float64) (n int) {
		for range 10_000 {
			if !b.allow(share) {
				return n
			}
			n++
		}
		return n
	}
	if got := allowed(0.2); got != budgetFloor*budgetSeconds {
		t.Errorf("without requests %d repeats were allowed, want the floor", got)
	}
	for range 1000 {
		b.request(b.now())
	}
	if got := allowed(0.2); got != 200 {
		t.Errorf("1000 requests allowed %d more repeats, want 200", got)
	}
	now = now.Add(budgetSeconds * time.Second)
	if got := allowed(0.2); got != budgetFloor*budgetSeconds {
		t.Errorf("a window later %d repeats were allowed, want the floor again", got)
	}
	if got := allowed(-1); got != 10_000 {
		t.Errorf("an unbounded budget ended after %d", got)
	}
}
