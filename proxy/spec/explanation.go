package spec

import (
	"net/netip"
	"time"
)

// Question is a request that nobody sent: somebody wants to know where it would go.
type Question struct {
	// Entry is the name of the listener that it would come in at.
	Entry  string
	Method string
	// Authority is host and port, and Path path and query, as a client would send
	// them (RFC 9112 section 3.2).
	Authority, Path string
	// Header has its names in canonical form.
	Header map[string][]string
	// Client is the address it would come from; the zero Addr is in no network.
	Client netip.Addr
}

// Explanation is where a request would go at one moment, and why not elsewhere.
type Explanation struct {
	Host string // in normal form; empty if there is none
	// Path is what path rules were compared with; empty where there are none.
	Path string
	// Trials are the matches that were looked at, in order. If one took the
	// request, it is the last.
	Trials []Trial
	// Target took the request; nil: none did. Definition is what it goes by.
	Target     *TargetStatus
	Definition Target
	// Answer is what the client gets from the proxy itself; nil: the request goes to
	// an Upstream, or waits for one.
	Answer *OwnAnswer
	// Location is where the client is sent instead; empty: nowhere.
	Location string
	// Next is the ID of the Upstream whose turn it is; empty: the request waits.
	Next string
	// Near are matches that would have taken the request if it were a little
	// different. Only looked for if nobody took it.
	Near []NearMiss
}

// OwnAnswer is one of the proxy's own answers.
type OwnAnswer struct {
	Status int
	Code   string
	Text   string
	Detail string   // for the operator: what is wrong, by name
	Allow  []string // the methods of a 405
}

// Trial is a match that was looked at, and what kept it from taking the request.
type Trial struct {
	Target   string
	Match    Match
	Obstacle Obstacle
	Text     string // the obstacle in words; empty for none
}

// NearMiss is a match whose host is nearly the request's.
type NearMiss struct {
	Target string
	Match  Match
	Text   string // how the host differs, in words
}

// Obstacle is what keeps a match from taking a request of its host.
type Obstacle uint8

// The obstacles, in the order in which they are looked for.
const (
	NoObstacle Obstacle = iota
	OtherEntry
	OtherClient
	OtherPath
	OtherConditions // the path of a template, a field or a parameter
	OtherMethod     // and nothing else: the answer is 405
)

func (o Obstacle) String() string {
	return [...]string{"none", "entry", "client", "path", "conditions", "method"}[o]
}

// Holding is how long a request that waits is held at most.
func (e Explanation) Holding() time.Duration { return e.Definition.Wait.For }
