package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A meter says how much of the machine has gone to work that is not ours since
// it was made: by that one sees whether figures are worth anything.
type meter struct {
	groups     []int // processes of ours, besides this one and what it waited for
	begin      time.Time
	busy, ours time.Duration
}

func newMeter(groups ...int) (*meter, error) {
	m := &meter{groups: groups, begin: time.Now()}
	var err error
	if m.busy, err = machineTime(); err != nil {
		return nil, err
	}
	m.ours, err = m.ourTime()
	return m, err
}

// elsewhere is the share of all processors, 0 to 1.
func (m *meter) elsewhere() (float64, error) {
	busy, err := machineTime()
	if err != nil {
		return 0, err
	}
	ours, err := m.ourTime()
	if err != nil {
		return 0, err
	}
	there := time.Since(m.begin) * time.Duration(runtime.NumCPU())
	// The machine's time is in steps of 10 ms and may seem less than ours.
	return max(0, float64(busy-m.busy-(ours-m.ours))/float64(there)), nil
}

func (m *meter) ourTime() (time.Duration, error) {
	sum, err := ownTime()
	if err != nil {
		return 0, err
	}
	for _, group := range m.groups {
		times, err := readCPU(group)
		if err != nil {
			return 0, err
		}
		for _, t := range times {
			sum += t
		}
	}
	return sum, nil
}

// tick is the unit of /proc/stat on every architecture that Go knows.
const tick = 10 * time.Millisecond

// parseMachineTime reads how long processors were not idle from the first line
// of /proc/stat (proc_stat(5)). Time that the host of a virtual machine gave to
// others counts: it was not ours.
func parseMachineTime(text string) (time.Duration, error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	const idle, iowait, guest = 4, 5, 9 // guest time is in user time already
	if len(fields) < guest || fields[0] != "cpu" {
		return 0, fmt.Errorf("no times of all processors in %q", line)
	}
	var sum time.Duration
	for i, field := range fields[:guest] {
		if i == 0 || i == idle || i == iowait {
			continue
		}
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%w in %q", err, line)
		}
		sum += time.Duration(ticks) * tick
	}
	return sum, nil
}
