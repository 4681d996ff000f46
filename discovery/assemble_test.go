package discovery

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/proxy/spec"
)

// stage puts containers in front of an assembler and lets them change.
type stage struct {
	t         *testing.T
	inventory *inventory
	now       time.Time
	published map[string]spec.Target
}

func newStage(t *testing.T, edits ...func(*assembler, *labels.Options)) *stage {
	t.Helper()
	hosts, err := newHostTemplate("")
	if err != nil {
		t.Fatal(err)
	}
	a := assembler{Engine: "docker", Hosts: hosts, Outlook: proxyOn("172.17.0.1/16")}
	grammar := labels.Options{}
	for _, edit := range edits {
		edit(&a, &grammar)
	}
	return &stage{t: t, inventory: newInventory(grammar, a), now: time.Unix(0, 0), published: map[string]spec.Target{}}
}

// container adds or replaces one: the labels as `host=web.test port=80`, the
// compose name as project/service before a colon, created at a minute.
func (s *stage) container(name string, minute int, texts string, edits ...func(*container)) {
	c := running(name, map[string]string{})
	c.Created = time.Unix(int64(60*minute), 0)
	c.Name = name
	for text := range strings.FieldsSeq(texts) {
		key, value, _ := strings.Cut(text, "=")
		if project, service, found := strings.Cut(key, "/"); found {
			c.Labels[labelProject], c.Labels[labelService] = project, service
			continue
		}
		c.Labels["rota."+key] = strings.ReplaceAll(value, "~", " ")
	}
	for _, edit := range edits {
		edit(&c)
	}
	s.inventory.put(c, true)
	s.settle()
}

func (s *stage) settle() []spec.Target {
	changed := s.inventory.assemble(s.now)
	for _, t := range changed {
		s.published[t.ID] = t
	}
	return changed
}

// remove takes a container away.
func (s *stage) remove(name string) {
	s.inventory.remove(name)
	s.settle()
}

// want compares a Target: `host path → upstream, upstream`, with ` closed`.
func (s *stage) want(id, want string) {
	s.t.Helper()
	target, found := s.published[id]
	if !found {
		if want != "" {
			s.t.Errorf("%s was not published, want %q; there are %v", id, want, s.ids())
		}
		return
	}
	var names []string
	for _, u := range target.Upstreams {
		names = append(names, u.Name)
	}
	got := strings.Join(matchTexts(target.Matches), ", ") + " → " + strings.Join(sorted(names), ", ")
	if target.Closed != "" {
		got += " closed"
	}
	if got != want {
		s.t.Errorf("%s: %q, want %q", id, got, want)
	}
}

func (s *stage) ids() []string {
	var all []string
	for id := range s.published {
		all = append(all, id)
	}
	return sorted(all)
}

// verdict is that of one container.
func (s *stage) verdict(name string) Verdict {
	s.t.Helper()
	e := s.inventory.containers[name]
	if e == nil {
		s.t.Fatalf("no container %s", name)
	}
	return s.inventory.verdict(e)
}

func (s *stage) wantVerdict(name string, outcome Outcome, codes ...Code) {
	s.t.Helper()
	v := s.verdict(name)
	var got []string
	for _, r := range allReasons(v) {
		got = append(got, string(r.Code))
	}
	var want []string
	for _, c := range codes {
		want = append(want, string(c))
	}
	if v.Outcome != outcome || strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Errorf("%s: %s %v, want %s %v\n%+v", name, v.Outcome, got, outcome, want, v)
	}
}

func TestIdentities(t *testing.T) {
	cases := []struct{ labels, want string }{
		{"host=a.test", "container:c"},
		{"shop/web host=a.test", "compose:shop/web"},
		{"shop/web host=a.test admin.host=b.test", "compose:shop/web compose:shop/web/admin"},
		{"shop/web admin.host=b.test", "compose:shop/web/admin"},
		{"shop/web name=api host=a.test", "name:api"},
		{"name=api admin.host=a.test", "name:api/admin"},
		{"shop/ host=a.test", "container:c"},
	}
	for _, c := range cases {
		s := newStage(t)
		s.container("c", 1, c.labels)
		if got := strings.Join(s.ids(), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.labels, got, c.want)
		}
	}
}

