package discovery

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/proxy/spec"
)

// forgetAfter is how long the last good definition of a Target outlives its
// last container: a container that is removed and made anew by hand is the
// same service.
const forgetAfter = 10 * time.Minute

// inventory is what the Watcher knows: containers, where the proxy stands
// among them, and the Targets they make. It does no I/O. Only the Watcher's
// goroutine touches it.
type inventory struct {
	grammar   labels.Options
	assembler assembler // its Outlook is kept up to date by locate

	containers map[string]*entry
	// members are the containers of each identity.
	members map[string]map[string]bool
	// dependents are the containers that live on another's network, by what
	// they call it (an id, as a rule).
	dependents map[string]map[string]bool
	targets    map[string]*target

	self string // id of the proxy's own container, empty on a host

	staleTargets    map[string]bool // identities to assemble again
	staleContainers map[string]bool // containers whose Verdict is to be told again
}

// entry is one container.
type entry struct {
	container
	inspected bool // all fields are known, not only those of list or event
	unread    bool // the engine would not describe it
	decoded   labels.Decoded
	// identities of the Targets of decoded, in their order.
	identities []string
	verdicts   map[string]TargetVerdict
	kills      []kill
	// takenBack ends the effect of the kills seen up to then.
	takenBack time.Time
	// latest is the time of the newest event, by the engine's clock.
	latest time.Time
	// generation grows with every event that acted at once: an inspect that
	// was under way then may tell of the time before.
	generation uint64
	failures   int
}

// target is what is remembered of one identity.
type target struct {
	memory
	published  spec.Target
	known      bool      // it was published at least once
	emptySince time.Time // when its last container went; zero while it has any
}

func newInventory(grammar labels.Options, a assembler) *inventory {
	return &inventory{
		grammar: grammar, assembler: a,
		containers: map[string]*entry{}, members: map[string]map[string]bool{}, dependents: map[string]map[string]bool{},
		targets: map[string]*target{}, staleTargets: map[string]bool{}, staleContainers: map[string]bool{},
	}
}

// put takes in what the engine says of a container now. Only an inspect knows
// everything; a list or an event leaves what it does not know as it was.
func (v *inventory) put(c container, inspected bool) *entry {
	e := v.containers[c.ID]
	if e == nil {
		e = &entry{verdicts: map[string]TargetVerdict{}}
		v.containers[c.ID] = e
	} else {
		v.unlink(e)
	}
	if !inspected && e.inspected {
		return v.link(e)
	}
	relabelled := !maps.Equal(e.Labels, c.Labels) || e.ID == ""
	e.container, e.inspected, e.unread = c, inspected || e.inspected, false
	if relabelled {
		e.decoded = labels.Decode(v.grammar, c.Labels)
	}
	return v.link(e)
}

// change edits a container in place of an inspect that is still to come.
func (v *inventory) change(e *entry, edit func(*container)) {
	v.unlink(e)
	edit(&e.container)
	v.link(e)
}

// remove forgets a container.
func (v *inventory) remove(id string) {
	e := v.containers[id]
	if e == nil {
		return
	}
	v.unlink(e)
	delete(v.containers, id)
	v.staleContainers[id] = true
	if id == v.self {
		v.self = ""
	}
	v.locate()
}

// unlink takes a container out of the indexes and marks what it was part of.
func (v *inventory) unlink(e *entry) {
	v.touch(e)
	for _, id := range e.identities {
		drop(v.members, id, e.ID)
	}
	if owner := e.sharesWith(); owner != "" {
		drop(v.dependents, owner, e.ID)
	}
	e.identities = nil
}

// link is the opposite of unlink.
func (v *inventory) link(e *entry) *entry {
	if v.serves(e) {
		for _, t := range e.decoded.Targets {
			id := identity(e.container, e.decoded, t.Name)
			e.identities = append(e.identities, id)
			add(v.members, id, e.ID)
		}
		if owner := e.sharesWith(); owner != "" {
			add(v.dependents, owner, e.ID)
		}
	}
	maps.DeleteFunc(e.verdicts, func(id string, _ TargetVerdict) bool { return !slices.Contains(e.identities, id) })
	v.touch(e)
	if v.standsOn(e) {
		v.locate()
	}
	return e
}

// serves says whether a container is to be part of Targets at all.
func (v *inventory) serves(e *entry) bool {
	return e.decoded.Exposed && !e.decoded.Hidden && !e.oneOff() && e.ID != v.self
}

// touch marks everything that a container has a part in.
func (v *inventory) touch(e *entry) {
	v.staleContainers[e.ID] = true
	for _, id := range e.identities {
		v.staleTargets[id] = true
	}
	for _, owner := range [...]string{e.ID, e.Name} {
		for id := range v.dependents[owner] {
			for _, identity := range v.containers[id].identities {
				v.staleTargets[identity] = true
			}
			v.staleContainers[id] = true
		}
	}
}

// owner is the container on whose network e lives.
func (v *inventory) owner(e *entry) *entry {
	ref := e.sharesWith()
	if ref == "" {
		return nil
	}
	if found := v.containers[ref]; found != nil {
		return found
	}
	for _, candidate := range v.containers {
		if candidate.Name == ref {
			return candidate
		}
	}
	return nil
}

// wanted says whether everything has to be known of a container: because it is
// exposed, because an exposed one lives on its network, or because the proxy
// lives in it. The others cost nothing but their line in the list.
func (v *inventory) wanted(e *entry) bool {
	return v.serves(e) || v.standsOn(e) || len(v.dependents[e.ID]) > 0 || len(v.dependents[e.Name]) > 0
}

