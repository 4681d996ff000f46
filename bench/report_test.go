package main

import (
	"strings"
	"testing"
)

// fixedCandidate is one that only has a name.
type fixedCandidate struct {
	candidate
	name string
}

func (c fixedCandidate) Name() string { return c.name }

func TestTable(t *testing.T) {
	w := workload{
		name: "1k", title: "1 KiB", metrics: loadMetrics[:2], bases: []string{nameNginx},
		bars: []bar{{of: nameRota, base: nameNginx, most: 1.05}, {of: nameRota, base: nameNginx, most: 0.5}, {of: nameRota, most: 15}},
	}
	w.add(fixedCandidate{name: nameRota}, nil)
	w.add(fixedCandidate{name: nameNginx}, nil)
	r := newResult(w)
	r.Candidates[0].Rounds = []sample{{CPU: 18, RPS: 40_000}, {CPU: 36, RPS: 20_000}, {CPU: 17, RPS: 41_000}}
	r.Candidates[1].Rounds = []sample{{CPU: 20, RPS: 30_000}, {CPU: 40, RPS: 15_000}, {CPU: 20, RPS: 31_000}}
	r.conclude(w)
	const want = `
### 1 KiB (1k)

|  | CPU µs | ±% | × nginx | rps |
|---|---:|---:|---:|---:|
| rota | 18.0 | 50.0 | 0.90 | 40000 |
| nginx | 20.0 | 50.0 | 1 | 30000 |

- rota: 0.90× nginx, the bar is 1.05: held
- rota: 0.90× nginx, the bar is 0.50: over by 0.40
- rota: 18.00 CPU µs, the bar is 15.00: over by 3.00
`
	if got := w.table(r); got != want {
		t.Errorf("the table is\n%s\ninstead of\n%s", got, want)
	}
}

// Whatever is left out, nobody is compared with who is not there.
func TestOnly(t *testing.T) {
	p := plan{rotas: []binary{{name: nameRota}, {name: "old"}}}
	for _, whole := range p.workloads() {
		if len(whole.entries) == 0 || len(whole.bars) == 0 && whole.name != "accesslog" {
			t.Errorf("%s has %d candidates and %d bars", whole.name, len(whole.entries), len(whole.bars))
		}
		part := whole.only(func(c candidate) bool { return c.Kind() == "old" })
		for _, base := range part.bases {
			if !strings.HasPrefix(base, "old") {
				t.Errorf("%s compares with %s", whole.name, base)
			}
		}
		for _, bar := range part.bars {
			if bar.base != "" && !strings.HasPrefix(bar.base, "old") {
				t.Errorf("%s has a bar for %s", whole.name, bar.base)
			}
		}
		if len(part.entries) == 0 {
			t.Errorf("%s: old does not take part", whole.name)
		}
	}
}
