package discovery

import "time"

// Verdict is what became of one container and why. Every container the engine
// has, has one.
type Verdict struct {
	ID      string    // container id
	Name    string    // without the leading slash
	Image   string    //
	Project string    // compose project, if any
	Service string    // compose service, if any
	Created time.Time //
	State   string    // in the engine's words: created, running, paused, restarting, exited, dead
	Health  string    // in the engine's words: starting, healthy, unhealthy; empty without HEALTHCHECK
	// Outcome sums the Targets up.
	Outcome Outcome
	// Targets are the Targets the container's labels ask for, in order of
	// name; none for a container that is not exposed.
	Targets []TargetVerdict
	// Reasons hold for the container as a whole, the decisive one first.
	Reasons []Reason
}

// TargetVerdict is what became of one Target of a container.
type TargetVerdict struct {
	ID      string   // identity of the Target
	Matches []string // as a person would type them: `shop.test/api`
	// Upstream is the ID of the spec.Upstream given to the proxy, empty when
	// there is none.
	Upstream string
	Address  string // host:port, empty when there is no way
	// Unmatched: no request can ever be the Target's, because the listeners it
	// asks for do not exist.
	Unmatched bool
	// Closed: every request of the Target's is answered with 503, because a label
	// that guards it could not be understood.
	Closed bool
	// OwnHost is what to type to give the Target another host. Empty unless
	// its host was derived; several lines perhaps.
	OwnHost string
	Reasons []Reason
}

// Routed says whether the container gets requests as part of the Target, as far
// as discovery can know.
func (t TargetVerdict) Routed() bool { return t.Upstream != "" && !t.Unmatched && !t.Closed }

// Outcome is the short form of a Verdict.
type Outcome string

// The outcomes.
const (
	Routed    Outcome = "routed"     // every Target of it sends requests to this container
	Partly    Outcome = "partly"     // some do
	NotRouted Outcome = "not routed" // it asks for it, and none does
	Hidden    Outcome = "hidden"     // it does not ask, or asks not to
)

// Reason is one finding: a code to look up, a sentence to read, a line to type.
type Reason struct {
	Code     Code
	Severity Severity
	Text     string // one sentence naming what and where
	Fix      string // what to type to mend it; may be several lines; empty when there is nothing to do
	// Label is the key of the label that it is about, just as typed: to find it
	// by, not to be printed. Empty for none.
	Label string
	// OfValue: what is wrong with the label is its value.
	OfValue bool
}

// Severity tells a finding that keeps a container out of rotation from one
// that does not.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)
