package discovery

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// TestJournal: a Verdict is written once per change, gravest first, as data.
func TestJournal(t *testing.T) {
	var out bytes.Buffer
	j := journal{zerolog.New(&out).Level(zerolog.InfoLevel), map[string]string{}}
	s := newStage(t)
	line := func(name string) map[string]any {
		t.Helper()
		out.Reset()
		j.write(s.verdict(name))
		if strings.Count(out.String(), "\n") > 1 {
			t.Fatalf("more than one line: %s", &out)
		}
		var fields map[string]any
		if out.Len() > 0 {
			if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
				t.Fatalf("%v: %s", err, &out)
			}
		}
		return fields
	}
	s.container("web", 1, "host=web.test")
	if got := line("web"); got["level"] != "info" || got["message"] != "container routed" || got["container"] != "web" {
		t.Errorf("routed: %v", got)
	}
	if got := line("web"); got != nil {
		t.Errorf("said twice: %v", got)
	}
	s.container("web", 1, "host=web.test", func(c *container) { c.Health = "unhealthy" })
	if got := line("web"); got["level"] != "warn" {
		t.Errorf("unhealthy: %v", got)
	}
	s.container("bad", 1, "hots=web.test\nroot:x")
	if got := line("bad"); got["level"] != "error" || got["message"] != "container not routed" || got["fix"] == nil {
		t.Errorf("bad: %v", got)
	}
	s.container("plain", 1, "")
	if got := line("plain"); got != nil {
		t.Errorf("a container nobody asked for: %v", got)
	}
	s.container("stopped", 1, "host=a.test", func(c *container) { c.State = stateExited })
	if got := line("stopped"); got != nil {
		t.Errorf("a container that does not run: %v", got)
	}
	s.container("stopped", 1, "host=a.test")
	s.container("web", 1, "host=web.test", func(c *container) { c.State = stateExited })
	if got := line("web"); got["level"] != "info" || got["message"] != "container not routed" {
		t.Errorf("stopped: %v", got)
	}
	s.container("web", 1, "host=web.test", func(c *container) { c.State = "removing" })
	if got := line("web"); got != nil {
		t.Errorf("no news: %v", got)
	}
}

// TestUnknownOptionNamesTheNearest: the Verdict says what to type.
func TestUnknownOptionNamesTheNearest(t *testing.T) {
	s := newStage(t)
	s.container("web", 1, "hsot=web.test")
	v := s.verdict("web")
	found := false
	for _, r := range allReasons(v) {
		found = found || r.Code == CodeBadOption && strings.Contains(r.Text, "rota.hsot") && strings.Contains(r.Fix, "rota.host")
	}
	if !found {
		t.Errorf("verdict %+v", v)
	}
}
