package admin

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy/spec"
)

// web is a running, routed container with one Target.
func web(change func(*discovery.Verdict)) discovery.Verdict {
	v := discovery.Verdict{
		ID: "c1", Name: "shop-web-1", Image: "web", State: "running", Outcome: discovery.Routed,
		Targets: []discovery.TargetVerdict{{
			ID: "compose:shop/web", Matches: []string{"shop.test"}, Upstream: "u1", Address: "172.18.0.3:80",
		}},
	}
	if change != nil {
		change(&v)
	}
	return v
}

// live is the Target of web in the proxy.
func live(change func(*spec.TargetStatus)) spec.TargetStatus {
	s := spec.TargetStatus{
		ID: "compose:shop/web", Matches: []spec.Match{exact("shop.test", "")},
		Upstreams: []spec.UpstreamStatus{{ID: "u1", Container: "c1", State: spec.Ready, Weight: 1, Requests: 7}},
	}
	if change != nil {
		change(&s)
	}
	return s
}

// joined is the one container as the API shows it.
func joined(t *testing.T, verdict discovery.Verdict, targets ...spec.TargetStatus) ContainerView {
	t.Helper()
	addr := start(t, Options{
		Targets: fixedTargets(targets),
		Engines: []Engine{fixedEngine{discovery.EngineStatus{Name: "docker"}, []discovery.Verdict{verdict}}},
	})
	var answer ContainersAnswer
	fetch(t, addr, pathContainers, http.StatusOK, &answer)
	if len(answer.Containers) != 1 || len(answer.Engines) != 1 {
		t.Fatalf("the answer is %+v", answer)
	}
	return answer.Containers[0]
}

func codes(reasons []ReasonView) string {
	var all []string
	for _, r := range reasons {
		all = append(all, r.Code)
	}
	return strings.Join(all, " ")
}

func TestContainerInRotation(t *testing.T) {
	c := joined(t, web(nil), live(nil))
	if c.Name != "shop-web-1" || c.Engine != "docker" || c.Outcome != "routed" || c.Requests != 7 || c.EngineState != "running" {
		t.Errorf("the container reads %+v", c)
	}
	part := c.Targets[0]
	if part.Target != "compose:shop/web" || !slices.Equal(part.Hosts, []string{"shop.test"}) || part.Address != "172.18.0.3:80" ||
		part.State != "ready" || part.Requests != 7 || len(part.Reasons) != 0 {
		t.Errorf("its part reads %+v", part)
	}
}

func TestStateIsTheProxysWhileItHasTheUpstream(t *testing.T) {
	for _, state := range []spec.State{spec.Starting, spec.Ready, spec.Ejected, spec.Resting, spec.Draining} {
		c := joined(t, web(nil), live(func(s *spec.TargetStatus) { s.Upstreams[0].State = state }))
		if got := c.Targets[0].State; got != state.String() {
			t.Errorf("%v reads %q", state, got)
		}
	}
}

// A Target that lets nobody in must not look as if it worked.
func TestUpstreamOfAClosedTargetIsClosed(t *testing.T) {
	closed := web(func(v *discovery.Verdict) { v.Outcome, v.Targets[0].Closed = discovery.NotRouted, true })
	if c := joined(t, closed, live(nil)); c.Targets[0].State != "closed" || c.Outcome != "not routed" {
		t.Errorf("it reads %s, %s", c.Targets[0].State, c.Outcome)
	}
	conflict := spec.Conflict{Match: exact("shop.test", ""), Holder: "compose:old/web", Loser: "compose:shop/web"}
	refused := live(func(s *spec.TargetStatus) { s.Conflicts = []spec.Conflict{conflict} })
	if c := joined(t, closed, refused); c.Targets[0].State != "not routed" {
		t.Errorf("without a match of its own it reads %s", c.Targets[0].State)
	}
}

