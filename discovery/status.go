package discovery

import "time"

// EngineStatus is how the Watcher stands with its engine.
type EngineStatus struct {
	Name string
	Host string // as dialled
	// Reachable: it is followed, with the event stream open and its containers
	// listed.
	Reachable bool
	// Synced: a full set has been published since the start.
	Synced bool
	// StaleSince is when what is known stopped being followed; zero while it
	// is followed.
	StaleSince time.Time
	// Error is why the engine is not reachable; empty while it is.
	Error         string
	EngineVersion string
	APIVersion    string
	Reconnects    uint64 // connections after the first
	// Drift counts containers that the list showed otherwise than the events
	// had told. It should stay 0.
	Drift    uint64
	LastSync time.Time // when a full list was last compared
}
