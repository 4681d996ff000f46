package main

import (
	"cmp"
	"slices"
)

// quantile is the value below which the share q of sorted lies, the nearest one
// there is. Of nothing it is 0.
func quantile[T cmp.Ordered](sorted []T, q float64) T {
	if len(sorted) == 0 {
		var none T
		return none
	}
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

// median is the middle, or the mean of the two that are nearest to it. Of
// nothing it is 0.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// spread says how far the middle half of the values reaches from the median to
// either side, as a share of it.
func spread(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := median(values)
	if middle == 0 {
		return 0
	}
	return (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 / middle
}

// ratio is the median of what each round's value is to the same round's base:
// what disturbs the machine for longer than a round disturbs both.
func ratio(values, bases []float64) float64 {
	var each []float64
	for i := range min(len(values), len(bases)) {
		if bases[i] > 0 {
			each = append(each, values[i]/bases[i])
		}
	}
	return median(each)
}
