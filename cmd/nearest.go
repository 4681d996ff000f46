package cmd

import "fmt"

// didYouMean ends a sentence about a word nobody knows: with a question that
// names the nearest known one, prefix in front of it, or just so.
func didYouMean(prefix, typed string, known []string) string {
	if near, ok := nearest(typed, known); ok {
		return fmt.Sprintf("; did you mean %s%s?", prefix, near)
	}
	return "."
}

// nearest is the known word that typed most probably stands for: the fewest
// slips away, at most a third of its length. Of equals the first.
func nearest(typed string, known []string) (string, bool) {
	best, fewest := "", len(typed)/3+1
	for _, word := range known {
		if slips := distance(typed, word); slips < fewest || slips == fewest && best == "" {
			best, fewest = word, slips
		}
	}
	return best, best != ""
}

// distance counts the slips between two words: a byte left out, added or
// replaced, or two neighbours swapped (optimal string alignment).
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
