package proxy

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// rule writes a match the way people do: `a.test/api`, `*.a.test`, `/only/path`.
func rule(t testing.TB, text string, more ...func(*spec.Match)) spec.Match {
	t.Helper()
	var m spec.Match
	host, path := spec.SplitHostRule(text)
	if rest, ok := strings.CutSuffix(host, "="); ok {
		host, path = rest, "="+path // `a.test=/exact`
	}
	m.Host.Kind = spec.AnyHost
	var err error
	if host != "" {
		if m.Host, err = spec.ParseHost(host); err != nil {
			t.Fatal(err)
		}
	}
	if path != "" {
		if m.Path, err = spec.ParsePath(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range more {
		f(&m)
	}
	return m
}

func onMethods(list ...string) func(*spec.Match) {
	return func(m *spec.Match) { m.Methods = list }
}

func onEntries(list ...string) func(*spec.Match) {
	return func(m *spec.Match) { m.Entries = list }
}

func withPriority(n int) func(*spec.Match) { return func(m *spec.Match) { m.Priority = n } }

func onHeader(name, value string, regexp bool) func(*spec.Match) {
	return func(m *spec.Match) {
		m.Headers = append(m.Headers, spec.Condition{Name: name, Value: value, Regexp: regexp})
	}
}

func onQuery(name, value string, regexp bool) func(*spec.Match) {
	return func(m *spec.Match) {
		m.Queries = append(m.Queries, spec.Condition{Name: name, Value: value, Regexp: regexp})
	}
}

func onClients(list ...string) func(*spec.Match) {
	return func(m *spec.Match) {
		for _, c := range list {
			m.Clients = append(m.Clients, netip.MustParsePrefix(c))
		}
	}
}

// routed is a table in which every owner is called like its identity.
func routed(t testing.TB, owners map[string][]spec.Match) *table[string] {
	t.Helper()
	tab := newTable[string]()
	var batch []registration[string]
	for id, matches := range owners {
		// `name@3` was created at 3.
		name, at, _ := strings.Cut(id, "@")
		var seconds int64
		_, _ = fmt.Sscan(at, &seconds)
		batch = append(batch, registration[string]{id: name, owner: name, created: time.Unix(seconds, 0), matches: matches})
	}
	if failed := tab.setAll(batch...); len(failed) > 0 {
		t.Fatal(failed)
	}
	return tab
}

// ask is an inquiry for `host/path?query`.
func askFor(target string, more ...func(*inquiry)) *inquiry {
	q := &inquiry{entry: "http", method: "GET", header: http.Header{}, client: netip.MustParseAddr("192.0.2.9")}
	q.host, q.path = target, "/"
	if slash := strings.IndexByte(target, '/'); slash >= 0 {
		q.host, q.path = target[:slash], target[slash:]
	}
	if mark := strings.IndexByte(q.path, '?'); mark >= 0 {
		q.path, q.query = q.path[:mark], q.path[mark:]
	}
	for _, f := range more {
		f(q)
	}
	return q
}

func asMethod(m string) func(*inquiry) { return func(q *inquiry) { q.method = m } }

func withHeader(name string, values ...string) func(*inquiry) {
	return func(q *inquiry) { q.header[http.CanonicalHeaderKey(name)] = values }
}

func checkOwners(t *testing.T, tab *table[string], want map[string]string) {
	t.Helper()
	for target, owner := range want {
		f := tab.lookup(askFor(target))
		if f.owner != owner || (f.result == matched) != (owner != "") {
			t.Errorf("%s goes to %q (%d), want %q", target, f.owner, f.result, owner)
		}
	}
}

func TestTableStages(t *testing.T) {
	tab := routed(t, map[string][]spec.Match{
		"exact":    {rule(t, "a.test"), rule(t, "deep.w.test/only")},
		"template": {rule(t, "{t:[a-z]+}.c.test"), rule(t, "x-{n:[0-9]+}.test")},
		"wild":     {rule(t, "*.w.test"), rule(t, "*.c.test")},
		"wilder":   {rule(t, "*.x.w.test"), rule(t, "*.test/wide")},
		"rest":     {rule(t, "/rest")},
	})
	checkOwners(t, tab, map[string]string{
		"a.test":                "exact",
		"a.test/anything":       "exact",
		"a.test/rest":           "exact",
		"deep.w.test/only":      "exact",
		"deep.w.test/else":      "wild", // nothing fits in the exact stage
		"tenant.c.test":         "template",
		"t1.c.test":             "wild", // digits are not in the template
		"a.b.c.test":            "wild",
		"x-12.test":             "template",
		"x-1a.test":             "",
		"w.test":                "", // a wildcard has labels in front
		"k.w.test":              "wild",
		"k.l.w.test":            "wild",
		"x.w.test":              "wild",
		"k.x.w.test":            "wilder",
		"other.test/wide":       "wilder",
		"other.test/rest":       "rest",
		"other.test/narrow":     "",
		"nowhere.example/rest":  "rest",
		"nowhere.example":       "",
		"[::1]/rest":            "rest",
		"tenant.c.test/..//../": "template", // no path rule there, whatever the path
	})
}

func TestTableTellsWhyNothingFits(t *testing.T) {
	tab := routed(t, map[string][]spec.Match{
		"web":  {rule(t, "a.test/api"), rule(t, "{x}.t.test/api")},
		"rest": {rule(t, "/rest")},
	})
	for target, want := range map[string]lookupResult{
		"a.test/api":    matched,
		"a.test/":       unmatched,
		"x.t.test/":     unmatched,
		"x.y.t.test/":   unknownHost,
		"b.test/":       unknownHost,
		"a.test//":      ambiguousPath,
		"x.t.test/%2f":  ambiguousPath,
		"b.test/..;/x":  ambiguousPath, // the rule without a host is in force
		"a.test/%2e%2e": unmatched,
	} {
		if f := tab.lookup(askFor(target)); f.result != want || (f.reason != nil) != (want == ambiguousPath) {
			t.Errorf("%s: %d %v, want %d", target, f.result, f.reason, want)
		}
	}
}

func TestTablePaths(t *testing.T) {
	tab := routed(t, map[string][]spec.Match{
		"all":    {rule(t, "a.test")},
		"api":    {rule(t, "a.test/api")},
		"v2":     {rule(t, "a.test/api/v2")},
		"exact":  {rule(t, "a.test=/api/ping"), rule(t, "a.test=/slash/")},
		"user":   {rule(t, "a.test/u/{id:[0-9]+}")},
		"name":   {rule(t, "a.test/u/{name}/posts")},
		"me":     {rule(t, "a.test/u/42")},
		"file":   {rule(t, "a.test=/f/{file}")},
		"cafe":   {rule(t, "a.test/caf\u00e9")},
		"braces": {rule(t, "a.test/n/{n:[0-9]{2}}")},
	})
	checkOwners(t, tab, map[string]string{
		"a.test/":                   "all",
		"a.test/api":                "api",
		"a.test/api/":               "api",
		"a.test/api/x":              "api",
		"a.test/apix":               "all",
		"a.test/API":                "all",
		"a.test/%61pi":              "api",
		"a.test/x/../api/y":         "api",
		"a.test/x/%2e%2E/api":       "api",
		"a.test/api;v=1":            "api",
		"a.test/api;v=1/x":          "api",
		"a.test/api;v=1/v2;w/x":     "v2",
		"a.test/api/v2":             "v2",
		"a.test/api/ping":           "exact",
		"a.test/api/ping;x":         "exact",
		"a.test/api/ping/":          "api",
		"a.test/slash/":             "exact",
		"a.test/slash":              "all",
		"a.test/u/7":                "user",
		"a.test/u/7/x":              "user",
		"a.test/u/7a":               "all",
		"a.test/u/7/posts":          "name",
		"a.test/u/42":               "me",
		"a.test/u/420":              "user",
		"a.test/u/bob/posts/1":      "name",
		"a.test/u/a/b/posts":        "all",
		"a.test/f/x":                "file",
		"a.test/f/x/":               "all",
		"a.test/f/":                 "all",
		"a.test/caf%c3%a9":          "cafe",
		"a.test/caf\u00e9/x":        "cafe",
		"a.test/n/12/x":             "braces",
		"a.test/n/123":              "all",
		"a.test/api?x=/../..//%2f;": "api",
	})
}

func TestTableSaysWhatToSendOn(t *testing.T) {
	tab := routed(t, map[string][]spec.Match{
		"plain": {rule(t, "p.test")},
		"rules": {
			rule(t, "a.test/api"), rule(t, "a.test/u/{id}"), rule(t, "a.test/f/{file:.+}/end"), rule(t, "a.test/"),
			rule(t, "a.test=/x/y"), rule(t, "{tenant}.t.test/o/{id}"),
		},
	})
	for target, want := range map[string]string{
		"p.test/%61//b":             "", // as it came
		"a.test/":                   "/",
		"a.test/%7eq":               "/~q",
		"a.test/api":                "/api",
		"a.test/%61pi/./x":          "/api/x",
		"a.test/api;v=1/x;y":        "/api;v=1/x;y",
		"a.test/u/b%20c/posts":      "/u/b%20c/posts",
		"a.test/u/b;p=1/posts":      "/u/b;p=1/posts",
		"a.test/f/a/b/end/x":        "/f/a/b/end/x",
		"a.test/x/y":                "/x/y",
		"shop.t.test/o/7":           "/o/7",
		"a.test/a%2520b?q=%2f%2F//": "/a%2520b",
	} {
		if f := tab.lookup(askFor(target)); f.result != matched || f.path != want {
			t.Errorf("%s: %d, path %q; want %q", target, f.result, f.path, want)
		}
	}
}

// Only a host that has path rules has opinions on paths.
func TestTableLeavesPathsAloneWithoutRules(t *testing.T) {
	tab := routed(t, map[string][]spec.Match{
		"plain":     {rule(t, "p.test"), rule(t, "*.w.test"), rule(t, "{x}.t.test")},
		"condition": {rule(t, "m.test", onMethods("GET"))},
		"other":     {rule(t, "a.test/api"), rule(t, "{x}.u.test/api")},
	})
	for _, host := range []string{"p.test", "k.w.test", "x.t.test", "m.test"} {
		for _, path := range []string{"//", "/%2f", `/a\b`, "/%00", "/..;/", "/%zz", "/a/../b"} {
			if f := tab.lookup(askFor(host + path)); f.result != matched || f.path != "" {
				t.Errorf("%s%s: %d, path %q", host, path, f.result, f.path)
			}
		}
	}
}

func TestTableOrderInsideAStage(t *testing.T) {
	for name, c := range map[string]struct {
		owners map[string][]spec.Match
		ask    string
		want   string
	}{
		"priority before length": {map[string][]spec.Match{
			"a": {rule(t, "x.test/long/path")}, "b": {rule(t, "x.test", withPriority(1))},
		}, "x.test/long/path", "b"},
		"negative priority": {map[string][]spec.Match{
			"a": {rule(t, "x.test/long", withPriority(-1))}, "b": {rule(t, "x.test")},
		}, "x.test/long", "b"},
		"longer path before conditions": {map[string][]spec.Match{
			"a": {rule(t, "x.test/p", onMethods("GET"))}, "b": {rule(t, "x.test/p/q")},
		}, "x.test/p/q", "b"},
		"more conditions": {map[string][]spec.Match{
			"a@1": {rule(t, "x.test", onMethods("GET"))}, "b@2": {rule(t, "x.test", onMethods("GET"), onQuery("q", "1", false))},
		}, "x.test/?q=1", "b"},
		"older": {map[string][]spec.Match{
			"a@2": {rule(t, "x.test", onMethods("GET"))}, "b@1": {rule(t, "x.test", onMethods("GET", "POST"))},
		}, "x.test", "b"},
		"identity last": {map[string][]spec.Match{
			"b": {rule(t, "x.test")}, "a": {rule(t, "x.test")},
		}, "x.test", "a"},
		"a literal before a template": {map[string][]spec.Match{
			"a": {rule(t, "x.test/u/{id:[0-9a-z]+}")}, "b": {rule(t, "x.test/u/me")},
		}, "x.test/u/me", "b"},
		"priority does not cross stages": {map[string][]spec.Match{
			"a": {rule(t, "*.test", withPriority(100))}, "b": {rule(t, "x.test")},
		}, "x.test", "b"},
	} {
		t.Run(name, func(t *testing.T) {
			if f := routed(t, c.owners).lookup(askFor(c.ask)); f.owner != c.want {
				t.Errorf("%s goes to %q, want %q", c.ask, f.owner, c.want)
			}
		})
	}
}

func TestTableConditions(t *testing.T) {
	tab := routed(t, map[string][]spec.Match{
		"header":  {rule(t, "h.test", onHeader("x-version", "2", false), onHeader("X-Tier", "^gold|^silver", true))},
		"twice":   {rule(t, "t.test", onHeader("X-A", "1", false), onHeader("x-a", "2", false))},
		"empty":   {rule(t, "e.test", onHeader("X-A", "", false))},
		"query":   {rule(t, "q.test", onQuery("v", "{2}", false), onQuery("w", "^[0-9]+$", true))},
		"client":  {rule(t, "c.test", onClients("10.0.0.0/8", "2001:db8::/32", "::ffff:172.16.0.0/108"))},
		"entry":   {rule(t, "n.test", onEntries("https", "api"))},
		"methods": {rule(t, "m.test", onMethods("GET", "POST"))},
	})
	type list = []func(*inquiry)
	from := func(s string) func(*inquiry) {
		return func(q *inquiry) { q.client = netip.MustParseAddr(s) }
	}
	at := func(s string) func(*inquiry) { return func(q *inquiry) { q.entry = s } }
	for name, c := range map[string]struct {
		ask  string
		more list
		want bool
	}{
		"both headers":             {"h.test", list{withHeader("X-Version", "2"), withHeader("x-tier", "silver")}, true},
		"one of several values":    {"h.test", list{withHeader("X-Version", "1", "2"), withHeader("X-Tier", "iron", "gold")}, true},
		"one header":               {"h.test", list{withHeader("X-Version", "2")}, false},
		"part of a value":          {"h.test", list{withHeader("X-Version", "22"), withHeader("X-Tier", "gold")}, false},
		"regexp misses":            {"h.test", list{withHeader("X-Version", "2"), withHeader("X-Tier", "rose-gold")}, false},
		"a name twice, both":       {"t.test", list{withHeader("X-A", "1", "2")}, true},
		"a name twice, one":        {"t.test", list{withHeader("X-A", "2")}, false},
		"an empty value":           {"e.test", list{withHeader("X-A", "")}, true},
		"an empty value, not any":  {"e.test", list{withHeader("X-A", "x")}, false},
		"query":                    {"q.test/?w=7&v={2}", nil, true},
		"query encoded":            {"q.test/?%76=%7b2%7D&w=1", nil, true},
		"query, a later value":     {"q.test/?v=1&v={2}&w=a&w=3", nil, true},
		"query, wrong value":       {"q.test/?v=2&w=7", nil, false},
		"query, regexp misses":     {"q.test/?v={2}&w=7a", nil, false},
		"query, other name":        {"q.test/?V={2}&w=7", nil, false},
		"query, semicolon":         {"q.test/?v={2};w=7", nil, false},
		"query, not decodable":     {"q.test/?v={2}&w=%zz7", nil, false},
		"client v4":                {"c.test", list{from("10.2.3.4")}, true},
		"client v4 in v6":          {"c.test", list{from("::ffff:10.2.3.4")}, true},
		"client v4, mapped rule":   {"c.test", list{from("172.16.1.1")}, true},
		"client v6":                {"c.test", list{from("2001:db8::5")}, true},
		"client v6 with zone":      {"c.test", list{from("2001:db8::5%eth0")}, true},
		"client outside":           {"c.test", list{from("11.0.0.1")}, false},
		"client v6 outside":        {"c.test", list{from("2001:db9::5")}, false},
		"client unknown":           {"c.test", list{func(q *inquiry) { q.client = netip.Addr{} }}, false},
		"entry":                    {"n.test", list{at("api")}, true},
		"another entry":            {"n.test", list{at("http")}, false},
		"method":                   {"m.test", list{asMethod("POST")}, true},
		"method in another case":   {"m.test", list{asMethod("post")}, false},
		"HEAD is not GET":          {"m.test", list{asMethod("HEAD")}, false},
		"a method beside the list": {"m.test", list{asMethod("DELETE")}, false},
	} {
		if f := tab.lookup(askFor(c.ask, c.more...)); (f.result == matched) != c.want {
			t.Errorf("%s: result %d, want a match: %v", name, f.result, c.want)
		}
	}
}

func TestTableMethodNotAllowed(t *testing.T) {
	tab := routed(t, map[string][]spec.Match{
		"read":  {rule(t, "a.test/x", onMethods("GET", "HEAD")), rule(t, "a.test/only", onMethods("GET"), onQuery("q", "1", false))},
		"write": {rule(t, "a.test/x", onMethods("POST", "GET"), withPriority(-1)), rule(t, "a.test/y", onMethods("POST"))},
		"wild":  {rule(t, "*.w.test", onMethods("GET"))},
		"wider": {rule(t, "*.test/all")},
	})
	for target, want := range map[string][]string{
		"a.test/x":         {"GET", "HEAD", "POST"},
		"a.test/y":         {"POST"},
		"a.test/only":      nil, // the query does not fit either
		"a.test/only?q=1":  {"GET"},
		"a.test/all":       {"matched"},
		"k.w.test/":        {"GET"},
		"k.w.test/all":     {"matched"}, // a later stage takes it
		"elsewhere.test/x": nil,
	} {
		f := tab.lookup(askFor(target, asMethod("PATCH")))
		got := f.allow
		if f.result == matched {
			got = []string{"matched"}
		}
		if !slices.Equal(got, want) || (f.result == wrongMethod) != (len(f.allow) > 0) {
			t.Errorf("%s: %v (%d), want %v", target, got, f.result, want)
		}
	}
}

func TestTableChanges(t *testing.T) {
	tab := routed(t, map[string][]spec.Match{
		"a": {rule(t, "a.test"), rule(t, "*.w.test"), rule(t, "{t}.t.test"), rule(t, "/a")},
		"b": {rule(t, "a.test/b"), rule(t, "b.test")},
	})
	all := map[string]string{
		"a.test": "a", "a.test/b": "b", "b.test": "b", "k.w.test": "a", "x.t.test": "a", "z.test/a": "a",
	}
	checkOwners(t, tab, all)
	untouched := tab.at(spec.Host{Pattern: "b.test"})

	tab.setAll(registration[string]{id: "a", owner: "a2", matches: []spec.Match{rule(t, "a.test"), rule(t, "c.test")}})
	checkOwners(t, tab, map[string]string{
		"a.test": "a2", "a.test/b": "b", "b.test": "b", "c.test": "a2", "k.w.test": "", "x.t.test": "", "z.test/a": "",
	})
	if tab.at(spec.Host{Pattern: "b.test"}) != untouched {
		t.Error("a host that was not concerned has been built anew")
	}
	tab.remove("b")
	checkOwners(t, tab, map[string]string{"a.test": "a2", "a.test/b": "a2", "b.test": "", "c.test": "a2"})
	tab.remove("a")
	checkOwners(t, tab, map[string]string{"a.test": "", "c.test": ""})
	if len(tab.known) != 0 || tab.wild.Load() != 0 {
		t.Errorf("left behind: %v, %d wildcards", tab.known, tab.wild.Load())
	}
}

func TestTableKeepsWhatItHadWhenTheNewCannotBe(t *testing.T) {
	bad := []spec.Match{
		{Host: spec.Host{Kind: spec.TemplateHost, Pattern: "{a:(x)}.test"}},
		{Host: spec.Host{Kind: spec.AnyHost}, Path: spec.Path{Pattern: "/{a}/{a}", Template: true}},
		{Host: spec.Host{Pattern: "A.test"}},
		{Host: spec.Host{Pattern: "a.test"}, Headers: []spec.Condition{{Name: "X", Value: "(", Regexp: true}}},
		{Host: spec.Host{Kind: spec.TemplateHost, Pattern: "{a}.test"}, Path: spec.Path{Pattern: "/{a}", Template: true}},
	}
	for _, m := range bad {
		tab := routed(t, map[string][]spec.Match{"a": {rule(t, "a.test")}})
		failed := tab.setAll(
			registration[string]{id: "a", owner: "a2", matches: []spec.Match{rule(t, "b.test"), m}},
			registration[string]{id: "c", owner: "c", matches: []spec.Match{rule(t, "c.test")}},
		)
		if len(failed) != 1 || failed["a"] == nil {
			t.Errorf("%v: failed %v", m, failed)
		}
		checkOwners(t, tab, map[string]string{"a.test": "a", "b.test": "", "c.test": "c"})
	}
}

// A match that moves between two owners is never without one.
func TestTableMovesWithoutAGap(t *testing.T) {
	tab := routed(t, map[string][]spec.Match{"a": {rule(t, "x.test")}, "b": nil})
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if f := tab.lookup(askFor("x.test")); f.result != matched {
					t.Error("a lookup found no owner")
					return
				}
			}
		})
	}
	move := []spec.Match{rule(t, "x.test")}
	for range 500 {
		tab.setAll(registration[string]{id: "a", owner: "a"}, registration[string]{id: "b", owner: "b", matches: move})
		tab.setAll(registration[string]{id: "a", owner: "a", matches: move}, registration[string]{id: "b", owner: "b"})
	}
	close(stop)
	readers.Wait()
}

