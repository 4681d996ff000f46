package main

import (
	"errors"
	"strings"
	"testing"
)

func TestAProgramThatEndsIsNotWaitedFor(t *testing.T) {
	p, err := startProcess(t.Context(), "proxy", t.TempDir(), launch{argv: []string{"sh", "-c", "echo wrong line 3 >&2; exit 7"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	err = untilReady(t.Context(), p, func() error { return errors.New("refused") })
	for _, want := range []string{"proxy", "exit status 7", "wrong line 3"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; want %q in it", err, want)
		}
	}
}

func TestStopEndsTheChildrenToo(t *testing.T) {
	p, err := startProcess(t.Context(), "proxy", t.TempDir(), launch{argv: []string{"sh", "-c", "sleep 600 & wait"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := untilReady(t.Context(), p, func() error { return countMembers(p, 2) }); err != nil {
		t.Fatal(err)
	}
	p.stop()
	// SIGKILL is on its way to the child when stop returns.
	if err := untilReady(t.Context(), &process{exited: make(chan struct{})}, func() error { return countMembers(p, 0) }); err != nil {
		t.Error(err)
	}
}

func countMembers(p *process, want int) error {
	all, err := members(p.group())
	if err == nil && len(all) != want {
		return errors.New("not there yet")
	}
	return err
}

func TestRotaIsNotConfiguredByOurEnvironment(t *testing.T) {
	t.Setenv("ROTA_ACCESS_LOG", "json")
	for _, v := range plainEnvironment() {
		if strings.HasPrefix(v, "ROTA_") {
			t.Errorf("it would be given %s", v)
		}
	}
}
