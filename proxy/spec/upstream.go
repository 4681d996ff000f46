package spec

import "fmt"

// Upstream describes one backend of a Target.
type Upstream struct {
	// ID tells this backend from every other and from its own earlier lives:
	// engine, container id, start time and address. A restart is a new ID.
	ID string
	// Container is the id under which requests are counted across restarts.
	Container string
	// Name is for people: `shop-web-1`, or the address.
	Name string

	Scheme Scheme
	// Address is host:port. A container always has an IP address; a file and
	// the library may give a name.
	Address string
	// Local says that Address is on a network of this machine, where a
	// connection is accepted or refused at once.
	Local bool
	// Relayed says that something in between accepts connections whether or
	// not the backend does, as the engine does on published ports.
	Relayed bool
	// Base is a path and query (`/base?x=1`) put in front of the request's.
	// Empty and "/" mean nothing.
	Base string
	// Weight is the share of requests; 0 means no new ones.
	Weight int
	// HostHeader is what the backend sees as Host: HostKeep, HostUpstream or a
	// literal.
	HostHeader string
	// TLS applies to the scheme https.
	TLS TLS

	Phase Phase
}

// Scheme is the protocol spoken to an Upstream.
type Scheme string

// The schemes an Upstream may have. Empty means HTTP.
const (
	HTTP  Scheme = "http"
	HTTPS Scheme = "https"
	H2C   Scheme = "h2c"
)

// The words HostHeader knows besides a literal.
const (
	HostKeep     = "keep"
	HostUpstream = "upstream"
)

// TLS is how an https Upstream is verified.
type TLS struct {
	// Name is the name the certificate must be valid for.
	Name string
	// SkipVerify accepts any certificate.
	SkipVerify bool
	// Certificate names a client certificate in the proxy's store.
	Certificate string
}

// Phase is what the engine knows of an Upstream. Whether it is ready for
// requests the proxy finds out itself.
type Phase uint8

const (
	// Running: nothing speaks against it; the proxy connects to it and uses it
	// once it accepts.
	Running Phase = iota
	// Assumed is ready without having been connected to first: a backend that
	// somebody named by hand.
	Assumed
	// Checking: the engine's HEALTHCHECK has not come to a result yet.
	Checking
	// Unhealthy: the engine's HEALTHCHECK failed.
	Unhealthy
	// Signalled: it was told to stop. It gets no new requests, finishes those
	// it has, and may still accept for a while.
	Signalled
	// Paused: its processes are frozen; the kernel accepts connections that
	// nobody answers.
	Paused
)

func (p Phase) String() string {
	switch p {
	case Running:
		return "running"
	case Assumed:
		return "assumed"
	case Checking:
		return "checking"
	case Unhealthy:
		return "unhealthy"
	case Signalled:
		return "signalled"
	case Paused:
		return "paused"
	}
	return fmt.Sprintf("phase(%d)", uint8(p))
}

// Equal says whether both describe the same backend in the same phase.
func (u Upstream) Equal(o Upstream) bool { return u == o }

// SameConnection says whether connections made under one description are good
// under the other: only phase, weight and what is written into requests differ.
func (u Upstream) SameConnection(o Upstream) bool {
	return u.ID == o.ID && u.Scheme == o.Scheme && u.Address == o.Address && u.TLS == o.TLS
}