func TestReplicasFormOneTarget(t *testing.T) {
	s := newStage(t)
	for i := range 3 {
		s.container(fmt.Sprintf("shop-web-%d", i+1), i, "shop/web host=web.test")
	}
	s.container("other-web-1", 1, "other/web host=other.test")
	s.want("compose:shop/web", "web.test → shop-web-1, shop-web-2, shop-web-3")
	s.want("compose:other/web", "other.test → other-web-1")
	s.wantVerdict("shop-web-1", Routed)
}

func TestDefaultHosts(t *testing.T) {
	cases := []struct {
		template, labels, name, want string
		code                         Code
	}{
		{labels: "shop/web enable=true", name: "c", want: "web.localhost"},
		{labels: "enable=true", name: "My_App", want: "my-app.localhost"},
		{template: "{{.Name}}.{{.Project}}.test", labels: "shop/web enable=true", name: "Shop_web_1", want: "shop-web-1.shop.test"},
		{template: `{{.Label "tier"}}.test`, labels: "enable=true", name: "c", code: CodeBadHost},
		{template: `{{.Label "rota.enable"}}.test`, labels: "enable=true", name: "c", want: "true.test"},
		{template: "{{.Project}}.test", labels: "enable=true", name: "c", code: CodeBadHost},
		{labels: "enable=true method=GET", name: "c", want: "c.localhost method=GET"},
		{labels: "enable=true admin.port=1", name: "c", want: "c.localhost"},
		{labels: "path=/api", name: "c", want: "*/api"},
	}
	for _, c := range cases {
		s := newStage(t, func(a *assembler, _ *labels.Options) {
			hosts, err := newHostTemplate(c.template)
			if err != nil {
				t.Fatal(err)
			}
			a.Hosts = hosts
		})
		s.container("c", 1, c.labels, func(x *container) { x.Name = c.name })
		var got []string
		for _, target := range s.published {
			got = append(got, matchTexts(target.Matches)...)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%q %q: %v, want %q", c.template, c.labels, got, c.want)
		}
		if c.code != "" {
			s.wantVerdict("c", NotRouted, c.code)
		}
	}
}

func TestExposeAll(t *testing.T) {
	s := newStage(t, func(_ *assembler, o *labels.Options) { o.ExposeAll = true })
	s.container("plain", 1, "")
	s.container("shy", 1, "enable=false")
	s.want("container:plain", "plain.localhost → plain")
	s.wantVerdict("shy", Hidden, CodeHidden)
}

func TestHiddenOnes(t *testing.T) {
	s := newStage(t)
	s.container("plain", 1, "shop/web")
	s.container("shy", 1, "enable=false host=a.test")
	s.container("once", 1, "shop/web host=a.test", func(c *container) { c.Labels[labelOneOff] = "True" })
	s.wantVerdict("plain", Hidden, CodeNotExposed)
	s.wantVerdict("shy", Hidden, CodeHidden)
	s.wantVerdict("once", Hidden, CodeOneOff)
	if len(s.published) != 0 {
		t.Errorf("published %v", s.ids())
	}
}

func TestTheYoungestValidContainerDefines(t *testing.T) {
	s := newStage(t)
	s.container("one", 1, "shop/web host=old.test")
	s.container("two", 2, "shop/web host=new.test")
	s.want("compose:shop/web", "new.test → one, two")
	s.container("three", 3, "shop/web host=newest.test balance=sideways")
	s.want("compose:shop/web", "new.test → one, three, two")
	s.wantVerdict("three", Routed, CodeBadOption, CodeKeptLastGood)
	s.container("four", 4, "shop/web host=future.test", func(c *container) { c.State = "created" })
	s.want("compose:shop/web", "new.test → one, three, two")
	s.wantVerdict("four", NotRouted, CodeNotRunning)
	s.remove("two")
	s.want("compose:shop/web", "old.test → one, three")
}

