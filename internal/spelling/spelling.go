// Package spelling finds what a mistyped word most probably was meant to be.
package spelling

import "math/bits"

// Nearest is the choice that word most probably was meant to be, or "" when
// none is near enough to be worth saying. Of two equally near ones the earlier.
func Nearest(word string, choices []string) string {
	best, least := "", Slack(word)+1
	for _, choice := range choices {
		if d := Distance(word, choice, least); d < least {
			best, least = choice, d
		}
	}
	return best
}

// Slack is how many slips of the finger a word of this length is forgiven:
// three letters hardly identify anything once two of them are wrong.
func Slack(word string) int {
	switch n := len(word); {
	case n <= 3:
		return 1
	case n <= 10:
		return 2
	}
	return 3
}

// Distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (Damerau–Levenshtein, optimal string
// alignment), by bytes. Once it is certain that there are limit or more, it says
// limit, so that comparing with a huge hostile word costs nothing.
func Distance(a, b string, limit int) int {
	if abs(len(a)-len(b)) >= limit || lettersApart(a, b) >= limit {
		return limit
	}
	var room [3 * (maxCompared + 1)]int // nearly always enough, and not allocated
	flat, width := room[:], len(b)+1
	if 3*width > len(flat) {
		flat = make([]int, 3*width)
	}
	before, above, row := flat[:width], flat[width:2*width], flat[2*width:3*width]
	for j := range row {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], limit)
}

// lettersApart is a quick look that clears most pairs of words: each letter that
// only one of them has takes a step.
func lettersApart(a, b string) int {
	inA, inB := letterSet(a), letterSet(b)
	return max(bits.OnesCount64(inA&^inB), bits.OnesCount64(inB&^inA))
}

// letterSet has one bit for each byte but for its upper two bits.
func letterSet(s string) (set uint64) {
	for i := range len(s) {
		set |= 1 << (s[i] % 64)
	}
	return set
}

// maxCompared is as long as most words that others are compared with: the keys
// and values of the grammar, and Targets' names.
const maxCompared = 63

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
