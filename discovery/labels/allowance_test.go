package labels

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/proxy/spec"
)

// many are n labels, or items of a list, that a format makes of a number.
func many(n int, format string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strings.ReplaceAll(format, "#", fmt.Sprintf("%04d", i))
	}
	return all
}

func labelsOf(lines ...[]string) map[string]string {
	all := map[string]string{}
	for _, some := range lines {
		for _, line := range some {
			key, value, _ := strings.Cut(line, "=")
			all[key] = value
		}
	}
	return all
}

func list16k(format string) string {
	items := many(3000, format)
	size := 0
	for i, item := range items {
		if size += len(item) + 1; size > MaxValue {
			return strings.Join(items[:i], ",")
		}
	}
	return strings.Join(items, ",")
}

// hostile are label sets that would cost much more than their size, each in a
// way of its own.
func hostile() map[string]map[string]string {
	counts := strings.Repeat(".{0,900}", 120)
	return map[string]map[string]string{
		"counts":               labelsOf([]string{"rota.host=" + list16k("{x:"+counts+"}z#")}),
		"counts within bounds": labelsOf([]string{"rota.host=" + list16k("{x:.{0,900}}z#")}),
		"counts in many Targets": labelsOf(
			many(MaxLabels, "rota.t#.host={x:.{0,900}}z#")),
		"counts in conditions": labelsOf(
			many(500, "rota.header.X-#=~.{0,900}#"), many(400, "rota.query.q#=~.{0,900}#"), []string{"rota.path=/"}),
		"hosts times paths": labelsOf([]string{
			"rota.host=" + strings.Join(many(30, "{x:[a-z]{1,63}}.h#.test"), ","), "rota.path=" + strings.Join(many(30, "/{y:[a-z]{1,63}}/#"), ",")}),
		"hosts times paths in many Targets": labelsOf(
			many(60, "rota.t#.host="+strings.Join(many(30, "h#.test"), ",")), many(60, "rota.t#.path="+strings.Join(many(30, "/#"), ","))),
		"matches times conditions": labelsOf(
			[]string{"rota.path=" + strings.Join(many(900, "/#"), ",")}, many(900, "rota.header.X-#=a")),
		"matches times networks": labelsOf([]string{
			"rota.client=" + strings.Join(many(1000, "::#"), ","), "rota.path=" + strings.Join(many(900, "/#"), ",")}),
		"one huge template": labelsOf([]string{
			"rota.host=" + strings.Join(many(1000, "{n#:[a-z]}"), ""), "rota.path=" + strings.Join(many(900, "/#"), ",")}),
		"long expressions": labelsOf(
			many(120, "rota.t#.host={x:"+strings.Repeat("a|", 500)+"#}.test")),
		"long refused expressions": labelsOf(
			many(120, "rota.t#.host={x:"+strings.Repeat("a|", 500)+"#(}.test")),
		"classes": labelsOf(
			many(MaxLabels, `rota.t#.host={x:`+strings.Repeat(`\pL`, 7)+`#}.test`)),
		"folded ranges": labelsOf(
			many(MaxLabels, `rota.header.X-#=~(?i)[B-\x{1e943}][C-\x{1e943}]`)),
		"long lists":  labelsOf(many(9, "rota.t#.client="+list16k("::#"))),
		"long values": labelsOf(many(MaxLabels, "rota.header.X-#="+strings.Repeat("a", MaxValue))),
		"long keys":   labelsOf(many(MaxLabels, "rota.#"+strings.Repeat(".a", MaxValue)+"=x")),
	}
}

// However hostile the labels of a container are, what is made of them is bounded,
// and what was left out for that is said. Nothing here is compiled, so that work
// can be counted in what was taken from the allowance.
func TestHostileLabelsAreBounded(t *testing.T) {
	for name, labels := range hostile() {
		t.Run(name, func(t *testing.T) {
			d := Decode(Options{}, labels)
			cost, instructions, expressions := 0, 0, 0
			for _, target := range d.Targets {
				for _, m := range target.Spec.Matches {
					cost += m.Cost()
					for _, c := range append(m.Headers[:len(m.Headers):len(m.Headers)], m.Queries...) {
						if size, err := spec.RegexpSize(c.Value); c.Regexp && err == nil {
							instructions += size
						}
					}
				}
				expressions += expressionsTaken(target.Problems)
			}
			if cost > MaxCost || instructions > MaxCost/16 {
				t.Errorf("matches cost %d, their conditions have %d instructions; want %d at most", cost, instructions, MaxCost)
			}
			if expressions > MaxPatterns {
				t.Errorf("%d bytes of expressions were parsed to be refused, want %d at most", expressions, MaxPatterns)
			}
			if len(problemsOf(d)) == 0 {
				t.Error("no problem is reported")
			}
			checkProblems(t, d)
			checkTargets(t, d)
		})
	}
}

// expressionsTaken are the bytes of expressions that were refused only once they
// had been parsed.
func expressionsTaken(problems []Problem) int {
	n := 0
	for _, p := range problems {
		if strings.Contains(p.Reason, "missing closing") || strings.Contains(p.Reason, "cannot be part") {
			n += spec.MaxRegexp
		}
	}
	return n
}

// The allowance is for a container as a whole: Targets take of it in the order
// of their names, and one that gets nothing takes nothing from the others.
func TestAllowanceIsShared(t *testing.T) {
	wide := "rota.b.path=" + strings.Join(many(1000, "/"+strings.Repeat("x", 4)+"#"), ",")
	labels := labelsOf(many(1, "rota.a.host=a.test"), []string{wide, strings.Replace(wide, ".b.", ".c.", 1),
		strings.Replace(wide, ".b.", ".d.", 1), strings.Replace(wide, ".b.", ".e.", 1)}, many(1, "rota.f.host=f.test"))
	taken := ""
	for _, target := range Decode(Options{}, labels).Targets {
		if !target.TargetBad {
			taken += target.Name
		}
	}
	if taken != "abcdf" {
		t.Errorf("Targets %s are taken, want abcdf", taken)
	}
}

// What people write is far within bounds.
func TestAllowanceIsEnough(t *testing.T) {
	for name, labels := range map[string]map[string]string{
		"plain hosts times paths": labelsOf([]string{
			"rota.host=" + strings.Join(many(40, "shop-#.example.com"), ","), "rota.path=" + strings.Join(many(25, "/some/path/#"), ",")}),
		"templates": labelsOf(many(200, "rota.t#.host={tenant:[a-z0-9-]+}.t#.example.com/u/{id:[0-9]+}")),
		"networks":  labelsOf([]string{"rota.client=" + strings.Join(many(1000, "2001:db8::#"), ",")}),
		"Targets":   labelsOf(many(MaxLabels, "rota.t#.host=shop-#.example.com, www.shop-#.example.com")),
	} {
		if problems := problemsOf(Decode(Options{}, labels)); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems[0])
		}
	}
}

func BenchmarkDecodeHostile(b *testing.B) {
	for name, labels := range hostile() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Decode(Options{}, labels)
			}
		})
	}
}