func TestBadLabelsKeepTheLastGoodDefinition(t *testing.T) {
	s := newStage(t)
	s.container("one", 1, "shop/web host=web.test wait=5s")
	s.remove("one")
	s.want("compose:shop/web", "web.test → ")
	s.container("two", 2, "shop/web host=http://web.test")
	s.want("compose:shop/web", "web.test → two")
	if got := s.published["compose:shop/web"].Wait.For; got != 5*time.Second {
		t.Errorf("wait %s", got)
	}
	s.wantVerdict("two", Routed, CodeBadOption, CodeKeptLastGood)
}

func TestBadLabelsWithoutAnEarlierDefinition(t *testing.T) {
	s := newStage(t)
	s.container("one", 1, "shop/web host=http://web.test")
	s.want("compose:shop/web", "")
	s.wantVerdict("one", NotRouted, CodeBadOption, CodeNoDefinition)
}

func TestABadUpstreamOptionHarmsItsContainerOnly(t *testing.T) {
	s := newStage(t)
	s.container("one", 1, "shop/web host=web.test")
	s.container("two", 2, "shop/web host=web.test port=99999")
	s.want("compose:shop/web", "web.test → one")
	s.wantVerdict("two", NotRouted, CodeBadOption)
	s.wantVerdict("one", Routed)
}

func TestABadTargetHarmsItselfOnly(t *testing.T) {
	s := newStage(t)
	s.container("one", 1, "host=web.test admin.host=web.test/admin admin.balance=sideways")
	s.want("container:one", "web.test → one")
	s.want("container:one/admin", "")
	s.wantVerdict("one", Partly, CodeBadOption, CodeNoDefinition)
}

// A container on the network of one that was started after it is left behind on
// a network that is gone, however well it listens.
func TestRestartedOwner(t *testing.T) {
	s := newStage(t)
	joins := func(c *container) { c.NetworkMode, c.Networks = "container:vpn", nil }
	s.container("vpn", 1, "")
	s.container("app", 1, "host=app.test port=8080", joins)
	s.wantVerdict("app", Routed)
	s.container("vpn", 1, "", func(c *container) { c.StartedAt = c.StartedAt.Add(time.Minute) })
	s.wantVerdict("app", Routed, CodeOwnerRestarted)
	if told := s.verdict("app").Targets[0].Reasons[0]; told.Fix != "docker restart app" || !strings.Contains(told.Text, `"vpn"`) {
		t.Errorf("it says %+v", told)
	}
	s.container("app", 1, "host=app.test port=8080", joins, func(c *container) { c.StartedAt = c.StartedAt.Add(2 * time.Minute) })
	s.wantVerdict("app", Routed)
}

func TestABadAccessOptionClosesTheTarget(t *testing.T) {
	s := newStage(t)
	s.container("one", 1, "shop/web host=web.test")
	s.container("two", 2, "shop/web host=web.test allow=not-a-network")
	s.want("compose:shop/web", "web.test → one, two closed")
	s.wantVerdict("one", NotRouted, CodeClosed)
	s.wantVerdict("two", NotRouted, CodeBadOption, CodeClosed)
	s.container("three", 3, "shop/web host=web.test")
	s.want("compose:shop/web", "web.test → one, three, two")
	// Whose other labels are wrong too cannot open it again.
	s.container("four", 4, "shop/web host=web.test allow=not-a-network wait=soon")
	s.want("compose:shop/web", "web.test → four, one, three, two closed")
}

