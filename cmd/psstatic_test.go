package cmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/admin"
)

func fileTarget(id string, upstreams ...admin.UpstreamView) admin.TargetView {
	return admin.TargetView{
		ID: id, Source: "file", Upstreams: upstreams,
		Matches: []admin.MatchView{{Text: "a.test"}, {Text: "b.test/x"}},
	}
}

func printedStatic(t *testing.T, answer psAnswer, width int) string {
	t.Helper()
	var out bytes.Buffer
	if err := printPs(&out, answer, psOptions{}, width, noon); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPsShowsStaticTargets(t *testing.T) {
	ready := admin.UpstreamView{Name: "http://10.0.0.7:80", Address: "10.0.0.7:80", State: "ready", Requests: 7}
	starting := admin.UpstreamView{Name: "http://10.0.0.8:80", Address: "10.0.0.8:80", State: "starting", Reason: "port 80 not accepting for 3 s"}
	shut := fileTarget("file:shut", ready)
	shut.Closed = "allow is wrong"
	partly := fileTarget("file:partly", ready)
	partly.Conflicts = []admin.ConflictView{{Match: "a.test", Holder: "compose:x/y", Loser: "file:partly"}, {Match: "b.test/x", Holder: "file:partly", Loser: "z"}}
	refused := fileTarget("file:refused", ready)
	refused.Conflicts = []admin.ConflictView{
		{Match: "a.test", Holder: "compose:x/y", Loser: "file:refused"}, {Match: "b.test/x", Holder: "compose:x/z", Loser: "file:refused"},
	}
	text := printedStatic(t, psAnswer{static: []admin.TargetView{fileTarget("file:web", ready, starting), shut, partly, refused}}, 0)
	var rows []string
	for line := range strings.Lines(text) {
		rows = append(rows, strings.Join(strings.Fields(line), " "))
	}
	for _, want := range []string{
		"http://10.0.0.7:80 file:web a.test, b.test/x 10.0.0.7:80 ready 7",
		"http://10.0.0.8:80 file:web a.test, b.test/x 10.0.0.8:80 starting port 80 not accepting for 3 s 0",
		"http://10.0.0.7:80 file:shut a.test, b.test/x 10.0.0.7:80 closed allow is wrong 7",
		"http://10.0.0.7:80 file:partly a.test, b.test/x 10.0.0.7:80 ready a.test is held by compose:x/y 7",
		"http://10.0.0.7:80 file:refused a.test, b.test/x 10.0.0.7:80 not routed a.test is held by compose:x/y; b.test/x is held by compose:x/z 7",
	} {
		if !strings.Contains(strings.Join(rows, "\n")+"\n", want+"\n") {
			t.Errorf("no row %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "docker run") {
		t.Errorf("it invites to start a container although something is served:\n%s", text)
	}
}

func TestPsTellsWhatIsWrongWithFiles(t *testing.T) {
	answer := psAnswer{ContainersAnswer: admin.ContainersAnswer{Files: []admin.FileView{{
		Path: "r.yml", Error: "r.yml:3:1: it is not\x1bYAML",
		Reasons: []admin.ReasonView{{Severity: "error", Text: "r.yml:2:3: a: hots is no option", Fix: "write host\nor nothing"}},
	}}}}
	text := printedStatic(t, answer, 40)
	for _, want := range []string{
		"! what file r.yml said before is served: r.yml:3:1: it is not", "\nr.yml:2:3: a: hots is no option\n    write host\n    or nothing\n",
		"No static Target is served, and no engine is followed",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Errorf("%q has an escape", text)
	}
}
