package labels

import (
	"strings"
	"testing"
)

// problemOf is what is said of the one label.
func problemOf(t *testing.T, key, value string) Problem {
	t.Helper()
	d := Decode(Options{}, map[string]string{key: value})
	all := d.Problems
	for _, target := range d.Targets {
		all = append(all, target.Problems...)
	}
	if len(all) != 1 {
		t.Fatalf("%s %q has the problems %v, want one", key, value, all)
	}
	return all[0]
}

func TestProblemSaysWhatToType(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"rota.hots", "a.test", "write rota.host"},
		{"rota.port", "99999", `for example rota.port: "8080"`},
		{"rota.admin.port", "http", `for example rota.admin.port: "8080"`},
		{"rota.port", "80:8080", `write rota.port: "8080"`},
		{"rota.wait", "10", `write rota.wait: "10s"`},
		{"rota.host", "a.test, http://b.test", "write b.test"},
		{"rota.header.Host", "a.test", "write rota.host"},
		{"rota.enable", "flase", `write rota.enable: "false"`},
		{"rota.client", "10.0.0.1/8", `write rota.client: "10.0.0.0/8"`},
		{"rota.allow", "10.0.0.0/8", ""}, // reserved: nothing would be right
	} {
		if got := problemOf(t, c.key, c.value).Fix; got != c.want {
			t.Errorf("%s %q: fix %q, want %q", c.key, c.value, got, c.want)
		}
	}
}

func TestProblemQuotesAValueOnce(t *testing.T) {
	for value, want := range map[string]string{
		`x": is fine`: `rota.port "x\": is fine": `,
		"a\x1b[2J":    `rota.port "a\x1b[2J": `,
		`~^\d+$`:      `rota.port "~^\d+$": `,
	} {
		if got := problemOf(t, "rota.port", value).String(); !strings.HasPrefix(got, want) {
			t.Errorf("%q reads %s, want %s…", value, got, want)
		}
	}
}

// A fix must not say what the problem itself keeps to itself.
func TestFixHasNoSecret(t *testing.T) {
	for _, key := range []string{"rota.port", "rota.host", "rota.wait"} {
		p := problemOf(t, key, "http://$2y$s3cret")
		if strings.Contains(p.Fix, "s3cret") || p.Fix == "" {
			t.Errorf("%s: fix %q", key, p.Fix)
		}
	}
}
