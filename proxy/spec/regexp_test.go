package spec

import (
	"regexp/syntax"
	"strings"
	"testing"
)

// What is small as text and huge once compiled, or slow to parse, is refused
// without compiling it; the reason says what to write instead.
func TestRegexpSizeRefuses(t *testing.T) {
	for name, c := range map[string]struct{ expr, says string }{
		"counts":             {strings.Repeat(".{0,900}", 120), "+ or *"},
		"one count":          {"(?:ab){0,900}", "+ or *"},
		"nested counts":      {"(?:(?:(?:aaa){10}){10}){9}", "+ or *"},
		"wide class counted": {`\pL{60}`, "+ or *"},
		"long":               {strings.Repeat("a", MaxRegexp+1), "1024"},
		"unicode classes":    {"[" + strings.Repeat(`\pL`, 300) + "]", "Unicode"},
		"negated classes":    {strings.Repeat(`\PL`, 300), "Unicode"},
		"folded range":       {`(?i)[B-\x{1e943}]`, "(?i)"},
		"range folded later": {`a(?s-Ui:[B-𞥃])`, "(?i)"},
	} {
		if size, err := RegexpSize(c.expr); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %d, %v; want an error that says %q", name, size, err, c.says)
		}
	}
}

func TestRegexpSizeTakes(t *testing.T) {
	for _, expr := range []string{
		"", "[a-z]+", "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "[a-z0-9-]{1,63}", "(?i)bearer .+", `(?i)[a-z\x{e9}]+`,
		`[\pL\pN_]{1,20}`, ".{0,900}", `[^\x00-\x{7f}]`, strings.Repeat("a", MaxRegexp), strings.Repeat("a|", MaxRegexp/2-1) + "b",
	} {
		if _, err := RegexpSize(expr); err != nil {
			t.Errorf("%.40s: %v", expr, err)
		}
	}
}

// FuzzRegexpSize holds the estimate to what the compiler makes of the expression.
func FuzzRegexpSize(f *testing.F) {
	for _, expr := range []string{
		"", "a", "a|b", "(a)", "a*", "(?:a*)*", "(?:a|)*", "a+?", "a{2,5}", "a{0,3}", "a{3,}", "a{0,}", "a{0}", "a{1}", "(?i)kelvin", `\bx$`,
		"(?:a{1,9}){1,9}", "(?:){5}", "[^a]", `\pL{20}`, "x(?:ab|ac|ad)y", "(?:(?:a?){9}){9}", ".{0,900}", "[a-z]{1,63}", `\C`, "(?s).", "[^\\x00-\\x{10FFFF}]",
	} {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		size, err := RegexpSize(expr)
		if err != nil {
			return
		}
		tree, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			t.Fatalf("%q is taken, but %v", expr, err)
		}
		program, err := syntax.Compile(tree.Simplify())
		if err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
		// A program has an instruction to fail and one to match besides.
		if got := len(program.Inst); got > size+2 {
			t.Errorf("%q has %d instructions, estimated as %d", expr, got, size)
		}
	})
}
