// Package labels is the language users type: the grammar of `rota.*` labels as
// one table, and what is derived from it.
package labels

import (
	"github.com/rota-proxy/rota/proxy/spec"
)

// Decoded is what the labels of one container say.
type Decoded struct {
	// Exposed: there is at least one label of ours, or everything is exposed,
	// and nothing hides the container.
	Exposed bool
	// Hidden: `enable` says so (with any value but "true").
	Hidden bool
	// Name is the value of `name`, empty without one.
	Name string
	// Targets, in order of name, the default Target (name "") first. A Target
	// that holds errors is in here too: see Target.Bad.
	Targets []Target
	// Problems that belong to no single Target.
	Problems []Problem
}

// Target is one Target as the labels of one container describe it.
type Target struct {
	Name string // empty: the default Target
	// Spec has the Target-wide options; ID, Source, Created and Upstreams are
	// left to discovery. Without any match option Matches is empty and
	// NeedsHost is set: the default host is to be derived.
	Spec      spec.Target
	NeedsHost bool
	// Upstream has the options that are read per container.
	Upstream Upstream
	Problems []Problem
	// Guarded: access rules (allow, deny, client, auth …) are asked for.
	Guarded bool

	TargetBad   bool // a Target-wide option is wrong: keep the last good definition
	UpstreamBad bool // an Upstream option is wrong: this container gives no Upstream
	AccessBad   bool // an access option is wrong: the Target answers 503
}

// Upstream holds the options of the table "Upstream".
type Upstream struct {
	Port       int // 0: not given
	Scheme     spec.Scheme
	TLS        spec.TLS // TLS.Name empty: the service's name
	Network    string   // empty: not given
	Base       string
	Weight     int
	HostHeader string
}

// Problem is something wrong with one label.
type Problem struct {
	Label   string // the whole key as typed, but what is unprintable is escaped and what is long is cut
	Value   string // likewise
	Reason  string // what is wrong, without label and value
	Nearest string // the nearest right spelling or an example of a right value; may be empty
	Fix     string // what to type, as a clause: `write rota.host`; may be empty
	Warning bool   // nothing is refused because of it
	At      Place  // where it stands in a file; labels stand nowhere
	// Key is the whole key just as typed: to find the label by, not to be printed.
	Key string
	// OfValue: the key has a meaning, and the value is what is wrong.
	OfValue bool
}

// Options of decoding.
type Options struct {
	Prefix    string // "rota" when empty
	ExposeAll bool   // containers without any label of ours are exposed too
}
