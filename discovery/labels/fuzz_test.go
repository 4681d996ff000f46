package labels

import (
	"strings"
	"testing"
)

// FuzzDecode feeds labels written as `key=value`, one a line; a form feed stands
// for a line break within.
func FuzzDecode(f *testing.F) {
	for _, o := range Grammar() {
		f.Add("rota.host=a.test\nrota." + o.Key + o.Name + "=" + o.Example)
	}
	f.Fuzz(func(t *testing.T, text string) {
		labels := map[string]string{}
		for line := range strings.SplitSeq(text, "\n") {
			key, value, _ := strings.Cut(strings.ReplaceAll(line, "\f", "\n"), "=")
			labels[key] = value
		}
		d := Decode(Options{}, labels)
		if again := Decode(Options{}, labels); describe(d) != describe(again) {
			t.Errorf("two readings differ:\n%s\n%s", describe(d), describe(again))
		}
		checkProblems(t, d)
		checkTargets(t, d)
	})
}
