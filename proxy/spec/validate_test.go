package spec

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func soundTarget(t *testing.T) Target {
	t.Helper()
	host, err := ParseHost("{tenant}.a.test")
	if err != nil {
		t.Fatal(err)
	}
	path, err := ParsePath("=/u/{id}")
	if err != nil {
		t.Fatal(err)
	}
	target := NewTarget("name:web")
	target.Matches = []Match{{
		Entries: []string{"http"}, Host: host, Path: path, Methods: []string{"GET"},
		Headers: []Condition{{Name: "X-A", Value: "^b", Regexp: true}},
		Queries: []Condition{{Name: "q", Value: "[not a regexp"}},
		Clients: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}, {Host: Host{Kind: AnyHost}}}
	target.Upstreams = []Upstream{
		{ID: "a", Address: "127.0.0.1:80", Weight: 1, Base: "/x?y=1", HostHeader: HostKeep},
		{ID: "b", Address: "[::1]:80", Scheme: HTTPS},
		{ID: "c", Address: "db_1:5432", HostHeader: "a.test:80"},
	}
	return target
}

func TestValidateTakesWhatIsSound(t *testing.T) {
	if err := soundTarget(t).Validate(); err != nil {
		t.Error(err)
	}
	if err := NewTarget("x").Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for field, spoil := range map[string]func(*Target){
		"ID":                         func(t *Target) { t.ID = "" },
		"Balance":                    func(t *Target) { t.Balance = "magic" },
		"Eject.Failures":             func(t *Target) { t.Eject.Failures = -1 },
		"Eject.For":                  func(t *Target) { t.Eject.For = -1 },
		"Eject.Max":                  func(t *Target) { t.Eject.Max = -1 },
		"Eject.Statuses[1]":          func(t *Target) { t.Eject.Statuses = []StatusRange{{500, 504}, {0, 600}} },
		"Retry.Attempts":             func(t *Target) { t.Retry.Attempts = -1 },
		"Retry.Budget":               func(t *Target) { t.Retry.Budget = 20 },
		"Retry.Statuses[0]":          func(t *Target) { t.Retry.Statuses = []StatusRange{{500, 400}} },
		"Wait.For":                   func(t *Target) { t.Wait.For = -1 },
		"Timeout.Dial":               func(t *Target) { t.Timeout.Dial = -time.Second },
		"Timeout.Total":              func(t *Target) { t.Timeout.Total = -time.Second },
		"Drain":                      func(t *Target) { t.Drain = -1 },
		"Matches[0].Host":            func(t *Target) { t.Matches[0].Host.Pattern = "A.test" },
		"Matches[1].Host":            func(t *Target) { t.Matches[1].Host.Pattern = "a.test" },
		"Matches[0].Path":            func(t *Target) { t.Matches[0].Path.Pattern = "/a//b" },
		"Matches[1].Path":            func(t *Target) { t.Matches[1].Path = Path{Pattern: "/{x}"} },
		"Matches[0].Entries[0]":      func(t *Target) { t.Matches[0].Entries[0] = "" },
		"Matches[0].Methods[0]":      func(t *Target) { t.Matches[0].Methods[0] = "get" },
		"Matches[0].Headers[0].Name": func(t *Target) { t.Matches[0].Headers[0].Name = "a b" },
		"Matches[0].Headers[0].Value": func(t *Target) {
			t.Matches[0].Headers[0].Value = strings.Repeat("x", MaxRegexp+1)
		},
		"Matches[0].Queries[0].Name":  func(t *Target) { t.Matches[0].Queries[0].Name = "" },
		"Matches[0].Queries[0].Value": func(t *Target) { t.Matches[0].Queries[0].Regexp = true },
		"Matches[0].Clients[0]":       func(t *Target) { t.Matches[0].Clients[0] = netip.Prefix{} },
		"Upstreams[0].ID":             func(t *Target) { t.Upstreams[0].ID = "" },
		"Upstreams[1].ID":             func(t *Target) { t.Upstreams[1].ID = "a" },
		"Upstreams[0].Scheme":         func(t *Target) { t.Upstreams[0].Scheme = "ftp" },
		"Upstreams[0].Address":        func(t *Target) { t.Upstreams[0].Address = "127.0.0.1" },
		"Upstreams[1].Address":        func(t *Target) { t.Upstreams[1].Address = "127.0.0.1:0" },
		"Upstreams[2].Address":        func(t *Target) { t.Upstreams[2].Address = "a b:80" },
		"Upstreams[0].Base":           func(t *Target) { t.Upstreams[0].Base = "http://x/" },
		"Upstreams[0].Weight":         func(t *Target) { t.Upstreams[0].Weight = -1 },
		"Upstreams[0].HostHeader":     func(t *Target) { t.Upstreams[0].HostHeader = "a\r\nb" },
		"Upstreams[0].Phase":          func(t *Target) { t.Upstreams[0].Phase = 99 },
	} {
		target := soundTarget(t)
		spoil(&target)
		err := target.Validate()
		if err == nil {
			t.Errorf("%s: no error", field)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != 1 || !strings.HasPrefix(lines[0], field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestValidateKeepsNamesApart(t *testing.T) {
	target := soundTarget(t)
	target.Matches[0].Path.Pattern = "/u/{tenant}"
	if err := target.Validate(); err == nil || !strings.Contains(err.Error(), "Matches[0].Path: the name {tenant}") {
		t.Error(err)
	}
	target = soundTarget(t)
	target.Matches[0].Headers[0].Name = "host"
	if err := target.Validate(); err == nil || !strings.HasPrefix(err.Error(), "Matches[0].Headers[0].Name: ") {
		t.Error(err)
	}
}

func TestValidateSaysAllAtOnce(t *testing.T) {
	target := soundTarget(t)
	target.ID, target.Drain, target.Upstreams[0].Weight = "", -1, -1
	if lines := strings.Split(target.Validate().Error(), "\n"); len(lines) != 3 {
		t.Errorf("%q", lines)
	}
}
