package proxy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rota-proxy/rota/proxy/spec"
)

func TestSmoothOrder(t *testing.T) {
	for _, c := range []struct {
		weights []int
		want    []int
	}{
		{[]int{1}, []int{0}},
		{[]int{1, 1, 1}, []int{0, 1, 2}},
		{[]int{5, 1, 1}, []int{0, 0, 1, 0, 2, 0, 0}},
		{[]int{1, 2}, []int{1, 0, 1}},
		{[]int{0, 1, 0, 1}, []int{1, 3}},
		{[]int{0, 0}, []int{}},
		{nil, []int{}},
	} {
		if got := smoothOrder(c.weights); !slices.Equal(got, c.want) {
			t.Errorf("smoothOrder(%v) = %v, want %v", c.weights, got, c.want)
		}
	}
}

// The layout must be the classic algorithm's, step by step, for any weights.
func TestSmoothOrderIsTheClassicOne(t *testing.T) {
	for _, weights := range [][]int{{3, 3, 2}, {10, 1, 1, 1}, {7, 7, 7, 5, 5, 1}, {2, 4, 6, 8}, {9, 0, 4, 4}} {
		if got, want := smoothOrder(weights), classicOrder(weights); !slices.Equal(got, want) {
			t.Errorf("smoothOrder(%v) = %v, want %v", weights, got, want)
		}
	}
}

func classicOrder(weights []int) (order []int) {
	current, sum := make([]int, len(weights)), 0
	for _, w := range weights {
		sum += w
	}
	for range sum {
		best := -1
		for i, w := range weights {
			current[i] += w
			if w > 0 && (best < 0 || current[i] > current[best]) {
				best = i
			}
		}
		current[best] -= sum
		order = append(order, best)
	}
	return order
}

func TestScaled(t *testing.T) {
	for _, c := range []struct{ in, want []int }{
		{[]int{10, 20, 30}, []int{1, 2, 3}},
		{[]int{100}, []int{1}},
		{[]int{0, 0}, []int{0, 0}},
		{[]int{0, 4}, []int{0, 1}},
		{[]int{1, 1_000_000}, []int{1, 65535}},
	} {
		if got := scaled(c.in); !slices.Equal(got, c.want) {
			t.Errorf("scaled(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}

func TestTurnExcept(t *testing.T) {
	ups := testMembers(3)
	r := newRotation(ups)
	if got := r.turnExcept(0, ups[:1]); got != ups[1] {
		t.Errorf("turnExcept skipped to %v", got.name())
	}
	if got := r.turnExcept(2, ups[2:]); got != ups[0] {
		t.Errorf("turnExcept did not wrap round")
	}
	if got := r.turnExcept(0, ups); got != nil {
		t.Errorf("turnExcept found %v among none left", got.name())
	}
}

func testMembers(n int) []*Upstream {
	ups := make([]*Upstream, n)
	for i := range ups {
		ups[i] = &Upstream{}
		ups[i].spec.Store(&spec.Upstream{Name: fmt.Sprint(i), Weight: 1})
	}
	return ups
}

func BenchmarkTurn(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := newRotation(testMembers(n))
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				r.turn(i)
			}
		})
	}
}
