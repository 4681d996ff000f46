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

// TestTheMistakeIsSaidBeforeItsConsequence: the first finding names the label,
// its value as typed, why and what is nearest; the fix is what to type.
func TestTheMistakeIsSaidBeforeItsConsequence(t *testing.T) {
	for _, c := range []struct {
		labels, text, fix string
		then              Code
	}{
		{"hots=web.test", `rota.hots "web.test": is no option (nearest: rota.host)`, "write rota.host", CodeNoDefinition},
		{"nmae=api host=web.test", `rota.nmae "api": is no option (nearest: rota.name)`, "write rota.name", CodeNoDefinition},
		{"host=web.test sticky=true", `rota.sticky "true": is not in this version of rota`, "remove rota.sticky", CodeNoDefinition},
		{
			"host=web.test auth.basic=x", `rota.auth.basic "…": is not in this version of rota`,
			"remove rota.auth.basic (if it guards the service, that opens it to everybody)", CodeClosed,
		},
		{"host=web.test port=99999", `rota.port "99999": is not a whole number from 1 to 65535`, `for example rota.port: "8080"`, ""},
		{"host=web.test port=\x1b\\d", `rota.port "\x1b\d": holds a control character, such as a line break`, `for example rota.port: "8080"`, ""},
	} {
		s := newStage(t)
		s.container("web", 1, c.labels)
		all := allReasons(s.verdict("web"))
		if len(all) == 0 || all[0].Code != CodeBadOption || all[0].Text != c.text || all[0].Fix != c.fix {
			t.Errorf("%s: the findings are %+v", c.labels, all)
			continue
		}
		if last := all[len(all)-1]; c.then != "" && last.Code != c.then {
			t.Errorf("%s: in the end it says %+v, want %s", c.labels, last, c.then)
		}
	}
}

// TestClosedIsNotRouted: what answers every request with 503 is not in rotation.
func TestClosedIsNotRouted(t *testing.T) {
	s := newStage(t)
	s.container("web", 1, "host=web.test\nauth.basic=x")
	told := s.verdict("web")
	if told.Outcome != NotRouted || !told.Targets[0].Closed || told.Targets[0].Upstream == "" {
		t.Errorf("the verdict is %+v", told)
	}
	s.container("two", 1, "host=two.test\nauth.basic=x\nopen.host=open.test")
	if told := s.verdict("two"); told.Outcome != Partly {
		t.Errorf("beside an open Target it is %s", told.Outcome)
	}
}

// TestKeptDefinitionIsNoLastingOne: who serves under earlier labels is told so.
func TestKeptDefinitionIsNoLastingOne(t *testing.T) {
	s := newStage(t)
	s.container("web", 1, "host=web.test")
	s.container("web", 1, "hots=new.test")
	all := allReasons(s.verdict("web"))
	if len(all) != 2 || !strings.Contains(all[0].Text, "rota.hots") || all[1].Code != CodeKeptLastGood ||
		!strings.Contains(all[1].Text, "will not survive a restart of rota") {
		t.Errorf("the findings are %+v", all)
	}
}
