package labels

// NearestWord is the choice that word most probably was meant to be, or "" when
// none is near enough to be worth saying. Of two equally near ones the earlier.
func NearestWord(word string, choices []string) string {
	best, least := "", slack(word)+1
	for _, choice := range choices {
		if d := distance(word, choice, least); d < least {
			best, least = choice, d
		}
	}
	return best
}

// slack is how many slips of the finger a word of this length is forgiven:
// three letters hardly identify anything once two of them are wrong.
func slack(word string) int {
	switch n := len(word); {
	case n <= 3:
		return 1
	case n <= 10:
		return 2
	}
	return 3
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (Damerau–Levenshtein, optimal string
// alignment), by bytes. Once it is certain that there are limit or more, it says
// limit, so that comparing with a huge hostile word costs nothing.
func distance(a, b string, limit int) int {
	if abs(len(a)-len(b)) >= limit {
		return limit
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
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

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
