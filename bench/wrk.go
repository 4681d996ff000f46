package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

//go:embed wrk.lua
var wrkScript []byte

// wrkThreads leaves none of wrk's connections waiting for another's parsing on
// the usual two processors.
const wrkThreads = 2

// wrkLoad asks as fast as the answers come, on every connection. It runs for
// whole seconds.
type wrkLoad struct {
	path        string
	size        int64 // of the body of an answer
	connections int
	post        int      // bytes to POST; 0: GET
	hosts       []string // asked in turn; none: the one host given
	tool        wrkTool
}

// wrkTool is the program and our script.
type wrkTool struct{ program, script string }

func (l wrkLoad) run(ctx context.Context, addr, host string, d time.Duration) (outcome, error) {
	method := "GET"
	if l.post > 0 {
		method = "POST"
	}
	args := []string{
		"-t", strconv.Itoa(wrkThreads), "-c", strconv.Itoa(l.connections), "-d", strconv.Itoa(int(d.Seconds())) + "s",
		"-s", l.tool.script, "-H", "Host: " + host, "http://" + addr + l.path, "--", method, strconv.Itoa(l.post),
	}
	command := exec.CommandContext(ctx, l.tool.program, append(args, l.hosts...)...)
	out, err := command.CombinedOutput()
	if err != nil {
		return outcome{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	report, err := parseWrk(out)
	if err != nil {
		return outcome{}, err
	}
	return report.outcome(l.size)
}

// wrkReport is the line our script prints.
type wrkReport struct {
	Requests     int64
	Microseconds int64
	Bytes        int64
	P50, P99     int64 // microseconds
	Errors       struct{ Connect, Read, Write, Timeout, Status int }
}

func parseWrk(out []byte) (wrkReport, error) {
	var r wrkReport
	for line := range bytes.Lines(out) {
		if text, ok := bytes.CutPrefix(line, []byte("bench ")); ok {
			err := json.Unmarshal(text, &r)
			return r, err
		}
	}
	return r, fmt.Errorf("wrk's report is missing in what it says:\n%s", out)
}

// outcome is an error if one request failed, or if answers were shorter than
// they should be.
func (r wrkReport) outcome(size int64) (outcome, error) {
	if e := r.Errors; e.Connect+e.Read+e.Write+e.Timeout+e.Status > 0 {
		return outcome{}, fmt.Errorf("of %d requests some failed: %d to connect, %d to be read, %d to be written, %d in time, %d by their status",
			r.Requests, e.Connect, e.Read, e.Write, e.Timeout, e.Status)
	}
	if r.Requests == 0 {
		return outcome{}, errors.New("not one request was answered")
	}
	if r.Bytes < r.Requests*size {
		return outcome{}, fmt.Errorf("%d answers have %d bytes together: less than %d each", r.Requests, r.Bytes, size)
	}
	return outcome{
		requests: int(r.Requests),
		elapsed:  time.Duration(r.Microseconds) * time.Microsecond,
		p50:      time.Duration(r.P50) * time.Microsecond,
		p99:      time.Duration(r.P99) * time.Microsecond,
	}, nil
}
