package labels

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rota-proxy/rota/internal/spelling"
)

// label is one label of ours, with what its key was understood as.
type label struct {
	key    string // as typed
	value  string // as typed
	prefix string
	at     Place // in a file
	reading
}

// reading is the meaning of a key.
type reading struct {
	target string  // empty: the default Target
	option *Option // nil when fault is set
	name   string  // NAME of a family
	// fault is why the key means nothing; right is what to type instead, and
	// spoils says what the mistake takes down.
	fault  string
	right  string
	spoils Scope
	// nowhere: the mistake is in the Target's name, so it is nobody's.
	nowhere bool
	// anybodys: a check, whose Target cannot be made out, so that any may be the
	// one. check is the access option it probably is, or a word like `auth`.
	anybodys bool
	check    string
	// doubt is a warning about a key that has a meaning, perhaps not the one
	// that was wanted.
	doubt string
	// meant is the key of the option that was probably wanted.
	meant string
}

// sibling is the label of another option of the same Target.
func (l label) sibling(key string) string { return join(l.prefix, l.target, key) }

// join builds a label's key, leaving out what is empty.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ".")
}

// reader understands the keys of one container.
type reader struct {
	*grammar
	prefix string
	// described are the Targets that some label names with a right option.
	described map[string]bool
}

// newReader takes the keys behind the prefix.
func (g *grammar) newReader(prefix string, keys []string) reader {
	r := reader{grammar: g, prefix: prefix, described: map[string]bool{}}
	for _, key := range keys {
		target, rest, _ := strings.Cut(key, ".")
		if o, _ := g.find(rest); o != nil && !g.groups[target] {
			r.described[target] = true
		}
	}
	return r
}

// read understands what stands behind the prefix. A first word that is an
// option is an option; anything else is a Target, unless it looks like an
// option misspelt: then the safe reading is that one.
func (r reader) read(key string) reading {
	first, rest, nested := strings.Cut(key, ".")
	switch {
	case r.groups[first]:
		return r.readOption("", key)
	case !nested && r.described[first]:
		return reading{target: first, fault: "is a Target's name without an option behind it", right: join(r.prefix, first, "host"), spoils: TargetWide}
	case !nested, r.misspelt(key, first, rest):
		return r.unknown("", key)
	case !IsTargetName(first):
		return r.badTarget(first, rest)
	}
	return r.doubted(first, rest, r.readOption(first, rest))
}

// misspelt says whether first is rather a mistyped option than a Target. One
// that would be an access option always is: a check must never be dropped
// because it was taken for a Target.
func (r reader) misspelt(key, first, rest string) bool {
	if r.groups[trimmed(first)] || r.fused(key) != "" {
		return true
	}
	if o, _ := r.find(rest); o != nil {
		return false
	}
	m := r.meant(key)
	if m.key != "" && (m.slips == 0 || r.byKey[m.key].Scope == Access) {
		return true
	}
	return !r.described[first] && r.nearGroup(first) != ""
}

// fused is the access option that key becomes once the dot that was forgotten
// behind its first word is put in, or "": `authoidc.client` would otherwise be
// a Target of that name.
func (g *grammar) fused(key string) string {
	low := fold(key)
	for _, group := range g.words {
		behind, found := strings.CutPrefix(low, group)
		if !found || !g.guarded[group] {
			continue
		}
		if o, _ := g.find(group + "." + behind); o != nil && o.Scope == Access {
			return group + "." + key[len(group):]
		}
	}
	return ""
}

// nearGroup is the first word of keys that a mistyped one is at most two slips
// away from, or "". Of equally near ones it is one that guards.
func (g *grammar) nearGroup(word string) string {
	limit := min(spelling.Slack(word), 2) + 1
	best, least := "", limit
	low := fold(word)
	for _, group := range g.words {
		d := spelling.Distance(low, group, min(least+1, limit))
		if d < least || d == least && best != "" && g.guarded[group] {
			best, least = group, d
		}
	}
	return best
}

