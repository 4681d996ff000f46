package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 4200 4200 0 -1 4194560 900 0 0 0 17 23 0 0 20 0 3 0 5000 9999999 25 18446744073709551615 1 1"
	for _, name := range []string{"nginx", "a b", "((", ")", ") R 7 8 9"} {
		got, err := parseStat("4242 (" + name + ")" + rest + "\n")
		want := stat{pid: 4242, state: "S", group: 4200, resident: 25 * int64(os.Getpagesize())}
		if err != nil || got != want {
			t.Errorf("of a program named %q: %+v, %v; want %+v", name, got, err, want)
		}
	}
	for _, line := range []string{"", "4242", "4242 (nginx) S 1 4200", "x (nginx)" + rest, strings.Replace("4242 (nginx)"+rest, " 25 ", " many ", 1)} {
		if got, err := parseStat(line); err == nil {
			t.Errorf("%q is taken for %+v", line, got)
		}
	}
}

func TestSince(t *testing.T) {
	before := cpuTimes{1: 5 * time.Second, 2: time.Second}
	spent, err := cpuTimes{1: 6 * time.Second, 2: time.Second, 3: 2 * time.Second}.since(before)
	if err != nil || spent != 3*time.Second {
		t.Errorf("a second of an old and two of a new process are %s, %v", spent, err)
	}
	if spent, err := (cpuTimes{1: 6 * time.Second}).since(before); err == nil {
		t.Errorf("a process that has ended is not missed: %s", spent)
	}
}