// standsOn says whether the proxy's own networks are e's.
func (v *inventory) standsOn(e *entry) bool {
	if v.self == "" {
		return false
	}
	if e.ID == v.self {
		return true
	}
	me := v.containers[v.self]
	return me != nil && (me.sharesWith() == e.ID || me.sharesWith() == e.Name)
}

// setSelf makes a container the proxy's own: it is never a Target, and its
// networks are the proxy's.
func (v *inventory) setSelf(c container) {
	if old := v.containers[v.self]; old != nil && v.self != c.ID {
		v.unlink(old)
		v.self = ""
		v.link(old)
	}
	if e := v.containers[c.ID]; e != nil {
		v.unlink(e)
	}
	v.self = c.ID
	v.put(c, true)
	v.locate()
}

// locate works out where the proxy stands. If that changed, every Target is
// addressed anew.
func (v *inventory) locate() {
	o := v.assembler.Outlook
	o.Self, o.Namespace = nil, ""
	if me := v.containers[v.self]; me != nil {
		c := me.container
		o.Namespace = c.ID
		if owner := v.owner(me); owner != nil {
			c.Networks, c.Published, c.NetworkMode = owner.Networks, owner.Published, owner.NetworkMode
			o.Namespace = owner.ID
		}
		o.Self = &c
	}
	v.setOutlook(o)
}

func (v *inventory) setOutlook(o outlook) {
	if reflect.DeepEqual(o, v.assembler.Outlook) {
		return
	}
	v.assembler.Outlook = o
	for id := range v.members {
		v.staleTargets[id] = true
	}
}

// signalled says whether a container was told to stop and is believed to.
func (e *entry) signalled() bool {
	at, told := lastStop(e.kills, e.container)
	return told && at.After(e.takenBack)
}

// takeBackAt is when a signalled container that still runs is believed again.
func (e *entry) takeBackAt() time.Time {
	at, _ := lastStop(e.kills, e.container)
	var drain time.Duration
	for _, t := range e.decoded.Targets {
		drain = max(drain, t.Spec.Drain)
	}
	return at.Add(patience(e.container, drain))
}

// assemble works off the stale identities and answers the Targets that changed,
// in order of identity.
func (v *inventory) assemble(now time.Time) []spec.Target {
	var changed []spec.Target
	for _, id := range slices.Sorted(maps.Keys(v.staleTargets)) {
		if t, differs := v.assembleOne(id, now); differs {
			changed = append(changed, t)
		}
	}
	v.staleTargets = emptied(v.staleTargets)
	return changed
}

func (v *inventory) assembleOne(id string, now time.Time) (spec.Target, bool) {
	t := v.targets[id]
	if t == nil {
		t = &target{}
		v.targets[id] = t
	}
	replicas := v.replicas(id)
	t.emptySince = time.Time{}
	if len(replicas) == 0 {
		t.emptySince = now
	}
	next, verdicts := v.assembler.assemble(id, replicas, t.memory)
	for i, r := range replicas {
		v.containers[r.ID].verdicts[id] = verdicts[i]
		v.staleContainers[r.ID] = true
	}
	t.memory = next
	if !next.Defined || t.known && t.published.Equal(next.Spec) {
		return spec.Target{}, false
	}
	t.published, t.known = next.Spec, true
	return next.Spec, true
}

// replicas are the containers of an identity in order of id.
func (v *inventory) replicas(id string) []replica {
	var all []replica
	for _, member := range slices.Sorted(maps.Keys(v.members[id])) {
		e := v.containers[member]
		if !e.inspected {
			continue
		}
		r := replica{container: e.container, Asked: e.decoded.Targets[slices.Index(e.identities, id)], Signalled: e.signalled()}
		if owner := v.owner(e); owner != nil {
			r.Owner = &owner.container
			r.Signalled = r.Signalled || owner.signalled()
		}
		all = append(all, r)
	}
	return all
}

// forgetEmpty drops what is remembered of identities that have had no
// container for long.
func (v *inventory) forgetEmpty(now time.Time) {
	maps.DeleteFunc(v.targets, func(_ string, t *target) bool {
		return !t.emptySince.IsZero() && now.Sub(t.emptySince) > forgetAfter
	})
}

// tell works off the containers whose Verdict may have changed. A nil Verdict
// means that the container is gone.
func (v *inventory) tell(to func(id string, verdict *Verdict)) {
	for _, id := range slices.SortedFunc(maps.Keys(v.staleContainers), strings.Compare) {
		e := v.containers[id]
		if e == nil {
			to(id, nil)
			continue
		}
		verdict := v.verdict(e)
		to(id, &verdict)
	}
	v.staleContainers = emptied(v.staleContainers)
}

// emptied is an empty set: the given one, unless that has been so large that
// going over its empty places would cost every later event.
func emptied(set map[string]bool) map[string]bool {
	if len(set) > 64 {
		return map[string]bool{}
	}
	clear(set)
	return set
}

func add(index map[string]map[string]bool, key, member string) {
	if index[key] == nil {
		index[key] = map[string]bool{}
	}
	index[key][member] = true
}

func drop(index map[string]map[string]bool, key, member string) {
	delete(index[key], member)
	if len(index[key]) == 0 {
		delete(index, key)
	}
}