// What is wrong with a certificate stands with the containers of its Target; only
// what closes the Target takes them out.
func TestFaultsOfATargetAreItsContainers(t *testing.T) {
	expired := spec.Fault{Code: spec.FaultCertificateExpired, Grave: true, Text: "it expired", Fix: "bring another"}
	lost := spec.Fault{Code: spec.FaultClientCA, Grave: true, Closes: true, Text: "nobody may come in"}
	view := joined(t, web(nil), live(func(s *spec.TargetStatus) { s.Faults = []spec.Fault{expired} }))
	part := view.Targets[0]
	if view.Outcome != "routed" || part.State != "ready" || len(part.Reasons) != 1 ||
		part.Reasons[0] != (ReasonView{Code: "certificate-expired", Step: "route", Severity: "error", Text: "it expired", Fix: "bring another"}) {
		t.Errorf("an expired certificate: %+v", view)
	}
	view = joined(t, web(nil), live(func(s *spec.TargetStatus) { s.Faults, s.Closed = []spec.Fault{lost}, lost.Text }))
	if part := view.Targets[0]; view.Outcome != "not routed" || part.State != "closed" || codes(part.Reasons) != "client-ca-unreadable" {
		t.Errorf("a lost authority: %+v", view)
	}
}

func TestReadyUpstreamWithoutAShareSaysSo(t *testing.T) {
	weightless := live(func(s *spec.TargetStatus) {
		s.Upstreams[0].Weight, s.Upstreams[0].Reason = 0, "weight 0: no new requests"
	})
	part := joined(t, web(nil), weightless).Targets[0]
	if part.State != "ready" || codes(part.Reasons) != string(discovery.CodeNoWeight) || part.Reasons[0].Severity != "warning" ||
		part.Reasons[0].Text != "weight 0: no new requests" {
		t.Errorf("it reads %+v", part)
	}
}

func TestStateIsTheVerdictsOtherwise(t *testing.T) {
	for engineState, want := range map[string]string{"running": "not routed", "exited": "exited", "created": "created"} {
		verdict := web(func(v *discovery.Verdict) {
			v.State, v.Outcome, v.Targets[0].Upstream = engineState, discovery.NotRouted, ""
		})
		if got := joined(t, verdict, live(nil)).Targets[0].State; got != want {
			t.Errorf("a container that is %s reads %q, want %q", engineState, got, want)
		}
	}
}

func TestRequestsOfAStoppedContainerStayCounted(t *testing.T) {
	verdict := web(func(v *discovery.Verdict) { v.State, v.Targets[0].Upstream = "exited", "" })
	draining := live(func(s *spec.TargetStatus) { s.Upstreams[0].State = spec.Draining })
	if c := joined(t, verdict, draining); c.Requests != 7 {
		t.Errorf("%d requests, want 7", c.Requests)
	}
}

// A container with two ports on one address may have one Upstream id in both.
func TestPartsOfOneContainerAreToldApart(t *testing.T) {
	verdict := web(func(v *discovery.Verdict) {
		v.Targets = append(v.Targets, discovery.TargetVerdict{ID: "compose:shop/web/admin", Upstream: "u1"})
	})
	other := live(func(s *spec.TargetStatus) {
		s.ID, s.Upstreams[0].State, s.Upstreams[0].Requests = "compose:shop/web/admin", spec.Starting, 3
	})
	c := joined(t, verdict, live(nil), other)
	if c.Targets[0].State != "ready" || c.Targets[1].State != "starting" || c.Requests != 10 {
		t.Errorf("the container reads %+v", c)
	}
}

func TestProxySaysWhyAnUpstreamIsNotReady(t *testing.T) {
	starting := live(func(s *spec.TargetStatus) {
		u := &s.Upstreams[0]
		u.State, u.Reason, u.Since, u.Address = spec.Starting, "port 80 not accepting for 12 s", time.Now().Add(-12*time.Second), "172.18.0.3:80"
	})
	part := joined(t, web(nil), starting).Targets[0]
	if codes(part.Reasons) != "starting" || part.Reasons[0].Severity != "error" || !strings.Contains(part.Reasons[0].Fix, "0.0.0.0:80") {
		t.Errorf("the reasons are %+v", part.Reasons)
	}
	soon := live(func(s *spec.TargetStatus) {
		s.Upstreams[0].State, s.Upstreams[0].Reason, s.Upstreams[0].Since = spec.Starting, "port 80 not accepting", time.Now()
	})
	if part := joined(t, web(nil), soon).Targets[0]; part.Reasons[0].Fix != "" {
		t.Errorf("a container that has just started is told to %q", part.Reasons[0].Fix)
	}
}

