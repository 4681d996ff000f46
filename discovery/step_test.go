package discovery

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// The list is closed: every constant of type Code stands in exactly one step. They
// are read from the source, so that none can be left out.
func TestEveryCodeStandsInOneStep(t *testing.T) {
	var listed []Code
	for _, step := range Steps() {
		for _, code := range step.Codes() {
			listed = append(listed, code)
			if code.Step() != step {
				t.Errorf("%s is in %s, and says %q", code, step, code.Step())
			}
		}
	}
	slices.Sort(listed)
	if written := constantsOfCode(t); !slices.Equal(listed, written) {
		t.Errorf("the steps have\n%q\nreasons.go has\n%q", listed, written)
	}
	if step := Code("nobodys").Step(); step != "" {
		t.Errorf("a code that does not exist stands in %q", step)
	}
}

// constantsOfCode are the values that reasons.go gives to constants of type Code,
// sorted.
func constantsOfCode(t *testing.T) []Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Code" {
			t.Errorf("%s is no Code", spec.Names[0])
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Code(value))
		return true
	})
	slices.Sort(all)
	return all
}
