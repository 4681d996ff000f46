package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

func exact(host, path string) spec.Match {
	return spec.Match{Host: spec.Host{Kind: spec.ExactHost, Pattern: host}, Path: spec.Path{Pattern: path}}
}

func TestTargetsAreShownAsTheyAre(t *testing.T) {
	since := time.Now().Truncate(time.Second)
	shop := exact("shop.test", "/api")
	shop.Entries, shop.Priority = []string{"internal"}, 5
	addr := start(t, Options{Targets: fixedTargets{{
		ID: "compose:shop/web", Source: "docker", Matches: []spec.Match{shop}, Held: 2, Requests: 40,
		TLS:       spec.ServerTLS{Certificate: "shop", Min: spec.TLS13, ClientCA: "staff"},
		Faults:    []spec.Fault{{Code: spec.FaultCertificateMissing, Text: "there is none"}},
		Conflicts: []spec.Conflict{{Match: shop, Holder: "compose:old/web", Loser: "compose:shop/web"}},
		Upstreams: []spec.UpstreamStatus{{
			ID: "u1", Container: "c1", Name: "shop-web-1", Address: "172.18.0.3:80", State: spec.Ejected,
			Reason: "refused 3 connections", Since: since, Weight: 2, InFlight: 1, Requests: 39,
		}},
	}}})
	var answer TargetsAnswer
	fetch(t, addr, pathTargets, http.StatusOK, &answer)
	if len(answer.Targets) != 1 {
		t.Fatalf("%d targets, want 1", len(answer.Targets))
	}
	target := answer.Targets[0]
	if target.ID != "compose:shop/web" || target.Source != "docker" || target.Held != 2 || target.Requests != 40 {
		t.Errorf("the target reads %+v", target)
	}
	if m := target.Matches[0]; m.Text != "shop.test/api" || m.Host != "shop.test" || m.Path != "/api" ||
		m.Priority != 5 || strings.Join(m.Entries, ",") != "internal" {
		t.Errorf("the match reads %+v", m)
	}
	if want := (ConflictView{"shop.test/api", "compose:old/web", "compose:shop/web"}); target.Conflicts[0] != want {
		t.Errorf("the conflict reads %+v", target.Conflicts[0])
	}
	if want := (TLSView{Certificate: "shop", Min: "TLS 1.3", ClientCA: "staff"}); target.TLS == nil || *target.TLS != want {
		t.Errorf("tls reads %+v", target.TLS)
	}
	if want := (ReasonView{Code: "certificate-missing", Step: "route", Severity: "warning", Text: "there is none"}); len(target.Reasons) != 1 || target.Reasons[0] != want {
		t.Errorf("the findings read %+v", target.Reasons)
	}
	upstream := target.Upstreams[0]
	if upstream.Since == nil || !upstream.Since.Equal(since) {
		t.Errorf("since reads %v, want %v", upstream.Since, since)
	}
	upstream.Since = nil
	want := UpstreamView{
		ID: "u1", Container: "c1", Name: "shop-web-1", Address: "172.18.0.3:80", State: "ejected",
		Reason: "refused 3 connections", Weight: 2, InFlight: 1, Requests: 39,
	}
	if upstream != want {
		t.Errorf("the upstream reads %+v, want %+v", upstream, want)
	}
}

// A script that walks the lists must not trip over null.
func TestEmptyListsAreLists(t *testing.T) {
	addr := start(t, Options{Targets: fixedTargets{{ID: "container:db"}}, Engines: []Engine{fixedEngine{}}})
	for _, path := range []string{pathTargets, pathContainers, pathReady} {
		if _, body := ask(t, "GET", "http://"+addr+path); strings.Contains(body, "null") {
			t.Errorf("%s has null in it: %s", path, body)
		}
	}
}
