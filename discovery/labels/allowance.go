package labels

import (
	"strings"

	"github.com/rota-proxy/rota/proxy/spec"
)

// allowance is what the labels of one container may still cost, all Targets
// together: a thousand labels that are each within bounds would cost too much.
type allowance struct {
	patterns int // bytes of regular expressions to parse
	matches  int // of [spec.Match.Cost]
}

func newAllowance() *allowance { return &allowance{patterns: MaxPatterns, matches: MaxCost} }

// spendPatterns takes what it will cost to parse the expressions in a value,
// before any is parsed. What was asked for counts, be it refused in the end.
func (a *allowance) spendPatterns(l label) error {
	a.patterns -= patternWeight(l)
	if a.patterns < 0 {
		return refuse("", "brings the regular expressions of this container to more than %d bytes together; a class of Unicode, like \\pL, counts as 128", MaxPatterns)
	}
	return nil
}

// patternWeight is the weight of a label's expressions: what stands between
// braces in a host or path, and what follows the ~ of a condition.
func patternWeight(l label) int {
	switch expression, isPattern := strings.CutPrefix(l.value, "~"); {
	case l.option.Section != Matching:
		return 0
	case l.option.Family() && isPattern:
		return spec.ParseWeight(expression)
	case l.option.Family():
		return 0
	}
	weight, depth, start := 0, 0, 0
	for i := range len(l.value) {
		switch l.value[i] {
		case '{':
			if depth == 0 {
				start = i
			}
			depth++
		case '}':
			if depth == 1 {
				weight += spec.ParseWeight(l.value[start:i])
			}
			depth = max(depth-1, 0)
		}
	}
	return weight
}

// spendMatches takes the cost of a Target's Matches, and says whether it was
// there. A Target that is refused gives it back to the others.
func (a *allowance) spendMatches(cost int) bool {
	if cost > a.matches {
		return false
	}
	a.matches -= cost
	return true
}