// Where a HEALTHCHECK keeps it out, nobody is to look for a wrong port.
func TestAdviceFitsAPendingHealthcheck(t *testing.T) {
	verdict := web(func(v *discovery.Verdict) { v.Health = "starting" })
	pending := live(func(s *spec.TargetStatus) {
		u := &s.Upstreams[0]
		u.State, u.Reason, u.Since, u.Address = spec.Starting, "HEALTHCHECK has not succeeded yet", time.Now().Add(-12*time.Second), "172.18.0.3:80"
	})
	part := joined(t, verdict, pending).Targets[0]
	if codes(part.Reasons) != "starting" || !strings.Contains(part.Reasons[0].Fix, "interval") || strings.Contains(part.Reasons[0].Fix, "0.0.0.0") {
		t.Errorf("the reasons are %+v", part.Reasons)
	}
}

func TestCauseIsSaidOnce(t *testing.T) {
	verdict := web(func(v *discovery.Verdict) {
		v.Targets[0].Reasons = []discovery.Reason{{Code: discovery.CodeUnhealthy, Severity: discovery.Error, Text: "its HEALTHCHECK fails"}}
	})
	resting := live(func(s *spec.TargetStatus) {
		s.Upstreams[0].State, s.Upstreams[0].Reason = spec.Resting, "unhealthy"
	})
	if got := codes(joined(t, verdict, resting).Targets[0].Reasons); got != "unhealthy" {
		t.Errorf("the reasons are %q, want the verdict's alone", got)
	}
}

// The program may listen as it should: nobody can get there.
func TestRestartedOwnerIsTheCause(t *testing.T) {
	verdict := web(func(v *discovery.Verdict) {
		v.Targets[0].Reasons = []discovery.Reason{{Code: discovery.CodeOwnerRestarted, Severity: discovery.Warning, Fix: "docker restart web"}}
	})
	starting := live(func(s *spec.TargetStatus) {
		s.Upstreams[0].State, s.Upstreams[0].Reason = spec.Starting, "port 80 not accepting for 12 s"
	})
	if got := codes(joined(t, verdict, starting).Targets[0].Reasons); got != "owner-restarted" {
		t.Errorf("the reasons are %q, want the verdict's alone", got)
	}
}

func TestDecisiveReasonComesFirst(t *testing.T) {
	verdict := web(func(v *discovery.Verdict) {
		v.Targets[0].Reasons = []discovery.Reason{
			{Code: discovery.CodePortChosen, Severity: discovery.Note},
			{Code: discovery.CodeOddOption, Severity: discovery.Warning},
		}
	})
	ejected := live(func(s *spec.TargetStatus) { s.Upstreams[0].State, s.Upstreams[0].Reason = spec.Ejected, "refused" })
	want := string("ejected " + discovery.CodeOddOption + " " + discovery.CodePortChosen)
	if got := codes(joined(t, verdict, ejected).Targets[0].Reasons); got != want {
		t.Errorf("the reasons are %q, want %q", got, want)
	}
}

func TestConflictIsSaidOnBothSides(t *testing.T) {
	conflict := spec.Conflict{Match: exact("shop.test", ""), Holder: "compose:old/web", Loser: "compose:shop/web"}
	loser := live(func(s *spec.TargetStatus) { s.Conflicts = []spec.Conflict{conflict} })
	c := joined(t, web(nil), loser)
	part := c.Targets[0]
	if part.State != "not routed" || c.Outcome != "not routed" || codes(part.Reasons) != "match-taken" ||
		part.Reasons[0].Severity != "error" || !strings.Contains(part.Reasons[0].Text, "compose:old/web") {
		t.Errorf("the loser reads %s %+v", c.Outcome, part)
	}

	holder := live(func(s *spec.TargetStatus) { s.ID, s.Conflicts = "compose:old/web", []spec.Conflict{conflict} })
	c = joined(t, web(func(v *discovery.Verdict) { v.Targets[0].ID = "compose:old/web" }), holder)
	part = c.Targets[0]
	if part.State != "ready" || c.Outcome != "routed" || codes(part.Reasons) != "match-claimed" ||
		!strings.Contains(part.Reasons[0].Text, "compose:shop/web") {
		t.Errorf("the holder reads %s %+v", c.Outcome, part)
	}
}

