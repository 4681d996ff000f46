package discovery

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The labels compose writes on everything it creates.
const (
	labelProject = "com.docker.compose.project"
	labelService = "com.docker.compose.service"
	labelOneOff  = "com.docker.compose.oneoff"
)

// The engine's words for the states that matter here.
const (
	stateRunning = "running"
	statePaused  = "paused"
	stateExited  = "exited"
)

// defaultStopTimeout is what an engine waits between the stop signal and KILL
// for a container that says nothing else.
const defaultStopTimeout = 10 * time.Second

// container is what matters of the engine's description of one container. It
// is a value: whoever changes one changes a copy.
type container struct {
	ID          string
	Name        string // without the leading slash
	Image       string
	Hostname    string
	Labels      map[string]string
	Created     time.Time
	StartedAt   time.Time // zero: never started
	State       string    // in the engine's words
	Health      string    // starting, healthy, unhealthy; empty without HEALTHCHECK
	NetworkMode string    // bridge, host, none, container:X, or a network's name
	Networks    []attachment
	Exposed     []uint16 // TCP ports the image or the run declares, sorted
	Published   []publication
	StopSignal  string        // as written; empty: TERM
	StopTimeout time.Duration // defaultStopTimeout unless the container says else
}

// attachment is a container's place on one network.
type attachment struct {
	Name    string
	ID      string
	IPv4    netip.Prefix // address and length; invalid when there is none
	IPv6    netip.Prefix
	Gateway netip.Addr // IPv4; invalid on internal networks
}

// publication is one published TCP port.
type publication struct {
	Port     uint16     // the container's
	HostIP   netip.Addr // unspecified: every address of the host
	HostPort uint16
}

func (c container) project() string { return c.Labels[labelProject] }

// service is the compose service, or the name for everything else.
func (c container) service() string {
	if s := c.Labels[labelService]; s != "" {
		return s
	}
	return c.Name
}

// oneOff says whether it was made by `compose run`: it carries its service's
// labels and is not meant to serve.
func (c container) oneOff() bool { return strings.EqualFold(c.Labels[labelOneOff], "true") }

// alive says whether it has processes: frozen ones count.
func (c container) alive() bool { return c.State == stateRunning || c.State == statePaused }

// onHost says whether it lives on the host's own network.
func (c container) onHost() bool { return c.NetworkMode == "host" }

// sharesWith is the container (id or name) whose network this one lives on, or
// empty.
func (c container) sharesWith() string {
	owner, found := strings.CutPrefix(c.NetworkMode, "container:")
	if !found {
		return ""
	}
	return owner
}

// address is the attachment's own address: IPv4, else global IPv6.
func (a attachment) address() netip.Addr {
	if a.IPv4.IsValid() {
		return a.IPv4.Addr()
	}
	if a.IPv6.IsValid() {
		return a.IPv6.Addr()
	}
	return netip.Addr{}
}

// same says whether both are places on one network.
func (a attachment) same(b attachment) bool {
	if a.ID != "" && b.ID != "" {
		return a.ID == b.ID
	}
	return a.Name == b.Name
}

// without is c after it left a network, as a disconnect event names it.
func (c container) without(id, name string) container {
	gone := attachment{ID: id, Name: name}
	c.Networks = slices.DeleteFunc(slices.Clone(c.Networks), func(a attachment) bool { return a.same(gone) })
	return c
}

// sortAttachments puts networks in order of name, so that a choice among them
// never depends on the order of a map.
func sortAttachments(all []attachment) {
	slices.SortFunc(all, func(a, b attachment) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
}

// sortPublications puts published ports in order of preference: IPv4 before
// IPv6, what listens everywhere or on loopback before one outer address, low
// host ports first.
func sortPublications(all []publication) {
	slices.SortFunc(all, func(a, b publication) int {
		return cmp.Or(
			cmp.Compare(a.Port, b.Port),
			cmp.Compare(a.rank(), b.rank()),
			cmp.Compare(a.HostPort, b.HostPort),
			a.HostIP.Compare(b.HostIP),
		)
	})
}

func (p publication) rank() int {
	rank := 0
	if p.HostIP.Is6() {
		rank += 2
	}
	if !p.HostIP.IsUnspecified() && !p.HostIP.IsLoopback() {
		rank++
	}
	return rank
}