// After any number of changes the table answers like one built at once.
func TestTableAgainstRebuild(t *testing.T) {
	rules := []string{"a.test", "a.test/x", "a.test/{v}", "b.test", "*.test", "*.a.test/x", "{t:[a-b]}.test/x", "/x", "{s}.a.test"}
	asks := []string{"a.test", "a.test/x", "a.test/y", "b.test/x", "c.test/x", "c.test", "k.a.test", "k.a.test/x", "z/x", "z"}
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 2))
		tab := newTable[string]()
		now := map[string][]spec.Match{}
		for range 30 {
			id := string(rune('a' + random.IntN(5)))
			now[id] = nil
			for _, i := range random.Perm(len(rules))[:random.IntN(4)] {
				now[id] = append(now[id], rule(t, rules[i], withPriority(random.IntN(2))))
			}
			tab.setAll(registration[string]{id: id, owner: id, matches: now[id]})
			fresh := routed(t, now)
			for _, target := range asks {
				q := askFor(target)
				if got, want := tab.lookup(q), fresh.lookup(q); got.owner != want.owner || got.result != want.result {
					t.Fatalf("seed %d, %s: %q %d, built at once %q %d", seed, target, got.owner, got.result, want.owner, want.result)
				}
			}
		}
	}
}

func TestTableLookupAllocatesNothing(t *testing.T) {
	tab := routed(t, map[string][]spec.Match{"a": {rule(t, "a.test")}, "b": {rule(t, "b.test"), rule(t, "b.test/api")}})
	for _, target := range []string{"a.test/x", "b.test/api/v1", "b.test/"} {
		q := askFor(target)
		if n := testing.AllocsPerRun(100, func() { tab.lookup(q) }); n != 0 {
			t.Errorf("%s: %v allocations", target, n)
		}
	}
}

