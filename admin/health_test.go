package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/discovery"
)

func TestHealthDoesNotDependOnEngines(t *testing.T) {
	addr := start(t, Options{Engines: []Engine{fixedEngine{}}})
	var health Health
	fetch(t, addr, pathHealth, http.StatusOK, &health)
	if health.Status != "ok" {
		t.Errorf("status is %q", health.Status)
	}
}

func TestReadyOnceEveryEngineWasRead(t *testing.T) {
	now := time.Now()
	lost := discovery.EngineStatus{Name: "b", Synced: true, StaleSince: now.Add(-time.Minute), LastSync: now.Add(-2 * time.Minute)}
	followed := discovery.EngineStatus{Name: "a", Synced: true, Reachable: true, LastSync: now}
	unread := discovery.EngineStatus{Name: "c"}
	cases := map[string]struct {
		engines []discovery.EngineStatus
		want    int
	}{
		"none":                  {nil, 200},
		"read and followed":     {[]discovery.EngineStatus{followed}, 200},
		"read, lost since":      {[]discovery.EngineStatus{followed, lost}, 200},
		"one of two not read":   {[]discovery.EngineStatus{followed, unread}, 503},
		"never reached":         {[]discovery.EngineStatus{unread}, 503},
		"reached, being listed": {[]discovery.EngineStatus{{Name: "d", Reachable: true}}, 503},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var engines []Engine
			for _, status := range c.engines {
				engines = append(engines, fixedEngine{status: status})
			}
			addr := start(t, Options{Engines: engines})
			var readiness Readiness
			fetch(t, addr, pathReady, c.want, &readiness)
			if readiness.Ready != (c.want == 200) || len(readiness.Engines) != len(c.engines) {
				t.Errorf("the body says %+v", readiness)
			}
		})
	}
}

func TestReadySaysHowStaleAnEngineIs(t *testing.T) {
	since := time.Now().Add(-time.Minute).Truncate(time.Second)
	addr := start(t, Options{Engines: []Engine{fixedEngine{status: discovery.EngineStatus{
		Name: "docker", Host: "tcp://10.1.2.3:2376", Synced: true, StaleSince: since, LastSync: since, Error: "no route",
	}}}})
	var readiness Readiness
	fetch(t, addr, pathReady, http.StatusOK, &readiness)
	engine := readiness.Engines[0]
	if engine.Reachable || engine.StaleSince == nil || !engine.StaleSince.Equal(since) || engine.StaleSeconds < 59 {
		t.Errorf("a lost engine reads %+v", engine)
	}
	_, body := ask(t, "GET", "http://"+addr+pathReady)
	for _, private := range []string{"10.1.2.3", "no route"} {
		if strings.Contains(body, private) {
			t.Errorf("what needs no token tells %q: %s", private, body)
		}
	}
}