func (r reader) readOption(target, key string) reading {
	o, name := r.find(key)
	switch {
	case o == nil:
		return r.unknown(target, key)
	case o.Family() && name == "":
		return reading{target: target, fault: "has no name behind its last dot", right: join(r.prefix, target, o.Key+o.Name), spoils: o.Scope}
	case o.Scope == ContainerWide && target != "":
		return reading{target: target, fault: "is for the whole container and takes no Target", right: join(r.prefix, o.Key), spoils: TargetWide}
	}
	return reading{target: target, option: o, name: name}
}

// badTarget is an option of a Target that cannot have its name. If it is plain
// which one is meant, that one suffers. A check is somebody's in any case.
func (r reader) badTarget(first, rest string) reading {
	m := reading{fault: "names a Target with other characters than a-z, 0-9, _ and -, or more than 63 of them", nowhere: true}
	m.check = r.mayGuard(rest)
	if m.check != "" {
		m.spoils = Access
	}
	if name := r.nearTarget(first); name != "" {
		m.target, m.nowhere = name, false
		m.right = join(r.prefix, name, rest)
		m.spoils = TargetWide
		if o, _ := r.find(rest); o == nil || m.check != "" {
			m.spoils = Access
		}
	}
	m.anybodys = m.check != "" && (m.nowhere || !r.described[m.target])
	return m
}

// nearTarget is the Target that is meant by a name which cannot be one, or "":
// one in lower case, or a described one without what stands around it.
func (r reader) nearTarget(name string) string {
	if low := fold(name); IsTargetName(low) {
		return low
	}
	if bare := trimmed(name); IsTargetName(bare) && r.described[bare] {
		return bare
	}
	return ""
}

// mayGuard is the access option, or the word such options start with, that a key
// is or would rather be taken for than passed over, or "".
func (r reader) mayGuard(key string) string {
	if o, _ := r.find(key); o != nil {
		if o.Scope == Access {
			return o.Key
		}
		return ""
	}
	return r.unknown("", key).check
}

// guard is mayGuard for keys of which it is not sure that they are ours at all:
// it takes one slip.
func (r reader) guard(key string) string {
	low := fold(key)
	if o, _ := r.find(low); o != nil {
		if o.Scope == Access {
			return o.Key
		}
		return ""
	}
	if first, _, _ := strings.Cut(low, "."); r.guarded[first] {
		return first
	}
	if m := r.meant(key); m.key != "" && m.slips <= 1 && r.byKey[m.key].Scope == Access {
		return m.key
	}
	return ""
}

// maxBehind is how many words of a key are tried as a Target's name with too
// many dots.
const maxBehind = 4

// guardBehind is the guard that stands behind some words, which must have been
// meant for a Target's name.
func (r reader) guardBehind(key string) string {
	for range maxBehind {
		_, rest, nested := strings.Cut(key, ".")
		if !nested {
			return ""
		}
		if check := r.guard(rest); check != "" {
			return check
		}
		key = rest
	}
	return ""
}

// doubted warns of `health.host` mistyped as `heath.host`: both mean something.
func (r reader) doubted(first, rest string, m reading) reading {
	group := r.nearGroup(first)
	if o := r.byKey[group+"."+rest]; m.option != nil && group != "" && o != nil {
		m.doubt = "is taken for an option of the Target " + first
		m.right = join(r.prefix, o.Key)
	}
	return m
}

// unknown is a key that is no option. It spoils the access to the Target when
// there is reason to think that a check was wanted.
func (r reader) unknown(target, key string) reading {
	key = visible(key)
	first, _, _ := strings.Cut(key, ".")
	found, group := r.meant(key), r.nearGroup(first)
	m := reading{target: target, fault: "is no option", meant: found.key, spoils: TargetWide}
	if found.key != "" {
		m.right = join(r.prefix, target, found.text)
	} else {
		m.fault = r.whyUnknown(key, group)
		r.mendDots(&m, key)
	}
	wanted := r.byKey[found.key]
	if wanted != nil && wanted.Scope == ContainerWide && target == "" {
		m.spoils = ContainerWide
		return m
	}
	switch {
	case wanted != nil && wanted.Scope == Access:
		m.check = wanted.Key
	case r.guarded[trimmed(first)]:
		m.check = trimmed(first)
	case r.guarded[group]:
		m.check = group
	case wanted == nil:
		m.check = r.guardBehind(key)
		m.anybodys = m.check != "" && (target == "" || !r.described[target])
	}
	if m.check != "" {
		m.spoils = Access
	}
	return m
}

