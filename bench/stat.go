package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// stat is what we need of /proc/PID/stat (proc_pid_stat(5)).
type stat struct {
	pid      int
	state    string // one letter
	group    int
	resident int64 // bytes
}

// The places of the fields that follow the program's name, from 0.
const (
	statState    = 0
	statGroup    = 2
	statResident = 21
)

func parseStat(line string) (stat, error) {
	// The name is in parentheses and may contain anything, they included.
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return stat{}, fmt.Errorf("no program's name in %q", line)
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) <= statResident {
		return stat{}, fmt.Errorf("only %d fields in %q", len(fields), line)
	}
	var failed error
	number := func(text string) int64 {
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			failed = fmt.Errorf("%w in %q", err, line)
		}
		return n
	}
	s := stat{
		pid:      int(number(line[:open])),
		state:    fields[statState],
		group:    int(number(fields[statGroup])),
		resident: number(fields[statResident]) * int64(os.Getpagesize()),
	}
	return s, failed
}

// resident is the memory of all processes of a group, in bytes; pages they
// share are counted in each.
func resident(group int) (int64, error) {
	all, err := members(group)
	var sum int64
	for _, s := range all {
		sum += s.resident
	}
	return sum, err
}

// cpuTimes is how long each process of a group has had a processor.
type cpuTimes map[int]time.Duration

func readCPU(group int) (cpuTimes, error) {
	all, err := members(group)
	if err != nil {
		return nil, err
	}
	times := cpuTimes{}
	for _, s := range all {
		if times[s.pid], err = cpuTime(s.pid); err != nil {
			return nil, err
		}
	}
	return times, nil
}

// since is the time spent after before was read. A process that ended in
// between would take its time away with it.
func (t cpuTimes) since(before cpuTimes) (time.Duration, error) {
	var sum time.Duration
	for pid, then := range before {
		now, ok := t[pid]
		if !ok {
			return 0, fmt.Errorf("process %d has ended while it was measured", pid)
		}
		sum += now - then
	}
	for pid, now := range t {
		if _, old := before[pid]; !old {
			sum += now
		}
	}
	return sum, nil
}
