package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/proxy/h1"
	"github.com/rota-proxy/rota/proxy/spec"
)

// Why running attempts are cancelled when their Upstream leaves.
var (
	errUpstreamGone   = errors.New("the Upstream is gone")
	errUpstreamPaused = errors.New("the Upstream is paused")
	errDrained        = errors.New("the time to drain is over")
)

// goneGrace is how long a dead Upstream's unanswered requests wait for what it
// may have sent before it died.
const goneGrace = 250 * time.Millisecond

// Upstreams is the set of backends of one Target: who is in rotation, who is
// on the way there and who is leaving. Picking takes no lock.
type Upstreams struct {
	log         zerolog.Logger
	certificate func(string) (*tls.Certificate, error)
	room        *room
	dog         *h1.Watchdog
	beat        *h1.Beat // calls look
	probes      turnstile
	vitals      vitals

	ready atomic.Pointer[rotation]
	turns atomic.Uint64 // survives every change of the set
	// weightless: all there are, ready or not, have weight 0.
	weightless atomic.Bool

	ctx    context.Context // of probes and drains
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex
	drain     time.Duration
	ejection  spec.Eject
	members   map[string]*Upstream
	leaving   map[*Upstream]struct{}
	tallies   map[string]*atomic.Uint64 // requests by container id
	lastReady time.Time                 // when the last ready one left; zero: none was
	looked    uint64                    // answers when look was called last
}

