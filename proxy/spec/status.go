package spec

import "time"

// State is where an Upstream stands in the proxy.
type State uint8

// starting → ready ⇄ ejected → draining → gone.
const (
	Starting State = iota // not accepting yet, or the engine's check is not done
	Ready                 // in rotation
	Ejected               // was ready and failed; probed until it is back
	Resting               // running, kept out by the engine: unhealthy or paused
	Draining              // leaving: no new requests, the running ones finish
	Gone
)

func (s State) String() string {
	return [...]string{"starting", "ready", "ejected", "resting", "draining", "gone"}[s]
}

// UpstreamStatus is an Upstream at one moment.
type UpstreamStatus struct {
	ID        string
	Container string
	Name      string
	Address   string
	State     State
	// Reason says, for people, why it is not ready: `port 8080 not accepting
	// for 12 s`, or why a ready one gets nothing. Else empty.
	Reason   string
	Since    time.Time // when it entered State
	Weight   int
	InFlight int64
	// Requests were sent to this container since the proxy knows it, restarts
	// of the container included.
	Requests uint64
}

// TargetStatus is a live Target at one moment.
type TargetStatus struct {
	ID      string
	Source  string
	Matches []Match
	// Conflicts are the matches that another Target claims too, whichever of
	// the two holds them.
	Conflicts []Conflict
	Closed    string
	TLS       ServerTLS
	Faults    []Fault
	Upstreams []UpstreamStatus
	// Held is how many requests wait now for an Upstream to become ready.
	Held int
	// Requests counts those that were matched to the Target.
	Requests uint64
}

// Conflict is a Match that two Targets claim.
type Conflict struct {
	Match  Match
	Holder string // identity of the Target that has it
	Loser  string // identity of the Target that was refused
}
