package proxy

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// claimOn claims hosts, written `a.test` or, for one listener, `a.test@web`.
func claimOn(id string, age int, hosts ...string) claimant {
	c := claimant{id: id, created: time.Unix(0, 0).Add(-time.Duration(age) * time.Hour)}
	for _, h := range hosts {
		host, entries, _ := strings.Cut(h, "@")
		m := spec.Match{Host: spec.Host{Pattern: host}}
		if entries != "" {
			m.Entries = strings.Split(entries, "+")
		}
		c.matches = append(c.matches, m)
	}
	return c
}

func (c claimant) empty() claimant {
	c.vacant = true
	return c
}

// holds writes what id was granted as claimOn takes it.
func holds(c *claims, id string) string {
	var all []string
	for _, m := range c.granted(id) {
		s := m.Host.Pattern
		if len(m.Entries) > 0 {
			s += "@" + strings.Join(m.Entries, "+")
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

func TestClaims(t *testing.T) {
	for name, c := range map[string]struct {
		steps func(c *claims)
		want  map[string]string
	}{
		"the older wins in one batch": {
			func(c *claims) { c.define(claimOn("young", 1, "x"), claimOn("old", 2, "x")) },
			map[string]string{"old": "x", "young": ""},
		},
		"of one age the lesser identity wins": {
			func(c *claims) { c.define(claimOn("b", 1, "x"), claimOn("a", 1, "x")) },
			map[string]string{"a": "x", "b": ""},
		},
		"who came first keeps it against an older one": {
			func(c *claims) { c.define(claimOn("young", 1, "x")); c.define(claimOn("old", 9, "x")) },
			map[string]string{"young": "x", "old": ""},
		},
		"and keeps it when described anew": {
			func(c *claims) {
				c.define(claimOn("a", 9, "x"))
				c.define(claimOn("b", 5, "x"))
				c.define(claimOn("a", 1, "y", "x"))
			},
			map[string]string{"a": "y x", "b": ""},
		},
		"what is dropped goes to who waited longest": {
			func(c *claims) {
				c.define(claimOn("a", 1, "x", "y"))
				c.define(claimOn("b", 2, "x"))
				c.define(claimOn("c", 3, "x"))
				c.define(claimOn("d", 9, "x"), claimOn("a", 1, "y"))
			},
			map[string]string{"a": "y", "b": "x", "c": "", "d": ""},
		},
		"a match may move between two within one batch": {
			func(c *claims) {
				c.define(claimOn("a", 9, "x"), claimOn("b", 1, "y"))
				c.define(claimOn("a", 9, "y"), claimOn("b", 1, "x"))
			},
			map[string]string{"a": "y", "b": "x"},
		},
		"only the contested match is refused": {
			func(c *claims) { c.define(claimOn("a", 2, "x"), claimOn("b", 1, "x", "z")) },
			map[string]string{"a": "x", "b": "z"},
		},
		"listeners are claimed one by one": {
			func(c *claims) { c.define(claimOn("a", 2, "x@web"), claimOn("b", 1, "x@web+api", "y@web+api")) },
			map[string]string{"a": "x@web", "b": "x@api y@web+api"},
		},
		"release": {
			func(c *claims) { c.define(claimOn("a", 2, "x"), claimOn("b", 1, "x")); c.release("a") },
			map[string]string{"a": "", "b": "x"},
		},
		"yield to who waits": {
			func(c *claims) { c.define(claimOn("a", 2, "x", "y"), claimOn("b", 1, "x")); c.yield("a") },
			map[string]string{"a": "y", "b": "x"},
		},
		"yield to who comes later": {
			func(c *claims) { c.define(claimOn("a", 2, "x")); c.yield("a"); c.define(claimOn("b", 1, "x")) },
			map[string]string{"a": "", "b": "x"},
		},
		"back too late": {
			func(c *claims) {
				c.define(claimOn("a", 2, "x"), claimOn("b", 1, "x"))
				c.yield("a")
				c.define(claimOn("a", 2, "x"))
			},
			map[string]string{"a": "", "b": "x"},
		},
		"back in time": {
			func(c *claims) {
				c.define(claimOn("a", 2, "x"))
				c.yield("a")
				c.define(claimOn("a", 2, "x"))
				c.define(claimOn("b", 3, "x"))
			},
			map[string]string{"a": "x", "b": ""},
		},
		"nobody yields to the vacant": {
			func(c *claims) { c.define(claimOn("a", 2, "x"), claimOn("b", 1, "x").empty()); c.yield("a") },
			map[string]string{"a": "x", "b": ""},
		},
		"the vacant get what is left": {
			func(c *claims) { c.define(claimOn("a", 2, "x"), claimOn("b", 1, "x").empty()); c.release("a") },
			map[string]string{"a": "", "b": "x"},
		},
		"one identity twice in a batch: the last counts": {
			func(c *claims) { c.define(claimOn("a", 1, "x"), claimOn("a", 1, "y")) },
			map[string]string{"a": "y"},
		},
		"the same match twice": {
			func(c *claims) { c.define(claimOn("a", 1, "x", "x@", "x")) },
			map[string]string{"a": "x"},
		},
		"unknown identities": {
			func(c *claims) { c.yield("a"); c.release("b") },
			map[string]string{"a": "", "b": ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			book := newClaims()
			c.steps(book)
			for id, want := range c.want {
				if got := holds(book, id); got != want {
					t.Errorf("%s holds %q, want %q", id, got, want)
				}
			}
		})
	}
}

func TestClaimsReportBothSides(t *testing.T) {
	book := newClaims()
	book.define(claimOn("a", 3, "x@web+api"), claimOn("b", 2, "x@web+api+dev", "y"), claimOn("c", 1, "x@api"))
	for id, want := range map[string]string{
		"a": "[x@[web api] a>b x@[api] a>c]",
		"b": "[x@[web api] a>b]",
		"c": "[x@[api] a>c]",
		"d": "[]",
	} {
		var got []string
		for _, c := range book.conflicts(id) {
			got = append(got, fmt.Sprintf("%s@%v %s>%s", c.Match.Host, c.Match.Entries, c.Holder, c.Loser))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

func TestClaimsSayWhoIsConcerned(t *testing.T) {
	book := newClaims()
	check := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s concerns %v, want %v", what, got, want)
		}
	}
	check("the first", book.define(claimOn("a", 1, "x"), claimOn("z", 1, "z")), "a", "z")
	check("a loser", book.define(claimOn("b", 1, "x")), "a", "b")
	check("another match", book.define(claimOn("c", 1, "y")), "c")
	check("a yield", book.yield("a"), "a", "b")
	check("a release", book.release("b"), "a")
	check("a lonely yield", book.yield("c"))
}

// The model knows nothing but rules: each match has one holder among those who
// want it, the holder changes only where it must, and the longest-waiting
// claimant with containers comes next.
type claimModel struct {
	wants  map[string][]string       // identity → matches
	vacant map[string]bool           // identity
	since  map[string]map[string]int // match → identity → when it joined
	holder map[string]string         // match
	now    int
}

func (m *claimModel) define(batch []claimant, hosts map[string][]string) {
	for _, c := range batch {
		for _, key := range m.wants[c.id] {
			if !slices.Contains(hosts[c.id], key) {
				m.leave(c.id, key)
			}
		}
		m.wants[c.id], m.vacant[c.id] = hosts[c.id], c.vacant
	}
	slices.SortFunc(batch, func(a, b claimant) int {
		if n := a.created.Compare(b.created); n != 0 {
			return n
		}
		return strings.Compare(a.id, b.id)
	})
	for _, c := range batch {
		for _, key := range hosts[c.id] {
			if m.since[key] == nil {
				m.since[key] = map[string]int{}
			}
			if _, known := m.since[key][c.id]; !known {
				m.now++
				m.since[key][c.id] = m.now
			}
		}
	}
}

func (m *claimModel) leave(id, key string) {
	delete(m.since[key], id)
	if m.holder[key] == id {
		delete(m.holder, key)
	}
}

func (m *claimModel) settle() {
	for key, since := range m.since {
		now := m.holder[key]
		if now != "" && !m.vacant[now] {
			continue
		}
		best := ""
		for id := range since {
			if id == now {
				continue
			}
			better := best == "" || m.vacant[best] && !m.vacant[id] ||
				m.vacant[best] == m.vacant[id] && since[id] < since[best]
			if better {
				best = id
			}
		}
		if best == "" || (now != "" && m.vacant[best]) {
			continue
		}
		if m.holder[key] = best; now != "" {
			m.now++
			since[now] = m.now
		}
	}
}

func TestClaimsAgainstModel(t *testing.T) {
	ids := []string{"a", "b", "c", "d", "e"}
	keys := []string{"u", "v", "w", "x"}
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		book := newClaims()
		model := &claimModel{map[string][]string{}, map[string]bool{}, map[string]map[string]int{}, map[string]string{}, 0}
		for step := range 60 {
			id := ids[random.IntN(len(ids))]
			switch random.IntN(6) {
			case 0:
				book.yield(id)
				model.vacant[id] = true
			case 1:
				book.release(id)
				for _, key := range model.wants[id] {
					model.leave(id, key)
				}
				delete(model.wants, id)
			default:
				var batch []claimant
				hosts := map[string][]string{}
				for _, i := range random.Perm(len(ids))[:1+random.IntN(3)] {
					some := random.Perm(len(keys))[:random.IntN(len(keys)+1)]
					for _, k := range some {
						hosts[ids[i]] = append(hosts[ids[i]], keys[k])
					}
					c := claimOn(ids[i], random.IntN(3), hosts[ids[i]]...)
					c.vacant = random.IntN(4) == 0
					batch = append(batch, c)
				}
				book.define(batch...)
				model.define(batch, hosts)
			}
			model.settle()
			if !sameHolders(t, book, model, ids) {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
	}
}

func sameHolders(t *testing.T, book *claims, model *claimModel, ids []string) bool {
	same := true
	for _, id := range ids {
		var want []string
		for key, holder := range model.holder {
			if holder == id {
				want = append(want, key)
			}
		}
		slices.Sort(want)
		got := strings.Fields(holds(book, id))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s holds %v, want %v", id, got, want)
			same = false
		}
	}
	if len(book.held) != len(model.holder) {
		t.Errorf("the book has %v, the model %v", slices.Sorted(maps.Keys(book.held)), model.holder)
		same = false
	}
	return same
}

// Conflicts says before anything runs what a Mux will say of the same Targets.
func TestConflictsAreThoseOfAMux(t *testing.T) {
	target := func(id string, age int, hosts ...string) spec.Target {
		c := claimOn(id, age, hosts...)
		def := spec.NewTarget(id)
		def.Matches, def.Created, def.Unreachable = c.matches, c.created, true
		return def
	}
	targets := []spec.Target{
		target("young", 1, "x", "y"), target("old", 3, "x"), target("third", 2, "x", "z"), target("alone", 4, "w"),
	}
	var want []spec.Conflict
	m := NewMux(Options{})
	defer func() { _ = m.Close(t.Context()) }()
	m.Apply(targets...)
	for _, status := range m.Targets() {
		for _, c := range status.Conflicts {
			if c.Loser == status.ID {
				want = append(want, c)
			}
		}
	}
	got := Conflicts(targets)
	if len(got) != 2 || !slices.EqualFunc(got, want, func(a, b spec.Conflict) bool {
		return a.Holder == b.Holder && a.Loser == b.Loser && a.Match.Equal(b.Match)
	}) {
		t.Errorf("got %+v, the Mux says %+v", got, want)
	}
}