func newUpstreams(log zerolog.Logger, certificate func(string) (*tls.Certificate, error), r *room, dog *h1.Watchdog, probes turnstile) *Upstreams {
	s := &Upstreams{
		dog:         dog,
		probes:      probes,
		log:         log,
		certificate: certificate,
		room:        r,
		members:     map[string]*Upstream{},
		leaving:     map[*Upstream]struct{}{},
		tallies:     map[string]*atomic.Uint64{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.ready.Store(&rotation{})
	s.beat = dog.NewBeat(s.look)
	r.lastResort = s.lastResort
	return s
}

// pick is the next Upstream in rotation that the request has not been to; nil
// when there is none. One that has fallen behind loses its turn.
func (s *Upstreams) pick(tried []*Upstream) *Upstream {
	u := s.next(tried)
	if u == nil || !s.lags(u, tried) {
		return u
	}
	for range s.candidates(tried) - 1 {
		if u = s.next(tried); u != nil && !s.lags(u, tried) {
			return u
		}
	}
	return s.idlest(tried)
}

func (s *Upstreams) next(tried []*Upstream) *Upstream {
	ready, n := s.ready.Load(), s.turns.Add(1)-1
	if len(tried) == 0 {
		return ready.turn(n)
	}
	return ready.turnExcept(n, tried)
}

// candidates is how many could be picked by who has been to tried.
func (s *Upstreams) candidates(tried []*Upstream) int {
	ready, n := s.ready.Load(), 0
	if len(tried) == 0 {
		return ready.weighted
	}
	for _, u := range ready.members {
		if u.weight() > 0 && !contains(tried, u) {
			n++
		}
	}
	return n
}

// apply makes the set what the definition says: new Upstreams start, those not
// named any more leave, all others stay as they are but for what changed.
func (s *Upstreams) apply(def *spec.Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drain, s.ejection = def.Drain, def.Eject
	named := make(map[string]bool, len(def.Upstreams))
	for i := range def.Upstreams {
		d := def.Upstreams[i]
		named[d.ID] = true
		u := s.members[d.ID]
		if u != nil && !u.spec.Load().SameConnection(d) {
			s.leave(u)
			u = nil
		}
		if u == nil {
			s.join(d, def.Timeout.Idle)
			continue
		}
		s.update(u, d, def.Timeout.Idle)
	}
	for id, u := range s.members {
		if !named[id] {
			s.leave(u)
		}
	}
	s.forgetTallies()
	s.publish()
}

// join adds a new Upstream.
func (s *Upstreams) join(d spec.Upstream, idle time.Duration) {
	u := &Upstream{
		dialer:   newDialer(d.Address, d.Scheme == spec.H2C),
		requests: s.tally(d.Container),
		since:    time.Now(),
	}
	u.spec.Store(&d)
	s.members[d.ID] = u
	s.equip(u, idle)
	s.settle(u)
}

// update carries a changed description over to a live Upstream.
func (s *Upstreams) update(u *Upstream, d spec.Upstream, idle time.Duration) {
	before := u.spec.Swap(&d)
	faulty := u.fault != nil
	if u.idle != idle || faulty {
		s.equip(u, idle)
	}
	if before.Phase != d.Phase || faulty {
		s.settle(u)
	}
}

// equip gives the Upstream its connections; those it had run out.
func (s *Upstreams) equip(u *Upstream, idle time.Duration) {
	w, err := s.newCarrier(u, idle)
	u.idle, u.fault = idle, err
	if err != nil {
		s.log.Error().Err(err).Str("upstream", u.name()).Msg("upstream cannot be used")
		return
	}
	if old := u.carrier.Swap(&w); old != nil {
		(*old).retire()
	}
}

func (s *Upstreams) newCarrier(u *Upstream, idle time.Duration) (carrier, error) {
	d := u.spec.Load()
	if d.Scheme == spec.HTTPS || d.Scheme == spec.H2C {
		return s.newStdCarrier(u, *d, idle)
	}
	return s.newOwnCarrier(u, idle), nil
}

// settle brings an Upstream where its phase puts it.
func (s *Upstreams) settle(u *Upstream) {
	if u.fault != nil {
		s.enter(u, spec.Resting)
		return
	}
	switch u.spec.Load().Phase {
	case spec.Running:
		s.startProbe(u, spec.Starting)
	case spec.Assumed:
		s.enter(u, spec.Ready)
	case spec.Checking:
		s.enter(u, spec.Starting)
	case spec.Unhealthy:
		s.enter(u, spec.Resting)
		u.dialer.giveUp()
	case spec.Paused:
		s.enter(u, spec.Resting)
		u.dialer.giveUp()
		u.cut(errUpstreamPaused, repeatable)
	case spec.Signalled:
		s.enter(u, spec.Draining)
		u.dialer.giveUp()
		u.closeIdle()
		u.drain = time.AfterFunc(s.drain, func() { u.cut(errDrained, every) })
	}
}

// enter changes the state; whatever belonged to the state before ends.
func (s *Upstreams) enter(u *Upstream, state spec.State) {
	if u.stopProbe != nil {
		u.stopProbe()
		u.stopProbe = nil
	}
	if u.drain != nil {
		u.drain.Stop()
		u.drain = nil
	}
	if u.state == state && !u.since.IsZero() {
		return
	}
	u.state, u.since, u.ailment = state, time.Now(), ailment{}
	u.pulse.out.Store(false)
	s.log.Debug().Str("upstream", u.name()).Stringer("state", state).Msg("upstream changed state")
}

// startProbe connects until the Upstream accepts.
func (s *Upstreams) startProbe(u *Upstream, state spec.State) {
	s.enter(u, state)
	ctx, stop := context.WithCancel(s.ctx)
	u.stopProbe = stop
	s.wg.Go(func() { s.probe(ctx, u) })
}

// accepted is called by a probe that was let in.
func (s *Upstreams) accepted(ctx context.Context, u *Upstream, conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil { // something else became of it meanwhile
		conn.Close()
		return
	}
	if s.probes.crowded() {
		conn.Close() // thousands kept for a second would leave no descriptors
	} else {
		u.dialer.keepWarm(conn)
	}
	u.pulse.failures.Store(0)
	s.forgive(u)
	s.enter(u, spec.Ready)
	s.publish()
}

// refused is called for every request that could not connect. The Upstream is
// out until it accepts again, which costs nobody a request: if it is the only
// one, requests are held until then.
func (s *Upstreams) refused(u *Upstream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.state != spec.Ready {
		return
	}
	s.startProbe(u, spec.Ejected)
	s.publish()
	s.log.Warn().Str("upstream", u.name()).Str("address", u.spec.Load().Address).Msg("upstream does not accept connections")
}

// leave takes an Upstream out for good. What it was asked and has not answered
// is cut after a moment, answers that have begun may go on for the drain time.
func (s *Upstreams) leave(u *Upstream) {
	was, limit := u.state, s.drain
	if was == spec.Draining {
		limit = max(0, limit-time.Since(u.since))
	}
	s.enter(u, spec.Gone)
	delete(s.members, u.spec.Load().ID)
	u.departed.Store(true)
	s.leaving[u] = struct{}{}
	u.dialer.giveUp()
	u.retire()
	s.log.Debug().Str("upstream", u.name()).Stringer("was", was).Msg("upstream left")
	s.wg.Go(func() { s.seeOff(u, limit) })
}

// seeOff waits for a leaving Upstream's last requests.
func (s *Upstreams) seeOff(u *Upstream, limit time.Duration) {
	drained := u.whenDrained()
	await(s.ctx, drained, goneGrace)
	u.cut(errUpstreamGone, unanswered)
	await(s.ctx, drained, limit)
	u.cut(errDrained, every)
	<-drained
	u.closeIdle()
	s.mu.Lock()
	delete(s.leaving, u)
	s.mu.Unlock()
}

// await returns when done is closed, at the latest after limit or with ctx.
func await(ctx context.Context, done <-chan struct{}, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// publish shows readers and the room the set as it is now.
func (s *Upstreams) publish() {
	var ready []*Upstream
	starting, weightless := false, len(s.members) > 0
	for _, u := range s.sorted() {
		weightless = weightless && u.weight() == 0
		switch u.state {
		case spec.Ready:
			ready = append(ready, u)
		case spec.Starting:
			starting = true
		}
	}
	next := newRotation(ready)
	before := s.ready.Swap(next)
	if len(next.slots) == 0 && len(before.slots) > 0 {
		s.lastReady = time.Now()
	}
	s.weightless.Store(weightless)
	s.room.update(next, starting, s.lastReady)
}

// sorted lists the members in an order that does not depend on chance.
func (s *Upstreams) sorted() []*Upstream {
	list := make([]*Upstream, 0, len(s.members))
	for _, u := range s.members {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b *Upstream) int {
		return cmp.Or(cmp.Compare(a.name(), b.name()), cmp.Compare(a.spec.Load().ID, b.spec.Load().ID))
	})
	return list
}

// lastResort is an Upstream for a request that has been held for so long that a
// doubtful one is better than none. Never one that is paused or gone.
func (s *Upstreams) lastResort(held time.Duration, safe bool, tried []*Upstream) *Upstream {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, rank := (*Upstream)(nil), 0
	for _, u := range s.sorted() {
		drained := u.state == spec.Draining && time.Since(u.since) >= s.drain
		if r := u.resort(held, safe); r > rank && !drained && !contains(tried, u) {
			best, rank = u, r
		}
	}
	return best
}

// After how long a hold which doubtful Upstreams are tried. One that was told to
// stop is either gone by then, as the engine is about to say, or it goes on
// serving for a while and may as well serve what does no harm.
const (
	resortSignalled = 100 * time.Millisecond
	resortDoubtful  = 5 * time.Second
)

// resort ranks a doubtful Upstream for a held request; 0 means not yet.
func (u *Upstream) resort(held time.Duration, safe bool) int {
	phase := u.spec.Load().Phase
	switch {
	case u.fault != nil || u.weight() == 0:
		return 0
	case phase == spec.Signalled && safe && held >= resortSignalled:
		return 4
	case held < resortDoubtful:
		return 0
	case phase == spec.Checking:
		return 3
	case phase == spec.Unhealthy, u.state == spec.Ejected:
		return 2
	}
	return 0
}

// tally is the counter of a container, shared by all its lives.
func (s *Upstreams) tally(container string) *atomic.Uint64 {
	t := s.tallies[container]
	if t == nil {
		t = new(atomic.Uint64)
		s.tallies[container] = t
	}
	return t
}

// keptTallies bounds how many counters of containers that are gone are kept.
const keptTallies = 256

func (s *Upstreams) forgetTallies() {
	if len(s.tallies) <= len(s.members)+keptTallies {
		return
	}
	kept := make(map[string]*atomic.Uint64, len(s.members))
	for _, u := range s.members {
		kept[u.spec.Load().Container] = u.requests
	}
	s.tallies = kept
}

// status describes all Upstreams, those that are leaving included.
func (s *Upstreams) status() []spec.UpstreamStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]spec.UpstreamStatus, 0, len(s.members)+len(s.leaving))
	for _, u := range s.sorted() {
		list = append(list, u.status())
	}
	for u := range s.leaving {
		if st := u.status(); st.InFlight > 0 {
			list = append(list, st)
		}
	}
	return list
}

