package cmd

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestLogsAreJSONUnlessAPersonLooks(t *testing.T) {
	var out bytes.Buffer
	log := newLog(logConfig{level: "warn"}, &out, nil)
	log.Info().Msg("not this")
	log.Warn().Str("host", "a\x1bb").Msg("this")
	var line map[string]string
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	if line["message"] != "this" || line["level"] != "warn" || line["time"] == "" {
		t.Errorf("the line is %v", line)
	}
}

func TestConsoleIsPlainOffATerminal(t *testing.T) {
	var out bytes.Buffer
	newAccessLog(logConfig{access: formatConsole}, &out, nil).Info().Str("host", "shop.test").Msg("request")
	if got := out.String(); !strings.Contains(got, "host=shop.test") || strings.Contains(got, "\x1b") || strings.Contains(got, "INF") {
		t.Errorf("the line is %q", got)
	}
}

// Requests have no level, and a console line has a mark for that.
func TestConsoleAccessLogShowsNoLevel(t *testing.T) {
	var out bytes.Buffer
	newAccessLog(logConfig{access: formatConsole}, &out, nil).Log().Str("host", "shop.test").Msg("request")
	if got := out.String(); !strings.Contains(got, " request host=shop.test") || strings.Contains(got, "???") {
		t.Errorf("the line is %q", got)
	}
}

func TestAccessLogMayBeOff(t *testing.T) {
	if newAccessLog(logConfig{access: formatOff}, &bytes.Buffer{}, nil) != nil {
		t.Error("there is an access log")
	}
}
