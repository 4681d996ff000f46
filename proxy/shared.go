package proxy

import (
	"sync"
	"sync/atomic"

	"github.com/rota-proxy/rota/proxy/h1"
)

// shared is what all Targets of one Mux have in common.
type shared struct {
	o       Options
	https   atomic.Pointer[httpsEntry] // nil: there is none
	held    atomic.Int64               // requests held in all rooms
	buffers copyBuffers
	// inbounds saves the allocation, see inbound.end.
	inbounds sync.Pool
	dog      h1.Watchdog // of the connections to Upstreams
	probes   turnstile
	closing  sync.WaitGroup // Targets that are being taken down
}

func newShared(o Options) *shared { return &shared{o: o, probes: newTurnstile()} }
