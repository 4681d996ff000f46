package proxy

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// claims keeps book of who holds which match. Who came first keeps it, however
// often it is described anew, until it asks for it no longer, yields or is
// released; then who has waited longest gets it. Nothing is merged and nothing
// is taken away, so that no label can pull another service's requests to itself.
//
// It is plain bookkeeping and not safe for concurrent use.
type claims struct {
	claimants map[string]*claimed // by identity
	held      map[string]*holding // by claim key
}

// claimant is a Target as far as claims are concerned.
type claimant struct {
	id      string
	created time.Time
	matches []spec.Match
	// vacant: it has had no container for as long as its requests would wait.
	// It keeps what nobody else wants.
	vacant bool
}

// claimed is what a claimant asked for last.
type claimed struct {
	matches []spec.Match
	wants   []want
	vacant  bool
}

// want is one match on one listener.
type want struct {
	key   string
	match int    // index into matches
	entry string // empty: every listener
}

type holding struct {
	holder  string
	waiting []string // longest first
}

// Conflicts are the matches that several of the Targets claim, by loser, as a Mux
// would decide that is given all of them at once.
func Conflicts(targets []spec.Target) []spec.Conflict {
	book, batch := newClaims(), make([]claimant, len(targets))
	for i, t := range targets {
		batch[i] = claimant{id: t.ID, created: t.Created, matches: t.Matches}
	}
	var all []spec.Conflict
	for _, id := range book.define(batch...) {
		for _, c := range book.conflicts(id) {
			if c.Loser == id {
				all = append(all, c)
			}
		}
	}
	return all
}

func newClaims() *claims {
	return &claims{claimants: map[string]*claimed{}, held: map[string]*holding{}}
}

// define takes complete descriptions, new ones and changed ones, as one round:
// what they drop is free for each other, and of several new claims to one match
// the oldest claimant's wins. It returns, sorted, everybody whose grants or
// conflicts may have changed, the batch included.
func (c *claims) define(batch ...claimant) []string {
	batch = slices.Clone(batch)
	slices.SortStableFunc(batch, func(a, b claimant) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id, b.id))
	})
	round := newRound(c)
	for _, b := range batch {
		round.changed[b.id] = true
		old := c.claimants[b.id]
		next := &claimed{matches: b.matches, wants: wantsOf(b.matches), vacant: b.vacant}
		c.claimants[b.id] = next
		if old != nil {
			round.leave(b.id, missing(old.wants, next.wants))
			round.touch(next.wants)
		}
	}
	for _, b := range batch {
		round.join(b.id, c.claimants[b.id].wants)
	}
	return round.settle()
}

// yield notes that id has no container any more: whoever waits for one of its
// matches, or comes later, gets it. The return value is that of define.
func (c *claims) yield(id string) []string {
	round := newRound(c)
	if one := c.claimants[id]; one != nil {
		one.vacant = true
		round.touch(one.wants)
	}
	return round.settle()
}

// release forgets id and gives its matches to those who wait. The return value
// is that of define; id itself is not in it.
func (c *claims) release(id string) []string {
	round := newRound(c)
	if one := c.claimants[id]; one != nil {
		round.leave(id, one.wants)
		delete(c.claimants, id)
	}
	changed := round.settle()
	return slices.DeleteFunc(changed, func(s string) bool { return s == id })
}

// granted is what of id's matches is its own, in their order. A match that it
// holds on some of its listeners only is there with those.
func (c *claims) granted(id string) []spec.Match {
	one := c.claimants[id]
	if one == nil {
		return nil
	}
	var mine []spec.Match
	last := -1
	for _, w := range one.wants {
		if c.held[w.key].holder != id {
			continue
		}
		if w.match != last {
			m := one.matches[w.match]
			m.Entries = nil
			mine, last = append(mine, m), w.match
		}
		addEntry(&mine[len(mine)-1], w.entry)
	}
	return mine
}

