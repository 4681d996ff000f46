package labels

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rota-proxy/rota/internal/spelling"
)

// How many labels that nearly have our prefix are looked at, and how many are
// worth a warning. Who has more of them means something else.
const (
	maxStraysRead = 200
	maxStrays     = 20
)

// strays are the labels that look like ours and are none: `Rota.host`,
// `rota-host`, `rotta.host`.
func (r reader) strays(labels map[string]string) []label {
	var keys []string
	for key := range labels {
		if _, _, near := r.cutStray(key); near {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var all []label
	for _, key := range keys[:min(len(keys), maxStraysRead)] {
		if m := r.readStray(key); m.right != "" || m.check != "" {
			all = append(all, label{key: key, value: labels[key], prefix: r.prefix, reading: m})
		}
	}
	return all
}

// cutStray takes apart a key that has nearly our prefix, and not just that one.
func (r reader) cutStray(key string) (typed, rest string, ok bool) {
	if isOwn(r.prefix, key) {
		return "", "", false
	}
	key = visible(key)
	for _, end := range [...]int{len(r.prefix) - 1, len(r.prefix), len(r.prefix) + 1} {
		if end < 1 || end >= len(key) || !strings.ContainsRune(".-_:/", rune(key[end])) || spelling.Distance(fold(key[:end]), r.prefix, 2) == 2 {
			continue
		}
		if key[end] == '.' || !r.ofAnother(key[end+1:]) {
			return key[:end], key[end+1:], true
		}
	}
	return "", "", false
}

// readStray understands a key that has nearly our prefix. If no option can be
// seen behind it, there is neither right nor check.
func (r reader) readStray(key string) reading {
	typed, rest, _ := r.cutStray(key)
	m := r.read(rest)
	if m.option != nil {
		m.right = join(r.prefix, rest)
	}
	m.fault, m.check = "is not one of our labels, but almost", ""
	if surelyPrefix(typed, r.prefix) {
		m.check = cmp.Or(r.guard(rest), r.guardBehind(rest))
	}
	return m
}

// ofAnother says whether what stands behind another separator than a dot rather
// belongs to a name space of its own, such as `rota-demo.port`. An option with a
// dot in it does not: nothing is called `rota-auth`, with an option `basic`.
func (r reader) ofAnother(rest string) bool {
	if !strings.Contains(rest, ".") {
		return false
	}
	o, _ := r.find(fold(rest))
	return o == nil
}

// surelyPrefix says whether a prefix with a slip in it is no word of its own: it
// has the same letters. `iota` and `rotor` may well be other programs, whose
// labels must not shut anything.
func surelyPrefix(typed, prefix string) bool {
	return trimmed(typed) == prefix || sameLetters(fold(typed), prefix)
}

func sameLetters(a, b string) bool { return slices.Equal(letters(a), letters(b)) }

func letters(s string) []byte {
	all := []byte(s)
	slices.Sort(all)
	return slices.Compact(all)
}

// guardStrays warns of labels that are almost ours, and closes the Targets that
// they may be meant to guard.
func (d *decoder) guardStrays() {
	for i, l := range d.strays {
		if i < maxStrays {
			d.container.warn(l, l.fault, l.right)
		}
		if t := d.targets[l.target]; t != nil {
			t.closeFor(l)
		} else {
			d.anybodys = append(d.anybodys, l)
		}
	}
}

// guardAll closes each Target that a check without one may be meant for. Which
// checks are alike makes no difference, so one of each kind is looked at.
func (d *decoder) guardAll() {
	seen := map[string]bool{}
	for _, l := range d.anybodys {
		if seen[l.check] {
			continue
		}
		seen[l.check] = true
		for _, t := range d.targets {
			t.closeFor(l)
		}
	}
}

// closeFor closes the Target because of a check that stands elsewhere and may be
// meant for it, unless the Target has that check itself.
func (d *draft) closeFor(l label) {
	if l.check == "" || d.AccessBad || d.hasCheck(l.check) {
		return
	}
	l.spoils = Access
	d.refuse(l, l.fault+", and may be meant to guard this Target", l.right)
}

// hasCheck says whether the Target has an access option of its own. Of a family
// it may always lack one.
func (d *draft) hasCheck(key string) bool {
	o := theGrammar.byKey[key]
	return o != nil && !o.Family() && d.label(key) != nil
}
