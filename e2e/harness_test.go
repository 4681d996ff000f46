package e2e

import (
	"net"
	"net/http"
	"testing"
	"time"
)

// TestLossesAreNoticed plays a restart without rota in front: a count that is 0
// there would be worth nothing.
func TestLossesAreNoticed(t *testing.T) {
	r := newRig(t)
	s := &stage{rig: r, TB: t, project: project{tool: r.tools[0], name: r.projectName(t)}}
	s.watch()
	path, err := composeFile{Services: r.appServices()(s.collector.port())}.write(t.TempDir())
	must(t, err)
	s.project.file = path
	t.Cleanup(s.tearDown)
	s.scale("web", 1)
	alone := s.running("web")[0]
	s.addr = net.JoinHostPort(alone.ip, "8080")
	s.awaitRotation("web")

	begin := time.Now()
	gets, posts := s.startLoad("web", http.MethodGet), s.startLoad("web", http.MethodPost)
	dwell(t, time.Second)
	must(t, s.engine.restart(t.Context(), alone.id))
	s.awaitRotation("web")
	gotten, posted := gets.stop(), posts.stop()

	t.Logf("GET:  %s", summary(gotten))
	t.Logf("POST: %s", summary(posted))
	if len(failures(gotten)) == 0 {
		t.Error("no GET was lost")
	}
	deaths := s.collector.deaths()
	if v := judgePosts(posted, s.reports(), deaths); len(v.lost) == 0 || len(v.twice) > 0 || len(v.unseen) > 0 {
		t.Errorf("of the POSTs %d were lost, %d received twice, %d unseen", len(v.lost), len(v.twice), len(v.unseen))
	}
	var actions []string
	for _, e := range s.journal.since(begin) {
		if e.container == alone.id {
			actions = append(actions, e.action)
		}
	}
	t.Logf("the engine said %q, %d processes died", actions, len(deaths))
	if len(deaths) != 1 || len(actions) == 0 || actions[0] != "kill" {
		t.Error("a restart is not seen as one")
	}
}
