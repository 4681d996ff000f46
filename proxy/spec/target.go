// Package spec holds the plain values that say what the proxy is to do: whoever
// knows of backends (the Watcher, a file, a program that embeds the proxy) fills
// in a [Target], the proxy makes it live. Nothing here does I/O, keeps state or
// starts a goroutine; every value may be shared freely once it has been built,
// because nobody writes to one that was handed over.
package spec

import (
	"slices"
	"time"
)

// Target describes one service: which requests are its own, where they go and
// how patient the proxy is about it. Equal descriptions mean no work.
type Target struct {
	// ID is the identity: `compose:shop/web`, `container:db`, `name:api/admin`.
	// All descriptions of one ID are the same live Target.
	ID string
	// Source says who described it, for people: `docker`, `file`, `library`.
	Source string
	// Created orders Targets that claim the same Match when both are met for
	// the first time; the older one holds it.
	Created time.Time
	// Matches are the requests that are this Target's. None: it is never
	// matched (its requests reach it some other way).
	Matches []Match
	// Closed, when not empty, is why every request is answered with 503: an
	// access rule could not be understood, and a check is never dropped.
	Closed string
	// TLS is how the Target is served over https; the zero value: it is not.
	TLS ServerTLS

	Balance Balance
	Eject   Eject
	Retry   Retry
	Wait    Wait
	Timeout Timeout
	// Drain bounds how long the running requests of a leaving Upstream may
	// last. 0 cancels them at once. DefaultDrain unless a label says so.
	Drain time.Duration

	// Upstreams are the backends known now, in any order. An Upstream that was
	// here before and is missing is gone: its process ended or its address can
	// no longer be reached.
	Upstreams []Upstream
	// Unreachable: somebody asks for the Target, and there is no way to any of
	// its backends. It is answered for, instead of forgotten, but what it
	// matches goes to whoever claims it and can be reached.
	Unreachable bool
}

// Balance names how a Target picks among its ready Upstreams.
type Balance string

// RoundRobin is smooth weighted round-robin, the default.
const RoundRobin Balance = "round-robin"

// Eject says when an Upstream is taken out of the rotation for how it answers. The
// last one in it never is.
type Eject struct {
	// Failures is how many requests in a row it has to fail with: by ending the
	// connection, by not answering in time, by an answer in Statuses. 0: neither
	// for that is it ejected, nor for hanging.
	Failures int
	// Statuses are answers that count as failures. Empty: an answer is an answer.
	Statuses []StatusRange
	// For is how long one is out whose last failure was an answer, and Max what
	// that becomes at most by doubling each time it fails again; a Max of 0 is no
	// bound. After other failures it is back as soon as it answers.
	For, Max time.Duration
}

// Retry says when a request that got no answer is sent to another Upstream.
type Retry struct {
	// Attempts is how many further Upstreams may be tried after a request was
	// written and not answered. Failing to connect is not counted.
	Attempts int
	// Statuses are answers that are treated like none (only for requests that
	// may be repeated). Empty: an answer is an answer.
	Statuses []StatusRange
	// Budget is the share of requests that may be repeats, 0.2 for 20 %; a
	// floor of 10 a second is always allowed. Negative: no bound.
	Budget float64
}

// StatusRange is an inclusive range of HTTP status codes.
type StatusRange struct{ From, To int }

// Wait is the room in which requests are held while no Upstream is ready.
type Wait struct {
	// For bounds how long one request is held, and how long the room stays
	// open after the last ready Upstream left. 0: never hold.
	For time.Duration
	// Max is how many requests may be held at once. 0 or less: no bound of
	// the Target's own (the process has one).
	Max int
}

// Timeout bounds the waits of one request. 0 means off, for all but Dial.
type Timeout struct {
	// Response bounds the time to the response head, all attempts together.
	Response time.Duration
	// Dial bounds one connection attempt; 0 means 250 ms on a local network
	// and 2 s elsewhere.
	Dial time.Duration
	// Idle is how long an unused connection to an Upstream is kept.
	Idle time.Duration
	// Stall bounds the silence inside a body, in either direction. It does
	// not apply to upgraded connections, event streams and gRPC.
	Stall time.Duration
	// Total bounds the whole request.
	Total time.Duration
}

// The defaults of a Target's options, as the label grammar documents them.
const (
	DefaultEject       = 5
	DefaultEjectFor    = 10 * time.Second
	DefaultEjectMax    = 5 * time.Minute
	DefaultRetries     = 2
	DefaultRetryBudget = 0.2
	DefaultWait        = 30 * time.Second
	DefaultWaitMax     = 10_000
	DefaultDrain       = 30 * time.Second
	DefaultResponse    = 60 * time.Second
	DefaultIdle        = 90 * time.Second
	DefaultStall       = 60 * time.Second
	LocalDial          = 250 * time.Millisecond
	RemoteDial         = 2 * time.Second
)

// NewTarget is a Target with every option at its default.
func NewTarget(id string) Target {
	return Target{
		ID:      id,
		Balance: RoundRobin,
		Eject:   Eject{Failures: DefaultEject, For: DefaultEjectFor, Max: DefaultEjectMax},
		Retry:   Retry{Attempts: DefaultRetries, Budget: DefaultRetryBudget},
		Wait:    Wait{For: DefaultWait, Max: DefaultWaitMax},
		Timeout: Timeout{Response: DefaultResponse, Idle: DefaultIdle, Stall: DefaultStall},
		Drain:   DefaultDrain,
		TLS:     ServerTLS{Min: TLS12},
	}
}

// Equal says whether both describe the same thing, Upstreams included.
func (t Target) Equal(o Target) bool {
	return t.EqualDefinition(o) && t.Unreachable == o.Unreachable && slices.EqualFunc(t.Upstreams, o.Upstreams, Upstream.Equal)
}

// EqualDefinition is Equal without the Upstreams: whether what the labels say
// of the Target as a whole is the same.
func (t Target) EqualDefinition(o Target) bool {
	return t.ID == o.ID && t.Source == o.Source && t.Created.Equal(o.Created) && t.Closed == o.Closed &&
		t.Balance == o.Balance && t.Eject.equal(o.Eject) && t.Retry.equal(o.Retry) && t.Wait == o.Wait && t.Timeout == o.Timeout &&
		t.Drain == o.Drain && t.TLS == o.TLS && slices.EqualFunc(t.Matches, o.Matches, Match.Equal)
}

func (e Eject) equal(o Eject) bool {
	return e.Failures == o.Failures && e.For == o.For && e.Max == o.Max && slices.Equal(e.Statuses, o.Statuses)
}

func (r Retry) equal(o Retry) bool {
	return r.Attempts == o.Attempts && r.Budget == o.Budget && slices.Equal(r.Statuses, o.Statuses)
}

// AnyHolds says whether code is in one of the ranges.
func AnyHolds(ranges []StatusRange, code int) bool {
	return slices.ContainsFunc(ranges, func(r StatusRange) bool { return r.Holds(code) })
}

// Holds says whether code is in the range.
func (r StatusRange) Holds(code int) bool { return r.From <= code && code <= r.To }
