package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// scenario is something that happens to the replicas of a service while
// requests come.
type scenario struct {
	name     string
	service  string
	replicas int // at its beginning
	happens  func(*stage)
}

func scenarios() []scenario {
	return []scenario{
		{"scale 1 to 5 to 2", "web", 1, scaleUpAndDown},
		{"restart each of 3", "web", 3, restartEach},
		{"kill one of 3", "web", 3, killOne},
		{"recreate 3", "web", 3, recreate(3)},
		{"recreate a single one", "web", 1, recreate(1)},
		{"pause one of 3", "web", 3, pauseOne},
		{"one of 3 turns unhealthy", "checked", 3, turnUnhealthy},
		{"engine out of reach", "web", 3, loseTheEngine},
	}
}

// TestNoRequestIsLost plays every scenario under 300 GET and 300 POST a second,
// with an app that starts and on SIGTERM exits at once, and with one that takes
// its time for both.
func TestNoRequestIsLost(t *testing.T) {
	r := newRig(t)
	apps := []struct {
		name string
		args []string
	}{
		{"exits at once", nil},
		{"drains", []string{"-drain", "2s", "-start-delay", "300ms"}},
	}
	for _, app := range apps {
		t.Run(app.name, func(t *testing.T) {
			s := r.setUp(t, r.tools[0], r.appServices(app.args...))
			for _, sc := range scenarios() {
				t.Run(sc.name, func(t *testing.T) { s.on(t).play(sc) })
			}
		})
	}
}

// appServices are one service without and one with a HEALTHCHECK.
func (r *rig) appServices(args ...string) func(string) map[string]service {
	return func(collector string) map[string]service {
		// Some POSTs are always under way, or there would be none to lose.
		command := append([]string{"-collector", collector, "-work", "5ms"}, args...)
		return map[string]service{
			"web": {Image: r.appImage, Command: command, Labels: map[string]string{"rota.host": r.host("web")}},
			"checked": {Image: r.appImage, Command: command, Labels: map[string]string{"rota.host": r.host("checked")},
				Healthcheck: &healthcheck{Test: []string{"CMD", "/app", "check"}, Interval: "1s", Timeout: "1s", Retries: 1}},
		}
	}
}

// play puts a scenario under load and judges what became of the requests.
func (s *stage) play(sc scenario) {
	s.Helper()
	s.scale(sc.service, sc.replicas)
	// The next scenario has replicas of its own.
	s.Cleanup(func() { must(s, s.project.scale(context.Background(), sc.service, 0, "-t", "0")) })
	s.awaitRotation(sc.service)
	s.collector.forget()

	begin := time.Now()
	gets := s.startLoad(sc.service, http.MethodGet)
	posts := s.startLoad(sc.service, http.MethodPost)
	dwell(s, time.Second)
	sc.happens(s)
	dwell(s, time.Second)
	gotten, posted := gets.stop(), posts.stop()

	s.Logf("GET:  %s", summary(gotten))
	if failed := failures(gotten); len(failed) > 0 {
		s.Errorf("%d of %d GETs failed:%s", len(failed), len(gotten), describe(failed, begin))
	}
	s.judge(posted, begin)
	if s.Failed() {
		s.tellEvents(begin)
	}
}

func (s *stage) startLoad(service, method string) *load {
	l := startLoad(loadPlan{addr: s.addr, host: s.host(service), method: method, rate: rate, timeout: patient})
	s.Cleanup(func() { l.stop() }) // a scenario that breaks off leaves it running
	return l
}

func (s *stage) judge(posted []*sent, begin time.Time) {
	s.Helper()
	deaths := s.collector.deaths()
	v := judgePosts(posted, s.reports(), deaths)
	s.Logf("POST: %s; %d of the failed were at a process when it died, %d processes died", summary(posted), len(v.excused), len(deaths))
	if len(v.unseen) > 0 {
		s.Errorf("%d answered POSTs were reported by nobody, %s first: nothing can be said", len(v.unseen), v.unseen[0])
	}
	if len(v.twice) > 0 {
		s.Errorf("%d POSTs were received twice: %s", len(v.twice), strings.Join(v.twice, " "))
	}
	if len(v.lost) > 0 {
		s.Errorf("%d of %d POSTs failed without need:%s", len(v.lost), len(posted), describe(v.lost, begin))
	}
}

// tellEvents says when what happened, to be held beside the failures.
func (s *stage) tellEvents(begin time.Time) {
	for _, e := range s.journal.since(begin) {
		if !strings.HasPrefix(e.action, "exec_") {
			s.Logf("at %.3fs %s %s %s", e.at.Sub(begin).Seconds(), e.container[:12], e.action, e.signal)
		}
	}
}

func scaleUpAndDown(s *stage) {
	s.scale("web", 5)
	s.awaitRotation("web")
	s.scale("web", 2)
	s.awaitRotation("web")
}

func restartEach(s *stage) {
	for _, r := range s.running("web") {
		must(s, s.engine.restart(s.Context(), r.id))
		s.awaitRotation("web")
	}
}

func killOne(s *stage) {
	must(s, s.engine.kill(s.Context(), s.running("web")[0].id))
	s.awaitRotation("web")
}

// recreate replaces n replicas, with every compose tool there is: they take the
// old ones away in different orders.
func recreate(n int) func(*stage) {
	return func(s *stage) {
		for _, tool := range s.tools {
			p := s.project
			p.tool = tool
			must(s, p.scale(s.Context(), "web", n, "--force-recreate"))
			s.awaitRotation("web")
		}
	}
}

func pauseOne(s *stage) {
	paused := s.running("web")[0]
	must(s, s.engine.pause(s.Context(), paused.id))
	s.awaitRotation("web", paused)
	dwell(s, 2*time.Second)
	must(s, s.engine.unpause(s.Context(), paused.id))
	s.awaitRotation("web")
}

func turnUnhealthy(s *stage) {
	sick := s.running("checked")[0]
	s.setHealth(sick, "false")
	s.awaitRotation("checked", sick)
	s.setHealth(sick, "true")
	s.awaitRotation("checked")
}

func (s *stage) setHealth(r replica, ok string) {
	c := newClient(r.ip+":8080", patient)
	defer c.close()
	request, err := http.NewRequestWithContext(s.Context(), http.MethodPut, "http://"+r.name+"/health?ok="+ok, nil)
	must(s, err)
	_, err = c.do(request)
	must(s, err)
}

// loseTheEngine lets replicas change for 10 s while rota cannot know it: one is
// restarted, one is killed and returns by scaling, two are new.
func loseTheEngine(s *stage) {
	must(s, s.socket.cut())
	back := time.Now().Add(10 * time.Second)
	replicas := s.running("web")
	must(s, s.engine.restart(s.Context(), replicas[0].id))
	must(s, s.engine.kill(s.Context(), replicas[1].id))
	s.scale("web", 5)
	dwell(s, time.Until(back))
	must(s, s.socket.restore())
	s.awaitRotation("web")
}
