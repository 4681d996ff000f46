package proxy

import "cmp"

// maxSlots bounds a rotation's length; weights that need more are scaled down.
const maxSlots = 65_536

// rotation is the order in which ready Upstreams take their turns: smooth
// weighted round-robin, laid out once, so that a pick is one index. It is never
// changed after it was built.
type rotation struct {
	members  []*Upstream // each once
	slots    []*Upstream // each as often as its weight says, evenly spread
	weighted int         // how many of the members have slots
}

// newRotation lays out members, which keep their order among equal weights.
// Those of weight 0 have no slot.
func newRotation(members []*Upstream) *rotation {
	weights, weighted := make([]int, len(members)), 0
	for i, u := range members {
		if weights[i] = u.weight(); weights[i] > 0 {
			weighted++
		}
	}
	order := smoothOrder(scaled(weights))
	slots := make([]*Upstream, len(order))
	for i, m := range order {
		slots[i] = members[m]
	}
	return &rotation{members, slots, weighted}
}

// turn is who is next when n turns were taken before; nil without slots.
func (r *rotation) turn(n uint64) *Upstream {
	if len(r.slots) == 0 {
		return nil
	}
	return r.slots[n%uint64(len(r.slots))]
}

// turnExcept is turn for a request that has already been to some of them.
func (r *rotation) turnExcept(n uint64, tried []*Upstream) *Upstream {
	for range r.slots {
		if u := r.turn(n); !contains(tried, u) {
			return u
		}
		n++
	}
	return nil
}

// contains beats a map for the handful of Upstreams one request ever tries.
func contains(list []*Upstream, u *Upstream) bool {
	for _, x := range list {
		if x == u {
			return true
		}
	}
	return false
}

// scaled divides weights by what they have in common and, if they still need
// too many slots, proportionally, nobody falling to 0 who was not there.
func scaled(weights []int) []int {
	divisor, sum := 0, 0
	for _, w := range weights {
		divisor = gcd(divisor, w)
		sum += w
	}
	if sum == 0 {
		return weights
	}
	sum /= divisor
	out := make([]int, len(weights))
	for i, w := range weights {
		out[i] = w / divisor
		if sum > maxSlots && w > 0 {
			out[i] = max(1, out[i]*maxSlots/sum)
		}
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// weightGroup is the members of one weight. They take turns in order, so only
// the next of them competes with the other groups: the cost of laying out is
// slots × different weights, not slots × members.
type weightGroup struct {
	weight  int
	members []int
	next    int // position in members
	rounds  int // full rounds done: how often the next one was chosen so far
}

func (g *weightGroup) advance() int {
	m := g.members[g.next]
	if g.next++; g.next == len(g.members) {
		g.next, g.rounds = 0, g.rounds+1
	}
	return m
}

// smoothOrder is nginx's smooth weighted round-robin (Igor Sysoev, 2012): at
// each step everybody gains its weight, the one with the most is chosen and
// loses the sum of all. After t steps a member chosen c times stands at
// t·weight − c·sum, which is all that is kept here.
func smoothOrder(weights []int) []int {
	groups, sum := groupByWeight(weights)
	order := make([]int, 0, sum)
	for t := 1; t <= sum; t++ {
		best := groups[0]
		for _, g := range groups[1:] {
			if standing := compareStanding(g, best, t, sum); standing > 0 {
				best = g
			}
		}
		order = append(order, best.advance())
	}
	return order
}

// compareStanding is positive if a's next member goes before b's at step t.
func compareStanding(a, b *weightGroup, t, sum int) int {
	if c := cmp.Compare(t*a.weight-a.rounds*sum, t*b.weight-b.rounds*sum); c != 0 {
		return c
	}
	return cmp.Compare(b.members[b.next], a.members[a.next])
}

func groupByWeight(weights []int) (groups []*weightGroup, sum int) {
	byWeight := map[int]*weightGroup{}
	for i, w := range weights {
		if w <= 0 {
			continue
		}
		sum += w
		g := byWeight[w]
		if g == nil {
			g = &weightGroup{weight: w}
			byWeight[w] = g
			groups = append(groups, g)
		}
		g.members = append(g.members, i)
	}
	return groups, sum
}
