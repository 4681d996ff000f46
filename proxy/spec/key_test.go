package spec

import (
	"net/netip"
	"testing"
)

func TestMatchKey(t *testing.T) {
	base := func() Match {
		return Match{
			Host: Host{TemplateHost, "{a:[a-z]+}.test"}, Path: Path{Pattern: "/u/{id}", Template: true},
			Methods: []string{"GET", "POST"}, Headers: []Condition{{Name: "X-A", Value: "1"}, {Name: "X-B", Value: "2"}},
			Queries: []Condition{{Name: "q", Value: "1"}}, Clients: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		}
	}
	for name, change := range map[string]func(*Match){
		"entries":       func(m *Match) { m.Entries = []string{"x"} },
		"part names":    func(m *Match) { m.Host.Pattern, m.Path.Pattern = "{b:[a-z]+}.test", "/u/{x}" },
		"order":         func(m *Match) { m.Headers[0], m.Headers[1] = m.Headers[1], m.Headers[0] },
		"methods":       func(m *Match) { m.Methods = []string{"POST", "GET", "GET"} },
		"header case":   func(m *Match) { m.Headers[0].Name = "x-a" },
		"unmasked CIDR": func(m *Match) { m.Clients = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8")} },
	} {
		m := base()
		change(&m)
		if m.Key() != base().Key() {
			t.Errorf("%s makes a difference", name)
		}
	}
	for name, change := range map[string]func(*Match){
		"host kind":   func(m *Match) { m.Host = Host{WildcardHost, "test"} },
		"expression":  func(m *Match) { m.Host.Pattern = "{a:[a-y]+}.test" },
		"exact":       func(m *Match) { m.Path.Exact = true },
		"path":        func(m *Match) { m.Path.Pattern = "/v/{id}" },
		"priority":    func(m *Match) { m.Priority = 1 },
		"method":      func(m *Match) { m.Methods = []string{"GET"} },
		"value":       func(m *Match) { m.Headers[0].Value = "2" },
		"regexp":      func(m *Match) { m.Headers[0].Regexp = true },
		"query case":  func(m *Match) { m.Queries[0].Name = "Q" },
		"client":      func(m *Match) { m.Clients = nil },
		"moved field": func(m *Match) { m.Queries, m.Headers = m.Headers, m.Queries },
		"forged":      func(m *Match) { m.Headers = []Condition{{Name: "X-A", Value: `1"` + "header" + `"x-b"false"2`}} },
	} {
		m := base()
		change(&m)
		if m.Key() == base().Key() {
			t.Errorf("%s makes no difference", name)
		}
	}
}
