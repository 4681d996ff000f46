package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// BenchmarkStartAndKill measures on the engine how fast rota follows it: from a
// container's start event to the first request it gets, and from the kill event
// to the last one. The app listens a few milliseconds after its start, serves
// on while it drains, and reports each request it receives with the time; engine
// and apps read the same clock.
//
//	go test ./e2e -run '^$' -bench . -benchtime 15x
func BenchmarkStartAndKill(b *testing.B) {
	r := newRig(b)
	s := r.setUp(b, r.tools[0], r.appServices("-report-all", "-drain", "300ms"))
	s.scale("web", 2)
	s.awaitRotation("web")
	// More than in the scenarios, for the distance between two requests is
	// what the measurement cannot see below: 2 ms with two replicas.
	requests := startLoad(loadPlan{addr: s.addr, host: r.host("web"), method: http.MethodGet, rate: 1000, timeout: patient})

	var m measured
	for b.Loop() {
		m.add(s.stopAndStart(s.running("web")[0]))
	}
	if failed := failures(requests.stop()); len(failed) > 0 {
		b.Errorf("%d requests failed", len(failed))
	}
	b.ReportMetric(0, "ns/op") // an iteration is mostly the app draining
	m.listening.report(b, "start→listening-ms")
	m.first.report(b, "start→first-ms")
	m.last.report(b, "kill→last-ms")
}

type measured struct{ listening, first, last durations }

func (m *measured) add(listening, first, last time.Duration) {
	m.listening = append(m.listening, listening)
	m.first = append(m.first, first)
	m.last = append(m.last, last)
}

type durations []time.Duration

func (d durations) report(b *testing.B, unit string) {
	slices.Sort(d)
	b.ReportMetric(float64(d[len(d)/2].Microseconds())/1000, unit)
}

// stopAndStart gives, from one life of a replica's to the next, the time from the
// start event to the app's listening and to its first request, and from the kill
// event to its last request.
func (s *stage) stopAndStart(r replica) (listening, first, last time.Duration) {
	begin := time.Now()
	s.collector.forget()
	must(s, s.engine.stop(s.Context(), r.id))
	killed := s.eventOf(r, "kill", begin)
	last = max(0, s.reported(r, "got", killed.Add(-time.Second)).last.Sub(killed))

	s.collector.forget()
	must(s, s.engine.start(s.Context(), r.id))
	started := s.eventOf(r, "start", begin)
	s.awaitRotation("web")
	return s.reported(r, "listening", begin).first.Sub(started), s.reported(r, "got", begin).first.Sub(started), last
}

// eventOf waits for the journal to have it.
func (s *stage) eventOf(r replica, action string, begin time.Time) (at time.Time) {
	s.Helper()
	eventually(s, patient, func() string {
		for _, e := range s.journal.since(begin) {
			if e.container == r.id && e.action == action {
				at = e.at
				return ""
			}
		}
		return "no event " + action
	})
	return at
}

// span is the time of the first and the last report of a kind.
type span struct{ first, last time.Time }

func (s *stage) reported(r replica, kind string, from time.Time) (found span) {
	for _, report := range s.reports() {
		if report.Kind != kind || report.Instance != r.instance() || report.at().Before(from) {
			continue
		}
		if found.first.IsZero() {
			found.first = report.at()
		}
		found.last = report.at()
	}
	if found.first.IsZero() {
		s.Fatalf("%s reported no %s", r.name, kind)
	}
	return found
}
