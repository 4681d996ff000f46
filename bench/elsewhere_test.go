package main

import (
	"testing"
	"time"
)

func TestParseMachineTime(t *testing.T) {
	// user nice system idle iowait irq softirq steal guest guest_nice
	got, err := parseMachineTime("cpu  100 20 3 5000 600 7 8 9 50 5\ncpu0 1 2 3\n")
	if want := (100 + 20 + 3 + 7 + 8 + 9) * 10 * time.Millisecond; err != nil || got != want {
		t.Errorf("%s, %v instead of %s", got, err, want)
	}
	for _, text := range []string{"", "cpu0 1 2 3 4 5 6 7 8 9", "cpu 1 2", "cpu 1 2 x 4 5 6 7 8 9"} {
		if got, err := parseMachineTime(text); err == nil {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
}