// conflicts is every match of id that another claimant wants too, whichever of
// them holds it.
func (c *claims) conflicts(id string) []spec.Conflict {
	one := c.claimants[id]
	if one == nil {
		return nil
	}
	var all []spec.Conflict
	for _, w := range one.wants {
		h := c.held[w.key]
		losers := h.waiting
		if h.holder != id {
			losers = []string{id}
		}
		for _, loser := range losers {
			all = addConflict(all, one.matches[w.match], w.entry, h.holder, loser)
		}
	}
	return all
}

// addConflict joins what differs only in the listener.
func addConflict(all []spec.Conflict, m spec.Match, entry, holder, loser string) []spec.Conflict {
	key := m.Key()
	for i := range all {
		known := &all[i]
		if entry != "" && known.Holder == holder && known.Loser == loser &&
			len(known.Match.Entries) > 0 && known.Match.Key() == key {
			addEntry(&known.Match, entry)
			return all
		}
	}
	m.Entries = nil
	addEntry(&m, entry)
	return append(all, spec.Conflict{Match: m, Holder: holder, Loser: loser})
}

func addEntry(m *spec.Match, entry string) {
	if entry != "" {
		m.Entries = append(m.Entries, entry)
	}
}

// wantsOf lists the claims in matches, each once.
func wantsOf(matches []spec.Match) []want {
	var wants []want
	seen := map[string]bool{}
	for i, m := range matches {
		entries := m.Entries
		if len(entries) == 0 {
			entries = []string{""}
		}
		key := m.Key()
		for _, entry := range entries {
			w := want{key: strconv.Quote(entry) + key, match: i, entry: entry}
			if !seen[w.key] {
				seen[w.key] = true
				wants = append(wants, w)
			}
		}
	}
	return wants
}

func missing(old, next []want) []want {
	kept := map[string]bool{}
	for _, w := range next {
		kept[w.key] = true
	}
	return slices.DeleteFunc(slices.Clone(old), func(w want) bool { return kept[w.key] })
}

// round is one change of the book: first all leave and join, then each match
// that was touched is settled once.
type round struct {
	*claims
	touched map[string]bool // claim keys
	changed map[string]bool // identities
}

func newRound(c *claims) *round {
	return &round{claims: c, touched: map[string]bool{}, changed: map[string]bool{}}
}

func (r *round) touch(wants []want) {
	for _, w := range wants {
		r.touched[w.key] = true
	}
}

func (r *round) leave(id string, wants []want) {
	r.touch(wants)
	for _, w := range wants {
		h := r.held[w.key]
		if h == nil {
			continue // described twice in one batch, and not joined yet
		}
		r.concerns(h)
		if h.holder == id {
			h.holder = ""
		}
		h.waiting = slices.DeleteFunc(h.waiting, func(s string) bool { return s == id })
	}
}

func (r *round) join(id string, wants []want) {
	for _, w := range wants {
		h := r.held[w.key]
		if h == nil {
			h = &holding{}
			r.held[w.key] = h
		}
		if h.holder == id || slices.Contains(h.waiting, id) {
			continue
		}
		r.touched[w.key] = true
		h.waiting = append(h.waiting, id)
		r.concerns(h)
	}
}

// concerns notes everybody who has to do with a match.
func (r *round) concerns(h *holding) {
	if h.holder != "" {
		r.changed[h.holder] = true
	}
	for _, id := range h.waiting {
		r.changed[id] = true
	}
}

func (r *round) settle() []string {
	for key := range r.touched {
		if h := r.held[key]; h != nil {
			r.settleOne(key, h)
		}
	}
	return slices.Sorted(maps.Keys(r.changed))
}

func (r *round) settleOne(key string, h *holding) {
	next := slices.IndexFunc(h.waiting, func(id string) bool { return !r.claimants[id].vacant })
	if next < 0 && h.holder == "" && len(h.waiting) > 0 {
		next = 0
	}
	free := h.holder == "" || r.claimants[h.holder].vacant
	if free && next >= 0 {
		r.concerns(h)
		heir, loser := h.waiting[next], h.holder
		h.waiting = slices.Delete(h.waiting, next, next+1)
		if h.holder = heir; loser != "" {
			h.waiting = append(h.waiting, loser)
		}
	}
	if h.holder == "" {
		delete(r.held, key)
	}
}
