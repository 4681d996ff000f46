package main

import (
	"math"
	"testing"
	"time"
)

func TestMedianSpreadAndRatio(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"the middle of an odd number", median([]float64{9, 1, 5}), 5},
		{"the mean of two middles", median([]float64{4, 1, 9, 2}), 3},
		{"nothing", median(nil), 0},
		{"quartiles a tenth from the median", spread([]float64{100, 90, 110, 50, 150}), 0.1},
		{"one value", spread([]float64{7}), 0},
		{"no spread of zeros", spread([]float64{0, 0}), 0},
		// A disturbance that doubles a whole round leaves the ratio alone.
		{"round by round", ratio([]float64{10, 20, 10}, []float64{20, 40, 20}), 0.5},
		{"rounds with a base", ratio([]float64{10, 20}, []float64{0, 40}), 0.5},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %v instead of %v", c.name, c.got, c.want)
		}
	}
}

func TestQuantile(t *testing.T) {
	var took []time.Duration
	for i := range 101 {
		took = append(took, time.Duration(i)*time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 50 * time.Millisecond, 0.99: 99 * time.Millisecond, 1: 100 * time.Millisecond} {
		if got := quantile(took, q); got != want {
			t.Errorf("%v of 0 to 100 ms is %s instead of %s", q, got, want)
		}
	}
	if got := quantile([]int(nil), 0.5); got != 0 {
		t.Errorf("the middle of nothing is %d", got)
	}
}
