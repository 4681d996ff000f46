package labels

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/proxy/spec"
)

func TestHugeValue(t *testing.T) {
	for _, key := range []string{"rota.host", "rota.port", "rota.header.X-A", "rota.frobnicate", "rota.auht.basic"} {
		d := Decode(Options{}, map[string]string{key: strings.Repeat("a", 1<<20)})
		target := d.Targets[0]
		if len(target.Problems) != 1 || !target.TargetBad && !target.UpstreamBad && !target.AccessBad {
			t.Errorf("%s: got %+v, want one error", key, target)
		}
		checkProblems(t, d)
	}
}

func TestHugeKey(t *testing.T) {
	huge := strings.Repeat("a", 1<<20)
	for _, key := range []string{"rota." + huge, "rota." + huge + ".host", "rota.host." + huge, "rota.header." + huge + " ", "rota.auth." + huge} {
		d := Decode(Options{}, map[string]string{key: "x"})
		if len(d.Problems)+len(problemsOf(d)) == 0 {
			t.Errorf("%.20s…: no problem is reported", key)
		}
		checkProblems(t, d)
	}
}

func TestTooManyLabels(t *testing.T) {
	labels := map[string]string{"rota.allow": "10.0.0.0/8"}
	for i := range 5000 {
		labels[fmt.Sprintf("rota.t%d.host", i)] = fmt.Sprintf("h%d.test", i)
	}
	d := Decode(Options{}, labels)
	if len(d.Targets) != 0 || len(d.Problems) != 1 || d.Problems[0].Warning {
		t.Errorf("got %d Targets and problems %v, want none and one error", len(d.Targets), d.Problems)
	}
}

func TestAsManyLabelsAsAllowed(t *testing.T) {
	labels := map[string]string{}
	for i := range MaxLabels {
		labels[fmt.Sprintf("rota.t%d.host", i)] = fmt.Sprintf("h%d.test", i)
		labels[fmt.Sprintf("other.t%d.host", i)] = "does not count"
	}
	if d := Decode(Options{}, labels); len(d.Targets) != MaxLabels || len(d.Problems) > 0 {
		t.Errorf("got %d Targets and problems %v", len(d.Targets), d.Problems)
	}
}

// Whatever its value, an access option that was asked for and is not in force
// must shut the Target, and so must every slip of one finger in its key.
func TestMistypedChecksFailClosed(t *testing.T) {
	for _, o := range Grammar() {
		if o.Scope != Access {
			continue
		}
		for _, key := range slips(o.Key + o.Name) {
			if o, name := theGrammar.find(key); o != nil && (o.Scope == Access && name != "" || o.Scope != Access) {
				continue // another right key
			}
			d := Decode(Options{}, map[string]string{"rota.host": "a.test", "rota." + key: "10.0.0.0/8"})
			if open := d.Targets[0]; d.Exposed && open.Name == "" && !open.AccessBad && !open.TargetBad && key != "client" {
				t.Errorf("rota.%s leaves rota.host open: %v", key, problemsOf(d))
			}
		}
	}
}

// slips are s and what becomes of it when a letter is left out, doubled, swapped
// with its neighbour or typed in the other case.
func slips(s string) []string {
	all := []string{s}
	for i := range len(s) {
		all = append(all, s[:i]+s[i+1:], s[:i]+s[i:i+1]+s[i:], s[:i]+strings.ToUpper(s[i:i+1])+s[i+1:])
		if i > 0 {
			all = append(all, s[:i-1]+s[i:i+1]+s[i-1:i]+s[i+1:])
		}
	}
	return all
}

func TestSecretsAreNotShown(t *testing.T) {
	const secret = "hunter2hunter2"
	for _, key := range []string{
		"rota.auth.basic", "rota.admin.auth.basic", "rota.auth.oidc.secret", "rota.auht.basic", "rota.auth", "rota.Auth.Basic",
		"rota.basicauth", "rota.password", "rota.admin.token", "rota.auth.frobnicate", "rota.Admin.auth.basic", "Rota.auth.basic",
		"rota.athu.bsic", "rota.my.app.auth.basic",
	} {
		d := Decode(Options{}, map[string]string{key: secret, "other": "x"})
		if text := describe(d); strings.Contains(text, secret) || !strings.Contains(text, "…") {
			t.Errorf("%s: the secret is shown, or no problem is:\n%s", key, text)
		}
	}
}

func problemsOf(d Decoded) []Problem {
	all := d.Problems
	for _, t := range d.Targets {
		all = append(all, t.Problems...)
	}
	return all
}

// checkProblems holds of all Problems, whatever the labels were.
func checkProblems(t *testing.T, d Decoded) {
	t.Helper()
	for _, p := range problemsOf(d) {
		if p.Label == "" || p.Reason == "" {
			t.Errorf("%+v says too little", p)
		}
		if text := p.String(); len(text) > 1000 || strings.ContainsAny(text, "\x00\x1b\n\r") {
			t.Errorf("%q is not fit for a terminal", text)
		}
	}
}

// checkTargets holds of all Targets, whatever the labels were.
func checkTargets(t *testing.T, d Decoded) {
	t.Helper()
	for _, target := range d.Targets {
		if target.AccessBad != (target.Spec.Closed != "") {
			t.Errorf("%q: AccessBad is %v, but Closed %q", target.Name, target.AccessBad, target.Spec.Closed)
		}
		if target.TargetBad {
			continue
		}
		s := target.Spec
		s.ID = "test"
		for i := range s.Matches {
			if target.NeedsHost {
				s.Matches[i].Host = spec.Host{Pattern: "derived.test"}
			}
		}
		if err := s.Validate(); err != nil {
			t.Errorf("%q is taken for good, but %v", target.Name, err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	usual := map[string]string{
		"rota.host": "shop.test, *.shop.test", "rota.port": "8080", "rota.wait": "10s", "rota.timeout": "5s",
		"rota.admin.host": "shop.test/admin", "rota.admin.port": "9000", "com.docker.compose.service": "web",
	}
	mistyped, neighbours := map[string]string{}, map[string]string{}
	for i := range MaxLabels {
		mistyped[fmt.Sprintf("rota.auht%d.bsaic.nothing", i)] = "x"
		neighbours[fmt.Sprintf("rota.target%d.%s", i, []string{"host", "client"}[i%2])] = "::/0"
	}
	for name, labels := range map[string]map[string]string{"usual": usual, "mistyped": mistyped, "neighbours": neighbours} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Decode(Options{}, labels)
			}
		})
	}
}
