package cmd

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/admin"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// example is a project as it is in the middle of something: two replicas, one
// still starting, a service nobody can reach, a container that asks nothing.
func example() admin.ContainersAnswer {
	unreachable := admin.ReasonView{
		Code: "no-shared-network", Severity: "error", Text: "shares no network with rota",
		Fix: "services:\n  db:\n    networks: [web]\n",
	}
	return admin.ContainersAnswer{
		Engines: []admin.EngineView{followed()},
		Containers: []admin.ContainerView{
			part("shop-web-1", "routed", admin.TargetPart{
				Target: "compose:shop/web", Hosts: []string{"shop.test", "www.shop.test"}, Address: "172.18.0.3:80", Upstream: "u1",
				State: "ready", Requests: 120, Reasons: []admin.ReasonView{{Severity: "note", Text: "port 80 is assumed", Fix: "rota.port: 80"}},
			}),
			part("shop-web-2", "routed", admin.TargetPart{
				Target: "compose:shop/web", Hosts: []string{"shop.test", "www.shop.test"}, Address: "172.18.0.4:80", Upstream: "u2",
				State: "starting", Reasons: []admin.ReasonView{{Severity: "error", Text: "port 80 not accepting for 2 s"}},
			}),
			part("db-1", "not routed", admin.TargetPart{
				Target: "compose:db/db", Hosts: []string{"db.test"}, State: "not routed", Reasons: []admin.ReasonView{unreachable},
			}),
			part("db-2", "not routed", admin.TargetPart{
				Target: "compose:db/db", Hosts: []string{"db.test"}, State: "not routed", Reasons: []admin.ReasonView{unreachable},
			}),
			{Name: "mail-1", ID: "id-of-mail-1", Outcome: "hidden", Reasons: []admin.ReasonView{{Severity: "note", Text: "has no label of ours"}}},
		},
	}
}

func followed() admin.EngineView {
	return admin.EngineView{
		EngineReadiness: admin.EngineReadiness{Name: "docker", Reachable: true, Synced: true},
		Host:            "unix:///var/run/docker.sock",
	}
}

func part(name, outcome string, part admin.TargetPart) admin.ContainerView {
	return admin.ContainerView{ID: "id-of-" + name, Name: name, Outcome: outcome, Targets: []admin.TargetPart{part}}
}

