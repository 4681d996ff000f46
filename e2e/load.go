package e2e

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// loadPlan describes a constant load.
type loadPlan struct {
	addr    string // where rota listens
	host    string // the Host header
	method  string // POSTs carry a body
	rate    int    // requests a second
	timeout time.Duration
}

// load sends requests at a constant rate whatever becomes of the ones before
// (open loop): a server that stops answering is asked no less for it. Each
// request is sent once and has an id of its own.
type load struct {
	plan   loadPlan
	client *client

	once     sync.Once
	stopping chan struct{}
	sender   sync.WaitGroup // the one goroutine that keeps the rate
	flying   sync.WaitGroup // one for each request without an answer

	mu   sync.Mutex
	sent []*sent
}

// sent is one request and what came of it.
type sent struct {
	id       string
	start    time.Time
	late     time.Duration // how much later than the rate asked for
	end      time.Time
	instance string // the container that answered
	failure  string // empty when it was answered with 200
	status   int    // 0 when no answer came
}

func startLoad(plan loadPlan) *load {
	l := &load{plan: plan, client: newClient(plan.addr, plan.timeout), stopping: make(chan struct{})}
	l.sender.Go(l.keepRate)
	return l
}

// stop ends the load, waits for the answers that are due and gives every
// request that was sent. A second call gives the same.
func (l *load) stop() []*sent {
	l.once.Do(func() { close(l.stopping) })
	l.sender.Wait()
	l.flying.Wait()
	l.client.close()
	return l.sent
}

func (l *load) keepRate() {
	begin := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		due := begin.Add(time.Duration(n) * time.Second / time.Duration(l.plan.rate))
		timer.Reset(time.Until(due))
		select {
		case <-l.stopping:
			return
		case <-timer.C:
			l.launch(n, due)
		}
	}
}

func (l *load) launch(n int, due time.Time) {
	now := time.Now()
	s := &sent{id: fmt.Sprintf("%s-%d", l.plan.method, n), start: now, late: now.Sub(due)}
	l.mu.Lock()
	l.sent = append(l.sent, s)
	l.mu.Unlock()
	l.flying.Go(func() { l.send(s) })
}

func (l *load) send(s *sent) {
	got, err := l.client.do(l.request(s.id))
	l.mu.Lock()
	defer l.mu.Unlock()
	s.end, s.status = time.Now(), got.status
	switch {
	case err != nil:
		s.failure = err.Error()
	case got.status != http.StatusOK:
		s.failure = fmt.Sprintf("%d %s %s", got.status, got.reason, strings.TrimSpace(got.body))
	default:
		s.instance = got.body
	}
}

func (l *load) request(id string) *http.Request {
	var body io.Reader
	if l.plan.method == http.MethodPost {
		body = strings.NewReader("order " + id)
	}
	r, err := http.NewRequest(l.plan.method, "http://"+l.plan.host+"/", body)
	if err != nil {
		panic(err) // a plan that is no request is a mistake in the test
	}
	r.Header.Set("E2e-Id", id)
	return r
}

// failures are the requests that were not answered with 200.
func failures(all []*sent) []*sent {
	var failed []*sent
	for _, s := range all {
		if s.failure != "" {
			failed = append(failed, s)
		}
	}
	return failed
}

// outstanding says whether the request was sent and had no answer at some moment
// between the two.
func (s *sent) outstanding(from, to time.Time) bool {
	return s.start.Before(to) && s.end.After(from)
}

// describe lists requests for people, from the moment begin on.
func describe(some []*sent, begin time.Time) string {
	const most = 12
	var b strings.Builder
	for i, s := range some {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(some)-most)
			break
		}
		fmt.Fprintf(&b, "\n  %s at %.3fs for %.3fs: %s", s.id, s.start.Sub(begin).Seconds(), s.end.Sub(s.start).Seconds(), s.failure)
	}
	return b.String()
}

// summary is one line about a load that has ended.
func summary(all []*sent) string {
	if len(all) == 0 {
		return "nothing sent"
	}
	took := make([]time.Duration, len(all))
	var late time.Duration
	for i, s := range all {
		took[i] = s.end.Sub(s.start)
		late = max(late, s.late)
	}
	slices.Sort(took)
	failed := len(failures(all))
	return fmt.Sprintf("%d sent, %d answered, %d failed; took %s in the middle, %s at most; sent %s late at most",
		len(all), len(all)-failed, failed, round(took[len(took)/2]), round(took[len(took)-1]), round(late))
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
