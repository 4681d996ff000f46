package spec

import (
	"fmt"
	"regexp/syntax"
	"strings"
)

// The bounds of one regular expression of a template or condition. A short one
// can be huge: `.{0,900}` is eight bytes and 1,800 instructions, so both the
// text and what it compiles to are bounded, the latter before it is compiled.
const (
	MaxRegexp       = 1 << 10 // bytes
	MaxInstructions = 2000
)

// How many bytes of plain expression take as long to parse as one class of
// Unicode (`\pL`), which is a list of hundreds of ranges.
const unicodeClassBytes = 128

// ParseWeight is how much work it is to parse expr, in bytes of plain
// expression. It looks at the text only and never says too little, whether expr
// is a regular expression or a text with some in it.
func ParseWeight(expr string) int {
	return len(expr) + unicodeClassBytes*(strings.Count(expr, `\p`)+strings.Count(expr, `\P`))
}

// RegexpSize says whether expr is RE2 and of bearable size, and bounds the
// instructions that it compiles to from above. It compiles nothing.
func RegexpSize(expr string) (instructions int, err error) {
	tree, err := parseRegexp(expr)
	if err != nil {
		return 0, err
	}
	size := instructionsOf(tree)
	if size > MaxInstructions {
		return 0, fmt.Errorf("a regular expression that compiles to some %d instructions, at most %d are taken: write + or * instead of large counts such as {0,900}",
			size, MaxInstructions)
	}
	return size, nil
}

// parseRegexp refuses what would take long to parse before it tries.
func parseRegexp(expr string) (*syntax.Regexp, error) {
	switch {
	case len(expr) > MaxRegexp:
		return nil, fmt.Errorf("a regular expression of %d bytes, at most %d are taken", len(expr), MaxRegexp)
	case ParseWeight(expr) > MaxRegexp:
		return nil, fmt.Errorf("a regular expression with too many Unicode classes, at most %d are taken: \\p and \\P", MaxRegexp/unicodeClassBytes-1)
	case ignoresCase(expr) && hasWideRange(expr):
		return nil, fmt.Errorf("a regular expression that ignores case in a range up to characters beyond ASCII: leave out (?i), or end the range at \\x7f")
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	return tree, nil
}

// ignoresCase says whether expr may set the flag i anywhere.
func ignoresCase(expr string) bool {
	for {
		_, after, found := strings.Cut(expr, "(?")
		if !found {
			return false
		}
		flags := after[:len(after)-len(strings.TrimLeft(after, "imsU-"))]
		if strings.Contains(flags, "i") {
			return true
		}
		expr = after
	}
}

// hasWideRange says whether expr may hold a range like `[a-\x{1F600}]`, whose
// every character is looked at when case is ignored.
func hasWideRange(expr string) bool {
	for i := 0; i+1 < len(expr); i++ {
		if expr[i] == '-' && (expr[i+1] >= 0x80 || strings.HasPrefix(expr[i+1:], `\x{`)) {
			return true
		}
	}
	return false
}

// runesPerInstruction: the ranges of a class take as much memory as one more
// instruction for this many characters that they begin or end with.
const runesPerInstruction = 32

// instructionsOf bounds from above what a tree compiles to, without unfolding
// its counts: `x{2,5}` is `xx(x(x(x)?)?)?`. The parser bounds the depth of the
// tree and the product of nested counts, so that nothing overflows here.
func instructionsOf(re *syntax.Regexp) int {
	size := 0
	for _, sub := range re.Sub {
		size += instructionsOf(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		return max(1, len(re.Rune))
	case syntax.OpCharClass:
		return 1 + len(re.Rune)/runesPerInstruction
	case syntax.OpAlternate:
		return size + len(re.Sub)
	case syntax.OpCapture, syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		return size + 2
	case syntax.OpRepeat:
		return repeated(size, re.Min, re.Max)
	}
	return size + 1
}

// repeated is the size of something that is there from least to most times, any
// number of times for a most of -1.
func repeated(size, least, most int) int {
	if most < 0 {
		return max(1, least)*size + 2
	}
	return 1 + most*size + (most - least)
}
