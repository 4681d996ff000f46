package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(group int) error { return syscall.Kill(-group, syscall.SIGKILL) }

// raiseFileLimit lets this process and its children open at least n files. To
// set the limit is what makes the children inherit it: the one the Go runtime
// raises at its start is put back for them.
func raiseFileLimit(n uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Max < n {
		return fmt.Errorf("a process may open %d files here, and the connections need %d: raise the hard limit (ulimit -Hn)", limit.Max, n)
	}
	limit.Cur = limit.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}

// members are the living processes of a group.
func members(group int) ([]stat, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var found []stat
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // gone since it was listed
		}
		s, err := parseStat(string(line))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if s.group == group && s.state != "Z" {
			found = append(found, s)
		}
	}
	return found, nil
}

// cpuTime is the user and system time of a process and all its threads, those
// that have ended included, to the nanosecond. It is the sum that
// /proc/PID/stat gives in steps of 10 ms: too coarse for a small load.
func cpuTime(pid int) (time.Duration, error) {
	// Three low bits of a process's clock say which of its clocks, the rest is
	// the complement of its number (clock_getcpuclockid(3)).
	const scheduler = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &t); err != nil {
		return 0, fmt.Errorf("reading the processor clock of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// ownTime is the user and system time of this process and of the children it
// has waited for.
func ownTime() (time.Duration, error) {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			return 0, err
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum, nil
}

// machineTime is how long the processors have not been idle, all together.
func machineTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseMachineTime(string(text))
}

// sleep is finer than the runtime's timers, which wake up on the millisecond.
// It occupies the thread.
func sleep(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil) // cut short by a signal: whoever calls looks at the clock again
}

// kernel is its name and release, for the report.
func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "Linux"
	}
	return "Linux " + unix.ByteSliceToString(name.Release[:])
}
