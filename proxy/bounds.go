package proxy

import (
	"cmp"
	"time"

	"github.com/rota-proxy/rota/proxy/h1"
)

// Bounds of what clients may ask of a Listener, whatever the Targets behind it
// say. Zero values are the defaults.
type Bounds struct {
	// HandshakeTimeout bounds a TLS handshake. Default 10 s.
	HandshakeTimeout time.Duration
	// HeadTimeout bounds the time from the first byte of a request to the end
	// of its head. Default 10 s.
	HeadTimeout time.Duration
	// IdleTimeout is how long a connection may be without a request. Default
	// 120 s.
	IdleTimeout time.Duration
	// Stall is how long a client may send nothing of a body it owes, or take
	// nothing of an answer, where its Target says nothing else. Default 60 s.
	Stall time.Duration
	// HeadBytes and Fields bound the head of a request. Default 64 KiB and 200.
	HeadBytes int
	Fields    int
	// Conns is how many connections are served at once; more are closed right
	// away. Default: what the process's file descriptors allow, if each is to have
	// one to an Upstream.
	Conns int
	// ConnsPerClient is the same for one address. Default none: bridges and load
	// balancers look like one client.
	ConnsPerClient int
}

// The defaults of Bounds.
const (
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultHeadTimeout      = h1.DefaultHeadTimeout
	DefaultIdleTimeout      = h1.DefaultIdleTimeout
	DefaultClientStall      = h1.DefaultStall
	DefaultHeadBytes        = h1.DefaultHeadBytes
	DefaultFields           = h1.DefaultFields
)

func (b Bounds) orDefaults() Bounds {
	b.HandshakeTimeout = cmp.Or(b.HandshakeTimeout, DefaultHandshakeTimeout)
	b.HeadTimeout = cmp.Or(b.HeadTimeout, DefaultHeadTimeout)
	b.IdleTimeout = cmp.Or(b.IdleTimeout, DefaultIdleTimeout)
	b.Stall = cmp.Or(b.Stall, DefaultClientStall)
	b.HeadBytes = cmp.Or(b.HeadBytes, DefaultHeadBytes)
	b.Fields = cmp.Or(b.Fields, DefaultFields)
	b.Conns = cmp.Or(b.Conns, connsAllowed())
	return b
}