func printed(t *testing.T, answer admin.ContainersAnswer, o psOptions, width int) string {
	t.Helper()
	var out bytes.Buffer
	if err := printPs(&out, psAnswer{ContainersAnswer: answer}, o, width, noon); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPsReadsLikeDockerPs(t *testing.T) {
	want := `CONTAINER    TARGET             HOST                       ADDRESS         STATE        REASON                          REQUESTS
shop-web-1   compose:shop/web   shop.test, www.shop.test   172.18.0.3:80   ready                                        120
shop-web-2   compose:shop/web   shop.test, www.shop.test   172.18.0.4:80   starting     port 80 not accepting for 2 s   0
db-1         compose:db/db      db.test                                    not routed   shares no network with rota
db-2         compose:db/db      db.test                                    not routed   shares no network with rota

db-1, db-2: shares no network with rota
    services:
      db:
        networks: [web]

1 container not exposed (-a shows it)
`
	if got := printed(t, example(), psOptions{}, 0); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A row has room for one finding; a second mistake must not wait for the first
// to be mended.
func TestPsLeavesNoErrorOut(t *testing.T) {
	got := printed(t, admin.ContainersAnswer{Containers: []admin.ContainerView{
		part("web-1", "not routed", admin.TargetPart{State: "not routed", Reasons: []admin.ReasonView{
			{Severity: "error", Text: "the Target is not created"},
			{Severity: "error", Text: "rota.port \"99999\": is too large"},
			{Severity: "warning", Text: "a warning without a fix"},
		}}),
	}}, psOptions{}, 0)
	if strings.Count(got, "the Target is not created") != 1 || !strings.Contains(got, "\nweb-1: rota.port \"99999\": is too large\n") ||
		strings.Contains(got, "a warning") {
		t.Errorf("got\n%s", got)
	}
}

func TestPsShowsHiddenContainersOnDemand(t *testing.T) {
	got := printed(t, example(), psOptions{all: true}, 0)
	if !strings.Contains(got, "mail-1") || !strings.Contains(got, "has no label of ours") || strings.Contains(got, "(-a shows") {
		t.Errorf("got\n%s", got)
	}
}

// There are several reasons not to be exposed, and one of them may be a mistake.
func TestPsSaysOfEachWhyItIsNotExposed(t *testing.T) {
	hidden := func(name string, reasons ...admin.ReasonView) admin.ContainerView {
		return admin.ContainerView{Name: name, Outcome: "hidden", Reasons: reasons}
	}
	got := printed(t, admin.ContainersAnswer{Containers: []admin.ContainerView{
		hidden("mail-1", admin.ReasonView{Code: "not-exposed", Severity: "note", Text: "it has no label rota.*"}),
		hidden("shy-1", admin.ReasonView{Code: "hidden", Severity: "note", Text: "hidden by the label rota.enable"},
			admin.ReasonView{Code: "bad-option", Severity: "error", Text: "rota.enable \"flase\": is neither"}),
		hidden("rota-1", admin.ReasonView{Code: "own-container", Severity: "note", Text: "it is rota itself"}),
	}}, psOptions{all: true}, 0)
	for _, want := range []string{
		"not exposed   it has no label rota.*", "not exposed   hidden by the label rota.enable", "not exposed   it is rota itself",
		"\nshy-1: rota.enable \"flase\": is neither\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
}

// What the row has no room for is said below it, even if there is nothing to type.
func TestPsSaysInFullWhatItCuts(t *testing.T) {
	long := "the engine would not describe it for a reason that takes many words to tell; it is asked again by itself, and again"
	answer := admin.ContainersAnswer{Containers: []admin.ContainerView{
		part("web-1", "not routed", admin.TargetPart{Target: "web", State: "not routed", Reasons: []admin.ReasonView{{Severity: "note", Text: long}}}),
		{Name: "db-1", Outcome: "not routed", Reasons: []admin.ReasonView{{Severity: "warning", Text: long}}},
		part("ok-1", "routed", admin.TargetPart{Target: "ok", State: "ready", Reasons: []admin.ReasonView{{Severity: "note", Text: "of no " + long}}}),
	}}
	_, below, _ := strings.Cut(printed(t, answer, psOptions{}, 100), "\n\n")
	if want := "web-1: " + long + "\n\ndb-1: " + long + "\n"; below != want {
		t.Errorf("below the table stands\n%s\nwant\n%s", below, want)
	}
	if got := printed(t, answer, psOptions{}, 0); strings.Count(got, long) != 2 {
		t.Errorf("where nothing is cut:\n%s", got)
	}
}

func TestPsGivesAdviceOncePerContainer(t *testing.T) {
	waiting := func(target, text, fix string) admin.TargetPart {
		return admin.TargetPart{Target: target, State: "starting", Reasons: []admin.ReasonView{{Code: "starting", Severity: "error", Text: text, Fix: fix}}}
	}
	got := printed(t, admin.ContainersAnswer{Containers: []admin.ContainerView{{
		Name: "web-1", Outcome: "routed", Targets: []admin.TargetPart{
			waiting("web", "port 80 not accepting for 12 s", "listen on 80"),
			waiting("web/admin", "port 80 not accepting for 13 s", "listen on 80"),
			waiting("web/metrics", "port 90 not accepting for 12 s", "listen on 90"),
		},
	}}}, psOptions{}, 0)
	if strings.Count(got, "listen on 80") != 1 || strings.Count(got, "listen on 90") != 1 {
		t.Errorf("got\n%s", got)
	}
}

// A mistake that concerns all of the container is the cause of what its Targets
// say, so it is what the rows show.
func TestPsShowsTheCauseInTheRow(t *testing.T) {
	container := part("web-1", "not routed", admin.TargetPart{Target: "web", State: "not routed", Reasons: []admin.ReasonView{
		{Code: "no-definition", Severity: "error", Text: "the Target is not created"},
	}})
	container.Reasons = []admin.ReasonView{{Code: "bad-option", Severity: "error", Text: "rota.nmae \"a\": is no option", Fix: "write rota.name"}}
	got := printed(t, admin.ContainersAnswer{Containers: []admin.ContainerView{container}}, psOptions{}, 0)
	table, advice, _ := strings.Cut(got, "\n\n")
	want := "web-1: rota.nmae \"a\": is no option\n    write rota.name\n\nweb-1: the Target is not created\n"
	if !strings.Contains(table, "not routed   rota.nmae") || advice != want {
		t.Errorf("got\n%s", got)
	}
}

func TestPsGivesTheReasonTheMostRoom(t *testing.T) {
	reason := "rota.hots \"blog.localhost\": is no option (nearest: rota.host)"
	container := part("shop_reports_1", "not routed", admin.TargetPart{
		Target: "compose:shop/reports", Hosts: []string{"reports.localhost"}, Address: "172.20.0.4:8000", State: "not routed",
		Reasons: []admin.ReasonView{{Severity: "error", Text: reason}},
	})
	row := strings.Split(printed(t, admin.ContainersAnswer{Containers: []admin.ContainerView{container}}, psOptions{}, 125), "\n")[1]
	if !strings.Contains(row, reason[:33]) || !strings.Contains(row, "shop_reports_1") || !strings.Contains(row, "op/reports") {
		t.Errorf("in 125 characters: %q", row)
	}
}

func TestPsCountsWhatItHides(t *testing.T) {
	answer := example()
	for range 2 {
		answer.Containers = append(answer.Containers, admin.ContainerView{Outcome: "hidden"})
	}
	if got := printed(t, answer, psOptions{}, 0); !strings.HasSuffix(got, "\n3 containers not exposed (-a shows them)\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestPsFitsTheTerminal(t *testing.T) {
	for _, width := range []int{90, 110, 200} {
		got := printed(t, example(), psOptions{}, width)
		for line := range strings.SplitSeq(got, "\n") {
			if len([]rune(line)) > width {
				t.Errorf("in %d characters a line of %d: %q", width, len([]rune(line)), line)
			}
		}
	}
}

func TestPsQuietPrintsIds(t *testing.T) {
	want := "id-of-shop-w\nid-of-shop-w\nid-of-db-1\nid-of-db-2\n"
	if got := printed(t, example(), psOptions{quiet: true}, 0); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPsInvitesWhenThereIsNothing(t *testing.T) {
	got := printed(t, admin.ContainersAnswer{Engines: []admin.EngineView{followed()}}, psOptions{}, 0)
	if !strings.HasPrefix(got, "CONTAINER") || !strings.Contains(got, "--label rota.host=") {
		t.Errorf("got\n%s", got)
	}
}

func TestPsClaimsNothingOfAnEngineNotRead(t *testing.T) {
	unread := followed()
	unread.Synced = false
	got := printed(t, admin.ContainersAnswer{Engines: []admin.EngineView{unread}}, psOptions{}, 0)
	if strings.Contains(got, "No container asks") || !strings.Contains(got, "is not known before the engine has been read") {
		t.Errorf("got\n%s", got)
	}
}

func TestPsSaysWhenAnEngineIsStale(t *testing.T) {
	since := noon.Add(-95 * time.Second)
	for name, c := range map[string]struct {
		change func(*admin.EngineView)
		words  []string
	}{
		"followed": {func(*admin.EngineView) {}, nil},
		"lost": {
			func(e *admin.EngineView) { e.Reachable, e.StaleSince, e.Error = false, &since, "connection refused" },
			[]string{"docker", "unix:///var/run/docker.sock", "not reachable since", "1m35s", "last known", "connection refused"},
		},
		"never reached": {
			func(e *admin.EngineView) { e.Reachable, e.Synced, e.Error = false, false, "no such file" },
			[]string{"not been read yet", "no such file"},
		},
		"being read": {func(e *admin.EngineView) { e.Synced = false }, []string{"not been read yet"}},
	} {
		t.Run(name, func(t *testing.T) {
			answer := example()
			c.change(&answer.Engines[0])
			first, _, _ := strings.Cut(printed(t, answer, psOptions{}, 0), "\n")
			if warned := strings.HasPrefix(first, "! "); warned != (c.words != nil) {
				t.Errorf("the first line is %q", first)
			}
			for _, word := range c.words {
				if !strings.Contains(first, word) {
					t.Errorf("%q lacks %q", first, word)
				}
			}
		})
	}
}

func TestPsShowsNothingThatMovesTheCursor(t *testing.T) {
	evil := "x\x1b[2J\r\x07\u202ey"
	reason := admin.ReasonView{Severity: "error", Text: evil, Fix: evil + "\n" + evil}
	engine := followed()
	engine.Reachable, engine.Name, engine.Host, engine.Error = false, evil, evil, evil
	got := printed(t, admin.ContainersAnswer{
		Engines: []admin.EngineView{engine},
		Containers: []admin.ContainerView{{
			ID: evil, Name: evil, Outcome: "not routed", Reasons: []admin.ReasonView{reason},
			Targets: []admin.TargetPart{{Target: evil, Hosts: []string{evil}, Address: evil, State: evil, Reasons: []admin.ReasonView{reason}}},
		}},
	}, psOptions{}, 0)
	got += printed(t, admin.ContainersAnswer{Containers: []admin.ContainerView{{ID: evil}}}, psOptions{quiet: true}, 0)
	for _, r := range got {
		if r != '\n' && r != '�' && isUnprintable(r) {
			t.Fatalf("%q got through in %q", r, got)
		}
	}
}

func TestErrorsDecideBeforeWarnings(t *testing.T) {
	reasons := []admin.ReasonView{{Severity: "note", Text: "n"}, {Severity: "warning", Text: "w"}, {Severity: "error", Text: "e"}}
	for _, c := range []struct {
		reasons []admin.ReasonView
		works   bool
		want    string
	}{
		{reasons, false, "e"}, {reasons[:2], false, "w"}, {reasons[:1], false, "n"}, {nil, false, ""},
		{reasons[:2], true, "w"}, {reasons[:1], true, ""},
	} {
		if got := reasonCell(c.reasons, c.works); got != c.want {
			t.Errorf("of %v %q is shown, want %q", c.reasons, got, c.want)
		}
	}
}

func TestSplitLeavesTheAnswerAlone(t *testing.T) {
	all := example().Containers
	names := func() (n []string) {
		for _, c := range all {
			n = append(n, c.Name)
		}
		return n
	}
	before := names()
	if shown, hidden := split(all, false); len(shown) != 4 || hidden != 1 || !slices.Equal(names(), before) {
		t.Errorf("%d shown, %d hidden, and the answer has become %v", len(shown), hidden, names())
	}
}

// Who mistypes the one label that exposes a container must not have to know
// of -a to find out.
func TestSplitShowsWhatLooksLikeAMistake(t *testing.T) {
	hidden := func(severity string) admin.ContainerView {
		return admin.ContainerView{Outcome: "hidden", Reasons: []admin.ReasonView{{Severity: "note"}, {Severity: severity}}}
	}
	all := []admin.ContainerView{hidden("note"), hidden("warning"), hidden("error")}
	if shown, left := split(all, false); len(shown) != 2 || left != 1 {
		t.Errorf("%d are shown and %d are not, want 2 and 1", len(shown), left)
	}
}
