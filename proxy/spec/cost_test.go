package spec

import (
	"net/netip"
	"strings"
	"testing"
)

// Everything that a Match says costs something, and what is compiled more than
// its text.
func TestMatchCost(t *testing.T) {
	empty := Match{}.Cost()
	for name, m := range map[string]Match{
		"host":    {Host: Host{Pattern: strings.Repeat("a", 63)}},
		"path":    {Path: Path{Pattern: "/" + strings.Repeat("a", 63)}},
		"entry":   {Entries: []string{"http"}},
		"method":  {Methods: []string{"GET"}},
		"header":  {Headers: []Condition{{Name: "X-A", Value: strings.Repeat("a", 63)}}},
		"query":   {Queries: []Condition{{Name: "a", Value: strings.Repeat("a", 63)}}},
		"clients": {Clients: make([]netip.Prefix, 4)},
	} {
		if cost := m.Cost(); cost <= empty {
			t.Errorf("%s: %d, as much as nothing", name, cost)
		}
	}
	for name, m := range map[string]Match{
		"template host": {Host: Host{Kind: TemplateHost, Pattern: "{a:[a-z]{99}}.test"}},
		"template path": {Path: Path{Pattern: "/{a:[a-z]{99}}", Template: true}},
		"header":        {Headers: []Condition{{Name: "X-A", Value: "[a-z]{99}", Regexp: true}}},
		"query":         {Queries: []Condition{{Name: "a", Value: "[a-z]{99}", Regexp: true}}},
	} {
		if cost := m.Cost(); cost < 99*instructionCost {
			t.Errorf("%s: %d, less than its instructions", name, cost)
		}
	}
}