func BenchmarkTableLookup(b *testing.B) {
	for _, hosts := range []int{1, 100, 10_000} {
		owners := map[string][]spec.Match{}
		for i := range hosts {
			host := fmt.Sprintf("host-%d.example.com", i)
			owners[host] = []spec.Match{rule(b, host)}
		}
		tab := routed(b, owners)
		questions := make([]*inquiry, 0, 64)
		for i := range 64 {
			questions = append(questions, askFor(fmt.Sprintf("host-%d.example.com/index.html", i*hosts/64)))
		}
		b.Run(fmt.Sprintf("hosts=%d", hosts), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if tab.lookup(questions[i%64]).result != matched {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkTableLookupRules(b *testing.B) {
	tab := routed(b, map[string][]spec.Match{
		"web": {rule(b, "a.test"), rule(b, "a.test/api"), rule(b, "a.test/u/{id:[0-9]+}"), rule(b, "a.test/m", onMethods("GET"))},
	})
	for _, target := range []string{"a.test/", "a.test/api/x", "a.test/u/42", "a.test/m"} {
		b.Run(target, func(b *testing.B) {
			b.ReportAllocs()
			q := askFor(target)
			for b.Loop() {
				tab.lookup(q)
			}
		})
	}
}

func BenchmarkTableChange(b *testing.B) {
	for _, hosts := range []int{1, 10_000} {
		owners := map[string][]spec.Match{}
		for i := range hosts {
			host := fmt.Sprintf("host-%d.example.com", i)
			owners[host] = []spec.Match{rule(b, host)}
		}
		tab := routed(b, owners)
		change := registration[string]{id: "host-0.example.com", owner: "x", matches: owners["host-0.example.com"]}
		b.Run(fmt.Sprintf("hosts=%d", hosts), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tab.setAll(change)
			}
		})
	}
}
