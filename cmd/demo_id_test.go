package cmd

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// deadPid is the id of a process that has ended.
func deadPid(t *testing.T) int {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	return c.Process.Pid
}

func TestAbandoned(t *testing.T) {
	id, err := newDemoID()
	if err != nil {
		t.Fatal(err)
	}
	if abandoned(id.ownership()) {
		t.Error("this process is alive")
	}
	dead := id.ownership()
	dead[demoLabelPid] = strconv.Itoa(deadPid(t))
	if !abandoned(dead) {
		t.Error("that process has ended")
	}
	dead[demoLabelHost] = "another"
	if abandoned(dead) {
		t.Error("another machine's process ids mean nothing here")
	}
	if abandoned(map[string]string{demoLabelHost: machine()}) || abandoned(nil) {
		t.Error("what has no process id is not ours")
	}
}

func TestDemosAreApart(t *testing.T) {
	one, err := newDemoID()
	if err != nil {
		t.Fatal(err)
	}
	other, err := newDemoID()
	if err != nil || one == other {
		t.Fatal(err, one, other)
	}
	if other.owns(one.container("whoami-1")) || !one.owns(one.container("whoami-1")) {
		t.Error("whose container is it?")
	}
	if got := one.replica(one.container("whoami-1")); got != "whoami-1" {
		t.Error(got)
	}
	for key := range one.routing() {
		if !strings.HasPrefix(key, one.name()+".") {
			t.Errorf("%s is not under the demo's own prefix", key)
		}
	}
	for key := range one.ownership() {
		if strings.HasPrefix(key, "rota.") || strings.HasPrefix(key, one.name()) {
			t.Errorf("%s would be read as an option", key)
		}
	}
}
