package discovery

import (
	"strings"
	"testing"
)

// planOne plans a container with others and answers what is said of it.
func planOne(t *testing.T, one Planned, others ...Planned) (Outcome, string) {
	t.Helper()
	verdicts, _, err := Plan(PlanOptions{}, append([]Planned{one}, others...))
	if err != nil || len(verdicts) != len(others)+1 {
		t.Fatalf("%d verdicts, %v", len(verdicts), err)
	}
	var codes []string
	for _, r := range allReasons(verdicts[0]) {
		codes = append(codes, string(r.Code))
	}
	return verdicts[0].Outcome, strings.Join(codes, " ")
}

func TestPlan(t *testing.T) {
	web := Planned{
		Name: "shop-web-1", Project: "shop", Service: "web", Networks: []string{"edge"},
		Labels: map[string]string{"rota.host": "shop.test", "rota.port": "80"},
	}
	with := func(edit func(*Planned)) Planned {
		c := web
		edit(&c)
		return c
	}
	proxyOn := func(networks ...string) Planned { return Planned{Name: "rota", Networks: networks, Proxy: true} }
	onHost := Planned{Name: "rota", NetworkMode: "host", Proxy: true}
	beside := func(owner string) Planned {
		return with(func(p *Planned) { p.Networks, p.NetworkMode = nil, "container:"+owner })
	}
	for name, c := range map[string]struct {
		one     Planned
		others  []Planned
		outcome Outcome
		codes   string
	}{
		"without a proxy every network will do":     {web, nil, Routed, ""},
		"a network with the proxy":                  {web, []Planned{proxyOn("back", "edge")}, Routed, ""},
		"none with the proxy":                       {web, []Planned{proxyOn("back")}, NotRouted, "no-shared-network"},
		"a proxy on the host reaches every network": {web, []Planned{onHost}, Routed, ""},
		"the network of another":                    {beside("vpn"), []Planned{{Name: "vpn", Networks: []string{"edge"}}}, Routed, ""},
		"the network of one without":                {beside("vpn"), []Planned{{Name: "vpn", NetworkMode: "none"}}, NotRouted, "network-none"},
		"of one that is not planned":                {beside("vpn"), []Planned{proxyOn("edge")}, Routed, ""},
		"the proxy itself":                          {with(func(p *Planned) { p.Proxy = true }), nil, Hidden, "own-container"},
		"no label":                                  {with(func(p *Planned) { p.Labels = nil }), nil, Hidden, "not-exposed"},
		"a label that is wrong":                     {with(func(p *Planned) { p.Labels = map[string]string{"rota.hots": "a"} }), nil, NotRouted, "bad-option no-definition port-assumed"},
	} {
		if outcome, codes := planOne(t, c.one, c.others...); outcome != c.outcome || codes != c.codes {
			t.Errorf("%s: %s with %q, want %s with %q", name, outcome, codes, c.outcome, c.codes)
		}
	}
}

// Whoever shows a finding can find the label by its key, as it was typed.
func TestPlanNamesTheLabelJustAsTyped(t *testing.T) {
	key := "rota." + strings.Repeat("x", 200) + "\x00"
	verdicts, _, err := Plan(PlanOptions{}, []Planned{{Name: "web", Networks: []string{"edge"}, Labels: map[string]string{key: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := verdicts[0].Targets[0].Reasons[0].Label; got != key {
		t.Errorf("got %q, want %q", got, key)
	}
}

func TestPlanRefusesWrongOptions(t *testing.T) {
	if _, _, err := Plan(PlanOptions{DefaultHost: "{{.Nobody}}"}, nil); err == nil {
		t.Error("a template with a field that does not exist is taken")
	}
}
