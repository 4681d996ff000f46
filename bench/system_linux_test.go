package main

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// The processor clock is what the kernel itself says of this process.
func TestCPUTimeAndMembers(t *testing.T) {
	before, after := ownUsage(t), time.Duration(0)
	got, err := cpuTime(os.Getpid())
	after = ownUsage(t)
	// rusage is cut to whole microseconds.
	if err != nil || got < before-time.Millisecond || got > after+time.Millisecond {
		t.Errorf("the processor time is %s, %v; the kernel says between %s and %s", got, err, before, after)
	}

	all, err := members(syscall.Getpgrp())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.pid == os.Getpid() && s.resident > 0 {
			return
		}
	}
	t.Errorf("this process is not among %+v", all)
}

func ownUsage(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestCPUTimeOfNobody(t *testing.T) {
	const mostProcesses = 1 << 22 // no number is higher (PID_MAX_LIMIT)
	if got, err := cpuTime(mostProcesses); err == nil {
		t.Errorf("a process that is not there has used %s", got)
	}
}
