package labels

import (
	"math"
	"slices"
	"testing"
)

func TestSize(t *testing.T) {
	for s, want := range map[string]int64{
		"1KB": 1000, "10 MB": 10_000_000, "2GB": 2_000_000_000, "1KiB": 1024, "64KiB": 65536, "3MiB": 3 << 20, "4GiB": 4 << 30, "off": 0,
	} {
		if got, err := size(s); got != want || err != nil {
			t.Errorf("size(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
	for s, right := range map[string]string{
		"0KB": "", "-1MB": "", "9223372036854775807GiB": "", "x": "", "1.5MB": "",
		"10": "10MiB", "10m": "10MiB", "10mb": "10MB", "10kib": "10KiB",
	} {
		if got, err := size(s); got != 0 || err == nil || nearestOf(err) != right {
			t.Errorf("size(%q) = %d, %v, nearest %q, want an error and %q", s, got, err, nearestOf(err), right)
		}
	}
}

func TestBoolean(t *testing.T) {
	for s, want := range map[string]bool{"true": true, "false": false} {
		if got, err := boolean(s); got != want || err != nil {
			t.Errorf("boolean(%q) = %v, %v", s, got, err)
		}
	}
	for s, right := range map[string]string{"True": "true", "yes": "true", "0": "false", "off": "false", "flase": "false", "maybe": ""} {
		if _, err := boolean(s); err == nil || nearestOf(err) != right {
			t.Errorf("boolean(%q): %v, nearest %q, want %q", s, err, nearestOf(err), right)
		}
	}
}

func TestPercentage(t *testing.T) {
	for s, want := range map[string]float64{"20%": 0.2, "100%": 1, "0.5%": 0.005} {
		if got, err := percentage(s); math.Abs(got-want) > 1e-12 || err != nil {
			t.Errorf("percentage(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "%", "20", "0%", "-1%", "101%", "NaN%", "+Inf%", "1e400%"} {
		if got, err := percentage(s); err == nil {
			t.Errorf("percentage(%q) = %v, want an error", s, got)
		}
	}
}

func TestSplitList(t *testing.T) {
	for s, want := range map[string][]string{
		"a":                {"a"},
		" a , b ":          {"a", "b"},
		"{x:a,b}, c":       {"{x:a,b}", "c"},
		"{x:[0-9]{1,3}},c": {"{x:[0-9]{1,3}}", "c"},
		"a,,b":             {"a", "", "b"},
		"}a,b":             {"}a", "b"},
		"{a,b":             {"{a,b"},
		"":                 {""},
	} {
		if got := splitList(s); !slices.Equal(got, want) {
			t.Errorf("splitList(%q) = %q, want %q", s, got, want)
		}
	}
}
