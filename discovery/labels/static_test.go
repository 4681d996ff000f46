package labels

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/proxy/spec"
)

// settings reads `key=value` and `key=[a|b]`, each in a line of its own.
func settings(lines ...string) []Setting {
	all := make([]Setting, len(lines))
	for i, line := range lines {
		key, value, _ := strings.Cut(line, "=")
		all[i] = Setting{Key: key, Value: value, At: Place{Line: i + 1, Column: 1}}
		if items, is := strings.CutPrefix(value, "["); is {
			all[i].Value, all[i].List = "", strings.Split(strings.TrimSuffix(items, "]"), "|")
		}
	}
	return all
}

// Every option that there is means the same in a file as on a container, but for
// those that a file says otherwise.
func TestStaticOptionsMeanWhatLabelsMean(t *testing.T) {
	compared := 0
	for _, o := range Grammar() {
		if !o.Available() || o.Instead != "" {
			continue
		}
		compared++
		key := o.Key + o.Name
		labels, lines := map[string]string{"rota." + key: o.Example}, []string{key + "=" + o.Example}
		if parent := theGrammar.byKey[o.Parent]; parent != nil && parent.Instead == "" {
			labels["rota."+parent.Key] = parent.Example
			lines = append(lines, parent.Key+"="+parent.Example)
		}
		label := Decode(Options{}, labels).Targets[0]
		static, _ := DecodeStatic(settings(lines...), []StaticUpstream{{Scheme: spec.HTTPS}})
		if !static.Spec.Equal(label.Spec) || static.NeedsHost != label.NeedsHost || static.Guarded != label.Guarded ||
			static.Upstream != label.Upstream || static.TargetBad || static.UpstreamBad || static.AccessBad {
			t.Errorf("%s: a file says %+v, a label %+v", key, static, label)
		}
	}
	if compared < 20 {
		t.Errorf("only %d options were compared", compared)
	}
}

func TestStaticOptionsToComeAreRefusedLikeLabels(t *testing.T) {
	for _, o := range Grammar() {
		if o.Available() {
			continue
		}
		static, _ := DecodeStatic(settings("host=a.test", o.Key+o.Name+"=x"), nil)
		if static.AccessBad != (o.Scope == Access) || static.TargetBad == static.AccessBad || static.Guarded != static.AccessBad {
			t.Errorf("%s: %+v", o.Key, static)
		}
	}
}

func TestStaticSettingsInAnyOrderMeanTheSame(t *testing.T) {
	lines := settings("host=[a.test|b.test]", "header.X-B=1", "header.X-A=2", "wait=5s", "alow=10.0.0.0/8")
	first, _ := DecodeStatic(lines, nil)
	slices.Reverse(lines)
	second, _ := DecodeStatic(lines, nil)
	if !first.Spec.Equal(second.Spec) || len(first.Spec.Matches) != 2 || !first.AccessBad || !second.AccessBad {
		t.Errorf("in one order %+v, in the other %+v", first, second)
	}
}

func TestStaticUpstreamsSayWhatDiffers(t *testing.T) {
	target, got := DecodeStatic(settings("host=a.test", "weight=2", "scheme.name=all.test"), []StaticUpstream{
		{Scheme: spec.HTTPS},
		{Scheme: spec.HTTPS, Settings: settings("weight=5", "scheme.name=own.test", "scheme.verify=false")},
		{Scheme: spec.H2C, Settings: settings("host-header=upstream")},
	})
	want := []Upstream{
		{Scheme: spec.HTTPS, Weight: 2, HostHeader: "keep", TLS: spec.TLS{Name: "all.test"}},
		{Scheme: spec.HTTPS, Weight: 5, HostHeader: "keep", TLS: spec.TLS{Name: "own.test", SkipVerify: true}},
		{Scheme: spec.H2C, Weight: 2, HostHeader: "upstream", TLS: spec.TLS{Name: "all.test"}},
	}
	if !slices.Equal(got, want) || len(target.Problems) > 0 {
		t.Errorf("the upstreams are %+v, want %+v; problems %v", got, want, target.Problems)
	}
}

func TestStaticProblemsHaveTheirPlace(t *testing.T) {
	target, _ := DecodeStatic(settings("host=a.test", "wiat=3s"), []StaticUpstream{{Settings: settings("", "wieght=3")}})
	var got []string
	for _, p := range target.Problems {
		got = append(got, fmt.Sprintf("%d %s", p.At.Line, p.Label))
	}
	if want := []string{"1 ", "2 wiat", "2 wieght"}; !slices.Equal(got, want) {
		t.Errorf("the problems are at %q, want %q", got, want)
	}
}

// Among so many there may be a check, so the Target counts as guarded.
func TestTooManyStaticSettings(t *testing.T) {
	target, _ := DecodeStatic(make([]Setting, MaxLabels+1), nil)
	if !target.TargetBad || !target.Guarded || len(target.Problems) != 1 {
		t.Errorf("%+v", target)
	}
}