func TestNameJoinsProjects(t *testing.T) {
	s := newStage(t)
	s.container("a1", 1, "a/web name=api host=a.test")
	s.container("b1", 2, "b/web name=api host=b.test weight=3")
	s.want("name:api", "a.test → a1, b1")
	s.wantVerdict("b1", Routed, CodeForeign)
	for _, u := range s.published["name:api"].Upstreams {
		if u.Name == "b1" && u.Weight != 3 {
			t.Errorf("the joined container's own weight is %d", u.Weight)
		}
	}
	s.container("a2", 3, "a/web name=api host=a2.test")
	s.want("name:api", "a2.test → a1, a2, b1")
	s.container("a1", 1, "a/web name=api host=a.test", func(c *container) { c.State = stateExited })
	s.container("a2", 3, "a/web name=api host=a2.test", func(c *container) { c.State = stateExited })
	s.want("name:api", "a2.test → b1") // stopped is not gone
	s.remove("a1")
	s.remove("a2")
	s.want("name:api", "b.test → b1")
	s.container("a3", 4, "a/web name=api host=a.test")
	s.want("name:api", "b.test → a3, b1")
}

// TestTheOldestProjectOwnsAtFirst: met all at once, age decides.
func TestTheOldestProjectOwnsAtFirst(t *testing.T) {
	s := newStage(t)
	for i, project := range [...]string{"b", "a", "c"} {
		c := running(project, map[string]string{"rota.name": "api", "rota.host": project + ".test", labelProject: project, labelService: "web"})
		c.Created = time.Unix(int64(i), 0)
		s.inventory.put(c, true)
	}
	s.settle()
	s.want("name:api", "b.test → a, b, c")
}

func TestStatesAndPhases(t *testing.T) {
	cases := []struct {
		name    string
		edit    func(*container)
		outcome Outcome
		phase   spec.Phase
		code    Code
	}{
		{"running", func(*container) {}, Routed, spec.Running, ""},
		{"healthy", func(c *container) { c.Health = "healthy" }, Routed, spec.Running, ""},
		{"checking", func(c *container) { c.Health = "starting" }, Routed, spec.Checking, CodeChecking},
		{"unhealthy", func(c *container) { c.Health = "unhealthy" }, Routed, spec.Unhealthy, CodeUnhealthy},
		{"paused", func(c *container) { c.State = statePaused }, Routed, spec.Paused, CodePaused},
		{"paused and unhealthy", func(c *container) { c.State, c.Health = statePaused, "unhealthy" }, Routed, spec.Paused, CodePaused},
		{"created", func(c *container) { c.State = "created" }, NotRouted, 0, CodeNotRunning},
		{"restarting", func(c *container) { c.State = "restarting" }, NotRouted, 0, CodeNotRunning},
		{"exited", func(c *container) { c.State = "exited" }, NotRouted, 0, CodeNotRunning},
		{"dead", func(c *container) { c.State = "dead" }, NotRouted, 0, CodeNotRunning},
		{"removing", func(c *container) { c.State = "removing" }, NotRouted, 0, CodeNotRunning},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			s.container("c", 1, "host=web.test")
			s.container("c", 1, "host=web.test", c.edit)
			var codes []Code
			if c.code != "" {
				codes = append(codes, c.code)
			}
			s.wantVerdict("c", c.outcome, codes...)
			if ups := s.published["container:c"].Upstreams; len(ups) == 1 && ups[0].Phase != c.phase {
				t.Errorf("phase %s, want %s", ups[0].Phase, c.phase)
			}
		})
	}
}