func (u *Upstream) status() spec.UpstreamStatus {
	d := u.spec.Load()
	return spec.UpstreamStatus{
		ID: d.ID, Container: d.Container, Name: d.Name, Address: d.Address, Weight: d.Weight,
		State: u.state, Since: u.since, Reason: u.reason(),
		InFlight: int64(u.inFlight()), Requests: u.requests.Load(),
	}
}

// reason says for people why an Upstream is not ready.
func (u *Upstream) reason() string {
	d := u.spec.Load()
	_, port, _ := net.SplitHostPort(d.Address)
	lasting := seconds(time.Since(u.since))
	switch {
	case u.fault != nil:
		return u.fault.Error()
	case u.state == spec.Ready && d.Weight == 0:
		return "weight 0: no new requests"
	case u.state == spec.Starting && d.Phase == spec.Checking:
		return "HEALTHCHECK has not succeeded yet"
	case u.state == spec.Starting, u.state == spec.Ejected:
		return fmt.Sprintf("port %s %s for %s", port, u.ailment.says(), lasting)
	case u.state == spec.Resting:
		return "engine says " + d.Phase.String()
	case u.state == spec.Draining:
		return fmt.Sprintf("told to stop %s ago", lasting)
	case u.state == spec.Gone:
		return "gone, finishing its last requests"
	}
	return ""
}

// seconds is how people read a time: `12 s`.
func seconds(d time.Duration) string { return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds())) }

// close ends all of it: probes stop, running attempts are cut.
func (s *Upstreams) close() {
	s.mu.Lock()
	s.cancel()
	s.beat.End()
	for _, u := range s.members {
		s.leave(u)
	}
	s.publish()
	s.mu.Unlock()
	s.wg.Wait()
}

// any is some Upstream, the least doubtful first; nil when there is none.
func (s *Upstreams) any() *Upstream {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.sorted()
	if len(list) == 0 {
		return nil
	}
	return slices.MinFunc(list, func(a, b *Upstream) int { return cmp.Compare(a.state, b.state) })
}
