package labels

import (
	"slices"
	"strings"
)

// Option is one row of the grammar: all that is known about one option, for the
// decoder as for people. Decoding, error messages, `rota labels` and the
// reference in docs/ read these rows and nothing else; a new option is a new row.
type Option struct {
	// Key is what stands behind the prefix and the Target's name: `host`,
	// `timeout.dial`. One that ends in a dot is a family, whose NAME is the
	// whole rest of the label's key: `header.`.
	Key     string  `json:"key"`
	Section Section `json:"section"`
	Scope   Scope   `json:"scope"`
	// Since is the version of rota that the option came with. Empty: its key is
	// reserved, and using it is an error.
	Since   string `json:"since,omitempty"`
	Type    string `json:"type,omitempty"`    // what a value looks like, for people
	Default string `json:"default,omitempty"` // as one would type it, or a clause about it
	Help    string `json:"help,omitempty"`    // what it does, in sentences
	Example string `json:"example,omitempty"` // a value that is right
	// Name is an example of the NAME of a family.
	Name string `json:"name,omitempty"`
	// Parent is the option that this one refines: `timeout` of `timeout.dial`.
	// It follows from the keys.
	Parent string `json:"parent,omitempty"`
	// Aka are keys that people try because other proxies have them.
	Aka []string `json:"-"`
	// Instead is what says the same of a static Target, where the option is one
	// of containers only; else empty.
	Instead string `json:"-"`

	set setter
}

// Family says whether the key is followed by a NAME of the user's choice.
func (o Option) Family() bool { return strings.HasSuffix(o.Key, ".") }

// List says whether a value is a list, split at commas.
func (o Option) List() bool { return strings.HasPrefix(o.Type, "list of ") }

// Available says whether this version of rota has the option.
func (o Option) Available() bool { return o.Since != "" }

// Label is the key of a label that sets the option for the default Target.
func (o Option) Label(prefix string) string { return prefix + "." + o.Key + o.Name }

// Scope says what an option describes, and with it what a wrong value spoils.
type Scope string

// The scopes.
const (
	// ContainerWide options take no Target; a wrong one spoils every Target of
	// the container.
	ContainerWide Scope = "container"
	// TargetWide options are the same for all replicas; after a wrong one the
	// Target keeps its last good definition.
	TargetWide Scope = "target"
	// PerUpstream options are read from each container; a wrong one takes that
	// container out of rotation.
	PerUpstream Scope = "upstream"
	// Access options guard the Target; after a wrong one it answers 503, for a
	// check is never dropped.
	Access Scope = "access"
)

// Section is a heading of the reference.
type Section string

// The sections, in the order of the reference.
const (
	Container  Section = "Container"
	Matching   Section = "Matching"
	ToUpstream Section = "Upstream"
	Resilience Section = "Balancing, health, resilience"
	Middleware Section = "Middleware"
	Entries    Section = "TLS and other entries"
	Reserved   Section = "Reserved words"
)

// sectionNotes says under each heading what its options have in common.
var sectionNotes = []struct {
	section Section
	note    string
}{
	{Container, "They hold for the whole container and take no Target."},
	{Matching, "Which requests are the Target's. All conditions must hold."},
	{ToUpstream, "How this one container is reached. Each replica has its own."},
	{Resilience, "How requests are spread, and how patient the Target is."},
	{Middleware, "What happens to a request on its way."},
	{Entries, "Certificates, and entries that do not speak HTTP."},
	{Reserved, "Words kept free for options to come."},
}

// setter puts the value of one label into the Target that is being read. Its
// error is the reason that the user reads, without label and value.
type setter func(*draft, label) error

// into makes a setter of a parser and the place where its result goes.
func into[T any](place func(*draft) *T, parse func(string) (T, error)) setter {
	return func(d *draft, l label) error {
		value, err := parse(strings.TrimSpace(l.value))
		if err == nil {
			*place(d) = value
		}
		return err
	}
}

// grammar is the table with its indexes. It is never written to once built.
type grammar struct {
	options []Option
	byKey   map[string]*Option
	// groups are the first words of all keys. They are never Targets' names.
	groups map[string]bool
	// guarded are those groups that hold an access option.
	guarded map[string]bool
	// words are the groups, sorted as in the table.
	words []string
	// longest is the length of the longest key.
	longest int
}

// theGrammar is constant: built from the table and only read.
var theGrammar = newGrammar(slices.Clone(table))

func newGrammar(options []Option) *grammar {
	g := &grammar{options: options, byKey: map[string]*Option{}, groups: map[string]bool{}, guarded: map[string]bool{}}
	for i := range options {
		o := &options[i]
		g.byKey[o.Key] = o
		g.longest = max(g.longest, len(o.Key))
		group, _, _ := strings.Cut(o.Key, ".")
		if !g.groups[group] {
			g.words = append(g.words, group)
		}
		g.groups[group] = true
		g.guarded[group] = g.guarded[group] || o.Scope == Access
	}
	for i := range options {
		options[i].Parent = g.parent(options[i].Key)
	}
	return g
}

// parent is the nearest option that key is nested under, or "".
func (g *grammar) parent(key string) string {
	key = strings.TrimSuffix(key, ".")
	for cut := strings.LastIndexByte(key, '.'); cut > 0; cut = strings.LastIndexByte(key, '.') {
		key = key[:cut]
		if g.byKey[key] != nil {
			return key
		}
	}
	return ""
}

// find looks up what stands behind the Target's name: the option and, of a
// family, the NAME, which may be empty.
func (g *grammar) find(key string) (o *Option, name string) {
	if o := g.byKey[key]; o != nil && !o.Family() {
		return o, ""
	}
	// A family's own key is short, however many dots its NAME has.
	head := key[:min(len(key), g.longest)]
	for cut := strings.LastIndexByte(head, '.'); cut > 0; cut = strings.LastIndexByte(head[:cut], '.') {
		if o := g.byKey[key[:cut+1]]; o != nil {
			return o, key[cut+1:]
		}
	}
	return nil, ""
}

// Grammar is the whole table, reserved options included, in the order of the
// reference. The caller may do with it what it likes.
func Grammar() []Option { return slices.Clone(theGrammar.options) }

// Find is the option that a label's key means, typed as people do: `timeout.dial`,
// `rota.host`, `rota.admin.host`, `header`.
func Find(key string) (Option, bool) {
	o := read(key).option
	if o == nil {
		o = theGrammar.byKey[strings.TrimSuffix(unprefixed(key), ".")+"."]
	}
	if o == nil {
		return Option{}, false
	}
	return *o, true
}

// Nearest is the key of the option that a mistyped one probably means, or "".
func Nearest(key string) string { return read(key).meant }

func read(key string) reading {
	key = unprefixed(key)
	return theGrammar.newReader(DefaultPrefix, []string{key}).read(key)
}

func unprefixed(key string) string { return strings.TrimPrefix(key, DefaultPrefix+".") }

// Below are the options nested under key, at any depth: of `auth` all its
// kinds, of `timeout` its sub-options.
func Below(key string) []Option {
	key = strings.TrimSuffix(unprefixed(key), ".") + "."
	var all []Option
	for _, o := range theGrammar.options {
		if strings.HasPrefix(o.Key, key) && o.Key != key {
			all = append(all, o)
		}
	}
	return all
}