func TestContainerThatDoesNotRunHasANearerReasonThanAConflict(t *testing.T) {
	conflict := spec.Conflict{Match: exact("shop.test", ""), Holder: "compose:shop/web", Loser: "compose:new/web"}
	verdict := web(func(v *discovery.Verdict) {
		v.State, v.Targets[0].Upstream = "exited", ""
		v.Targets[0].Reasons = []discovery.Reason{{Code: discovery.CodeNotRunning, Severity: discovery.Note}}
	})
	c := joined(t, verdict, live(func(s *spec.TargetStatus) { s.Conflicts = []spec.Conflict{conflict} }))
	if got := codes(c.Targets[0].Reasons); got != "not-running" {
		t.Errorf("the reasons are %q, want not-running alone", got)
	}
}

func TestContainerThatLostOneOfTwoMatchesIsRouted(t *testing.T) {
	conflict := spec.Conflict{Match: exact("shop.test", ""), Holder: "compose:old/web", Loser: "compose:shop/web"}
	partly := live(func(s *spec.TargetStatus) {
		s.Matches, s.Conflicts = append(s.Matches, exact("www.shop.test", "")), []spec.Conflict{conflict}
	})
	c := joined(t, web(nil), partly)
	if c.Targets[0].State != "ready" || c.Outcome != "routed" || c.Targets[0].Reasons[0].Severity != "warning" {
		t.Errorf("the container reads %s %+v", c.Outcome, c.Targets[0])
	}
}

func TestContainerThatLostOneOfTwoTargetsIsPartlyRouted(t *testing.T) {
	conflict := spec.Conflict{Match: exact("shop.test", ""), Holder: "compose:old/web", Loser: "compose:shop/web"}
	verdict := web(func(v *discovery.Verdict) {
		v.Targets = append(v.Targets, discovery.TargetVerdict{ID: "compose:shop/web/admin", Upstream: "u2"})
	})
	c := joined(t, verdict, live(func(s *spec.TargetStatus) { s.Conflicts = []spec.Conflict{conflict} }))
	if c.Outcome != "partly" {
		t.Errorf("the outcome is %q, want partly", c.Outcome)
	}
}

// Names, labels and images are written by whoever may start a container.
func TestWhatContainersSayStaysData(t *testing.T) {
	verdict := web(func(v *discovery.Verdict) { v.Name = "<script>\x1b[2J\xff" })
	addr := start(t, Options{Engines: []Engine{fixedEngine{verdicts: []discovery.Verdict{verdict}}}})
	_, body := ask(t, "GET", "http://"+addr+pathContainers)
	if strings.ContainsAny(body, "<>\x1b") || !utf8.ValidString(body) {
		t.Errorf("a name got through unescaped: %q", body)
	}
}

// An Upstream may be ready although no listener leads to its Target.
func TestTargetThatNoListenerLeadsToIsNotRouted(t *testing.T) {
	verdict := web(func(v *discovery.Verdict) { v.Outcome, v.Targets[0].Unmatched = discovery.NotRouted, true })
	c := joined(t, verdict, live(nil))
	if c.Outcome != "not routed" || c.Targets[0].State != "not routed" {
		t.Errorf("the container reads %s %+v", c.Outcome, c.Targets[0])
	}
}

// A clash of derived hosts is mended by a line: nobody has chosen either of them.
func TestClashOfDerivedHostsNamesTheLineToAdd(t *testing.T) {
	const line = "services:\n  web:\n    labels:\n      rota.host: shop-web.localhost"
	conflict := spec.Conflict{Match: exact("web.localhost", ""), Holder: "compose:old/web", Loser: "compose:shop/web"}
	verdict := web(func(v *discovery.Verdict) { v.Targets[0].OwnHost = line })
	part := joined(t, verdict, live(func(s *spec.TargetStatus) { s.Conflicts = []spec.Conflict{conflict} })).Targets[0]
	if codes(part.Reasons) != "match-taken" || part.Reasons[0].Fix != line {
		t.Errorf("the loser reads %+v", part.Reasons)
	}
	conflict.Holder, conflict.Loser = conflict.Loser, conflict.Holder
	part = joined(t, verdict, live(func(s *spec.TargetStatus) { s.Conflicts = []spec.Conflict{conflict} })).Targets[0]
	if codes(part.Reasons) != "match-claimed" || part.Reasons[0].Fix == line {
		t.Errorf("the holder reads %+v", part.Reasons)
	}
}