// mendDots recognises `rota.my.app.host`: a Target's name has no dots.
func (r reader) mendDots(m *reading, key string) {
	first, rest, _ := strings.Cut(key, ".")
	if o, _ := r.find(rest); o != nil && m.target != "" {
		m.right = join(r.prefix, m.target+"-"+first, rest)
	}
}

// whyUnknown says what is wrong with a key that resembles no option, and if its
// first word is one or nearly one, group, what may stand behind that.
func (r reader) whyUnknown(key, group string) string {
	first, rest, nested := strings.Cut(key, ".")
	below := strings.Join(r.below(group), ", ")
	switch o, _ := r.find(rest); {
	case below != "" && (nested || group == first):
		return "is no option; behind " + quote(group) + " may stand " + below
	case group != first:
		return "is no option"
	case o != nil:
		return "is no option: " + quote(first) + " is one, and can name no Target"
	}
	return "is no option: there is none below " + quote(first)
}

// below are the keys under a group, without its own.
func (g *grammar) below(group string) []string {
	var keys []string
	for _, o := range g.options {
		if behind, found := strings.CutPrefix(o.Key, group+"."); found {
			if o.Family() {
				behind += "NAME"
			}
			keys = append(keys, behind)
		}
	}
	return keys
}

// meaning is a guess at what a mistyped key was meant to be.
type meaning struct {
	key   string // of the option, or "" for no idea
	text  string // what to type: the key, and of a family the NAME too
	slips int
}

// meant finds the option nearest to a key that is none: by its spelling, or by a
// word that other proxies use for it.
func (g *grammar) meant(key string) meaning {
	if right := g.fused(key); right != "" {
		o, _ := g.find(fold(right))
		return meaning{o.Key, right, 1}
	}
	var best meaning
	least := len(key) + 1
	low := fold(key)
	consider := func(o *Option, spelt string) {
		head, name := key, ""
		if o.Family() {
			head, name = splitFamily(key, spelt)
			name = cmp.Or(name, o.Name)
		}
		limit := min(least, spelling.Slack(head)+1)
		if d := spelling.Distance(low[:len(head)], spelt, limit); d < limit {
			least, best = d, meaning{o.Key, o.Key + name, d}
		}
	}
	for i := range g.options {
		o := &g.options[i]
		consider(o, o.Key)
		for _, other := range o.Aka {
			consider(o, other)
		}
	}
	return best
}

// splitFamily cuts key behind as many dots as the family's own key has.
func splitFamily(key, family string) (head, name string) {
	at := 0
	for range strings.Count(family, ".") {
		next := strings.IndexByte(key[at:], '.')
		if next < 0 {
			return key, ""
		}
		at += next + 1
	}
	return key[:at], key[at:]
}

// fold is s with its ASCII letters in lower case and as many bytes as before.
func fold(s string) string {
	low := []byte(s)
	for i, c := range low {
		if 'A' <= c && c <= 'Z' {
			low[i] = c + 'a' - 'A'
		}
	}
	return string(low)
}

// visible is s without what one does not see: spaces, control characters and
// whatever is not ASCII, which is in no key of ours but at the end of a NAME.
func visible(s string) string {
	return strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return -1
		}
		return c
	}, s)
}

// trimmed is a word in lower case, without what is not seen and whatever else
// stands around its letters and digits.
func trimmed(word string) string {
	return strings.TrimFunc(fold(visible(word)), func(c rune) bool { return !isAlphanumeric(byte(c)) })
}