func TestUpstreamOptions(t *testing.T) {
	s := newStage(t)
	s.container("c", 1, "shop/web host=web.test scheme=https weight=7 base=/v2?x=1 host-header=upstream port=8443")
	got := s.published["compose:shop/web"].Upstreams[0]
	want := spec.Upstream{
		ID: got.ID, Container: "c", Name: "c", Scheme: spec.HTTPS, Address: "172.17.0.2:8443", Local: true,
		Base: "/v2?x=1", Weight: 7, HostHeader: "upstream", TLS: spec.TLS{Name: "web"},
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestGuardedSibling(t *testing.T) {
	s := newStage(t)
	s.container("c", 1, "host=web.test admin.host=admin.test admin.client=10.0.0.0/8")
	s.wantVerdict("c", Routed, CodeUnguarded)
	v := s.verdict("c")
	if len(v.Targets[0].Reasons) != 1 || len(v.Targets[1].Reasons) != 0 {
		t.Errorf("the warning stands at the wrong Target: %+v", v.Targets)
	}
}

// TestUpstreamIDs: what ends a backend's life changes its ID, and nothing else
// does.
func TestUpstreamIDs(t *testing.T) {
	id := func(s *stage) string { return s.published["container:c"].Upstreams[0].ID }
	s := newStage(t)
	s.container("c", 1, "host=web.test")
	first := id(s)
	s.container("c", 1, "host=web.test", func(c *container) { c.Health = "unhealthy" })
	if id(s) != first {
		t.Error("health changed the ID")
	}
	s.container("c", 1, "host=web.test", func(c *container) { c.StartedAt = c.StartedAt.Add(time.Nanosecond) })
	if id(s) == first {
		t.Error("a restart kept the ID")
	}
	s.container("c", 1, "host=web.test", func(c *container) { c.Networks[0].IPv4 = netip.MustParsePrefix("172.17.0.9/16") })
	if id(s) == first {
		t.Error("another address kept the ID")
	}
}

func TestEqualTargetsAreNotPublishedAgain(t *testing.T) {
	s := newStage(t)
	s.container("a", 1, "shop/web host=web.test")
	s.container("b", 2, "shop/web host=web.test")
	for _, e := range s.inventory.containers {
		s.inventory.touch(e)
	}
	if changed := s.settle(); len(changed) != 0 {
		t.Errorf("published again: %+v", changed)
	}
}

// TestScalingKeepsTheAge: it decides who holds a host at the first sync.
func TestScalingKeepsTheAge(t *testing.T) {
	s := newStage(t)
	s.container("a", 1, "shop/web host=web.test")
	s.container("b", 9, "shop/web host=web.test")
	age := s.published["compose:shop/web"].Created
	s.remove("a")
	if got := s.published["compose:shop/web"].Created; !got.Equal(age) || age.Unix() != 60 {
		t.Errorf("created %s, before %s", got, age)
	}
}

func TestForgottenAfterAWhile(t *testing.T) {
	s := newStage(t)
	s.container("a", 1, "host=web.test")
	s.remove("a")
	s.inventory.forgetEmpty(s.now.Add(forgetAfter))
	if len(s.inventory.targets) != 1 {
		t.Error("forgotten too early")
	}
	s.inventory.forgetEmpty(s.now.Add(forgetAfter + 1))
	if len(s.inventory.targets) != 0 || len(s.inventory.members) != 0 {
		t.Errorf("not forgotten: %v", s.inventory.targets)
	}
}

func TestTooManyLabels(t *testing.T) {
	s := newStage(t)
	s.container("c", 1, "", func(c *container) {
		for i := range labels.MaxLabels + 1 {
			c.Labels[fmt.Sprintf("rota.t%d.host", i)] = "a.test"
		}
	})
	s.wantVerdict("c", NotRouted, CodeBadOption)
}

// TestAnEarlierOpenDefinitionDoesNotReplaceACheck: labels that ask for a check
// and are wrong in something else must not be served under open ones.
func TestAnEarlierOpenDefinitionDoesNotReplaceACheck(t *testing.T) {
	s := newStage(t)
	s.container("one", 1, "shop/web host=web.test")
	s.container("two", 2, "shop/web host=web.test client=10.0.0.0/8 balance=sideways")
	s.want("compose:shop/web", "web.test → one, two closed")
	s.wantVerdict("two", NotRouted, CodeBadOption, CodeKeptLastGood, CodeClosed)
	s.container("three", 3, "shop/web host=web.test client=10.0.0.0/8")
	s.want("compose:shop/web", "web.test client=10.0.0.0/8 → one, three, two")
	s.container("four", 4, "shop/web host=web.test client=10.0.0.0/8 balance=sideways")
	s.want("compose:shop/web", "web.test client=10.0.0.0/8 → four, one, three, two")
}

// TestClosedUnderTheLastGoodDefinition: what was closed is open again once the
// access rules are right.
func TestClosedUnderTheLastGoodDefinition(t *testing.T) {
	s := newStage(t)
	s.container("one", 1, "host=web.test")
	s.container("one", 1, "host=web.test allow=nonsense balance=sideways")
	s.want("container:one", "web.test → one closed")
	s.container("one", 1, "host=web.test balance=sideways")
	s.want("container:one", "web.test → one")
}

// TestAClosedDefinitionStaysClosed: a definition whose own check was not
// understood does not open when the container it came from goes.
func TestAClosedDefinitionStaysClosed(t *testing.T) {
	s := newStage(t)
	s.container("one", 1, "shop/web host=web.test allow=10.0.0.0/8")
	s.container("two", 2, "shop/web host=new.test retry=x")
	s.want("compose:shop/web", "web.test → one, two closed")
	s.remove("one")
	s.want("compose:shop/web", "web.test → two closed")
	s.wantVerdict("two", NotRouted, CodeBadOption, CodeKeptLastGood, CodeClosed)
	s.remove("two")
	s.container("three", 3, "shop/web host=new.test retry=x")
	s.want("compose:shop/web", "web.test → three closed")
	s.container("four", 4, "shop/web host=new.test")
	s.want("compose:shop/web", "new.test → four, three")
}

// TestEntriesThatDoNotExist: what waits at a listener that is not there is not
// routed, and is told which was meant.
func TestEntriesThatDoNotExist(t *testing.T) {
	there := func(a *assembler, _ *labels.Options) { a.Entries = []string{"http", "internal"} }
	for _, c := range []struct {
		labels   string
		outcome  Outcome
		severity Severity
		text     string
		fix      string
	}{
		{labels: "host=a.test entry=internal", outcome: Routed},
		{labels: "host=a.test", outcome: Routed},
		{
			labels: "shop/web host=a.test,b.test entry=internl", outcome: NotRouted, severity: Error,
			text: `no listener is called "internl" (nearest: internal); there is http, internal`,
			fix:  "services:\n  web:\n    labels:\n      rota.entry: internal",
		},
		{
			labels: "host=a.test entry=http,internl,office", outcome: Routed, severity: Warning,
			text: `no listener is called "internl" (nearest: internal) or "office"; there is http, internal`,
			fix:  "docker run --label rota.entry=http,internal …",
		},
		{
			labels: "host=a.test admin.host=b.test admin.entry=office", outcome: Partly, severity: Error,
			text: `no listener is called "office"; there is http, internal`,
			fix:  "start rota with --entry office=ADDRESS, or ask for http or internal",
		},
	} {
		s := newStage(t, there)
		s.container("one", 1, c.labels)
		if c.severity == "" {
			s.wantVerdict("one", c.outcome)
			continue
		}
		s.wantVerdict("one", c.outcome, CodeNoEntry)
		r := allReasons(s.verdict("one"))[0]
		if r.Severity != c.severity || r.Text != c.text || r.Fix != c.fix {
			t.Errorf("%s: %+v", c.labels, r)
		}
	}
	s := newStage(t)
	s.container("one", 1, "host=a.test entry=anything")
	s.wantVerdict("one", Routed)
}

// TestOwnHost: who has a derived host is told the line that names another.
func TestOwnHost(t *testing.T) {
	long := strings.Repeat("a", 62)
	for _, c := range []struct{ template, labels, name, want string }{
		{labels: "host=a.test", name: "c"},
		{labels: "path=/api", name: "c"},
		{labels: "shop/web enable=true", name: "c", want: "services:\n  web:\n    labels:\n      rota.host: shop-web.localhost"},
		{labels: "My_Shop/web enable=true", name: "c", want: "services:\n  web:\n    labels:\n      rota.host: my-shop-web.localhost"},
		{labels: "shop/web admin.port=9000", name: "c", want: "services:\n  web:\n    labels:\n      rota.admin.host: shop-web.localhost"},
		{template: "{{.Service}}.{{.Project}}.test", labels: "shop/web port=80", name: "c", want: "services:\n  web:\n    labels:\n      rota.host: web-2.shop.test"},
		{labels: "method=GET", name: "My_App", want: "docker run --label rota.host=my-app-2.localhost …"},
		{template: "localhost", labels: "enable=true", name: "c", want: "docker run --label rota.host=localhost-2 …"},
		{labels: "enable=true", name: long, want: "docker run --label rota.host=web.example.com …"},
	} {
		s := newStage(t, func(a *assembler, _ *labels.Options) {
			hosts, err := newHostTemplate(c.template)
			if err != nil {
				t.Fatal(err)
			}
			a.Hosts = hosts
		})
		s.container("c", 1, c.labels, func(x *container) { x.Name = c.name })
		if got := s.verdict("c").Targets[0].OwnHost; got != c.want {
			t.Errorf("%s: %q, want %q", c.labels, got, c.want)
		}
	}
}

// TestOwnHostOfTheLastGoodDefinition: it is the definition's host that counts.
func TestOwnHostOfTheLastGoodDefinition(t *testing.T) {
	s := newStage(t)
	s.container("one", 1, "enable=true")
	s.container("one", 1, "host=a.test retry=x")
	if got := s.verdict("one").Targets[0].OwnHost; got != "docker run --label rota.host=one-2.localhost …" {
		t.Errorf("%q", got)
	}
	s.container("one", 1, "host=a.test")
	if got := s.verdict("one").Targets[0].OwnHost; got != "" {
		t.Errorf("a host by label, and %q", got)
	}
}

// TestTheAddressInUseIsKept: joining a network does not make a running container
// another Upstream; leaving one, and being told which to take, does.
func TestTheAddressInUseIsKept(t *testing.T) {
	const edge, back = "edge 10.1.0.5/16", "back 10.2.0.5/16"
	inside := func(a *assembler, _ *labels.Options) { a.Outlook = proxyIn("edge 10.1.0.2/16", "back 10.2.0.2/16") }
	at := func(networks ...string) func(*container) {
		return func(c *container) { c.Networks = on(networks...) }
	}
	for _, c := range []struct {
		name  string
		first []func(*container)
		then  []func(*container)
		label string // from then on
		proxy func(*outlook)
		want  string
	}{
		{name: "joins the first by name", then: []func(*container){at(edge, back)}, want: "10.1.0.5:8080"},
		{name: "leaves the one in use", first: []func(*container){at(edge, back)}, then: []func(*container){at(back)}, want: "10.2.0.5:8080"},
		{
			name: "starts anew on both", want: "10.2.0.5:8080",
			then: []func(*container){at(edge, back), func(c *container) { c.StartedAt = c.StartedAt.Add(time.Second) }},
		},
		{name: "other address on the network in use", then: []func(*container){at("edge 10.1.0.6/16", back)}, want: "10.2.0.5:8080"},
		{name: "the label names the other", then: []func(*container){at(edge, back)}, label: " network=back", want: "10.2.0.5:8080"},
		{name: "the option names the other", then: []func(*container){at(edge, back)}, proxy: func(o *outlook) { o.Network = "back" }, want: "10.2.0.5:8080"},
		{
			name: "the proxy leaves the one in use", then: []func(*container){at(edge, back)}, want: "10.2.0.5:8080",
			proxy: func(o *outlook) { *o = proxyIn("back 10.2.0.2/16") },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, inside)
			s.container("other", 1, "shop/web host=web.test", at("edge 10.1.0.4/16"))
			s.container("a", 1, "shop/web host=web.test", append([]func(*container){at(edge)}, c.first...)...)
			if c.proxy != nil {
				o := s.inventory.assembler.Outlook
				c.proxy(&o)
				s.inventory.setOutlook(o)
			}
			s.container("a", 1, "shop/web host=web.test"+c.label, c.then...)
			if got := s.verdict("a").Targets[0].Address; got != c.want {
				t.Errorf("reached at %s, want %s", got, c.want)
			}
		})
	}
}
