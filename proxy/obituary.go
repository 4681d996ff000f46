package proxy

import (
	"sync"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

const (
	// maxObituaries bounds how many hosts are remembered after their Target
	// was forgotten, and obituaryFor for how long.
	maxObituaries = 1000
	obituaryFor   = time.Hour
)

// obituaries remembers which hosts had a Target until lately, so that a 404 can
// say that there was one.
type obituaries struct {
	mu   sync.Mutex
	died map[string]time.Time // by exact host
}

func newObituaries() *obituaries { return &obituaries{died: map[string]time.Time{}} }

// note remembers the exact hosts among matches.
func (o *obituaries) note(matches []spec.Match, died time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range matches {
		if m.Host.Kind != spec.ExactHost {
			continue
		}
		if len(o.died) >= maxObituaries {
			o.dropOldest()
		}
		o.died[m.Host.Pattern] = died
	}
}

func (o *obituaries) dropOldest() {
	oldest := ""
	for host, died := range o.died {
		if oldest == "" || died.Before(o.died[oldest]) {
			oldest = host
		}
	}
	delete(o.died, oldest)
}

// find says how long ago the host's last container went away.
func (o *obituaries) find(host string) (ago time.Duration, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	died, found := o.died[host]
	ago = time.Since(died)
	if found && ago > obituaryFor {
		delete(o.died, host)
		return 0, false
	}
	return ago, found
}
