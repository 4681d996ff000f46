package main

import (
	"strings"
	"testing"
	"time"
)

func wrkSays(line string) []byte {
	return []byte("Running 1s test @ http://127.0.0.1:1\n  100 requests in 1.00s\n\n" + line + "\n")
}

const fineReport = `bench {"requests":100,"microseconds":1000000,"bytes":120000,"p50":1500,"p99":9000,` +
	`"errors":{"connect":0,"read":0,"write":0,"timeout":0,"status":0}}`

func TestWrkReport(t *testing.T) {
	report, err := parseWrk(wrkSays(fineReport))
	if err != nil {
		t.Fatal(err)
	}
	got, err := report.outcome(1024)
	want := outcome{requests: 100, elapsed: time.Second, p50: 1500 * time.Microsecond, p99: 9 * time.Millisecond}
	if err != nil || got != want {
		t.Errorf("%+v, %v instead of %+v", got, err, want)
	}
}

// What went wrong in a run is never only a smaller figure.
func TestWrkReportOfFailures(t *testing.T) {
	for name, change := range map[string][2]string{
		"one wrong status":     {`"status":0`, `"status":1`},
		"one lost connection":  {`"read":0`, `"read":1`},
		"one late answer":      {`"timeout":0`, `"timeout":1`},
		"nothing answered":     {`"requests":100`, `"requests":0`},
		"answers without end":  {`"bytes":120000`, `"bytes":1200`},
		"a report cut short":   {`"status":0}}`, ``},
		"another program here": {`bench `, ``},
	} {
		report, err := parseWrk(wrkSays(strings.Replace(fineReport, change[0], change[1], 1)))
		if err == nil {
			_, err = report.outcome(1024)
		}
		if err == nil {
			t.Errorf("%s: not an error", name)
		}
	}
}
