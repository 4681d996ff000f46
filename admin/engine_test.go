package admin

import (
	"testing"
	"time"

	"github.com/rota-proxy/rota/discovery"
)

func TestEngineIsStaleOnlyWhileItIsNotReachable(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	status := discovery.EngineStatus{Name: "docker", StaleSince: now.Add(-90 * time.Second)}
	if view := viewEngine(status, now); view.StaleSeconds != 90 || !view.StaleSince.Equal(status.StaleSince) {
		t.Errorf("a lost engine reads %+v", view)
	}
	status.Reachable = true
	if view := viewEngine(status, now); view.StaleSeconds != 0 || view.StaleSince != nil {
		t.Errorf("a followed engine reads %+v", view)
	}
}

func TestEngineAddressComesWithoutPassword(t *testing.T) {
	for address, want := range map[string]string{
		"unix:///var/run/docker.sock":   "unix:///var/run/docker.sock",
		"tcp://10.0.0.1:2376":           "tcp://10.0.0.1:2376",
		"tcp://user:hunter2@10.0.0.1:1": "tcp://user:xxxxx@10.0.0.1:1",
	} {
		if got := withoutPassword(address); got != want {
			t.Errorf("%s is shown as %s, want %s", address, got, want)
		}
	}
}
