package spec

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
)

// maxName bounds the name of a template part.
const maxName = 64

// part is a piece of a template: either text that is compared as it stands or a
// named expression.
type part struct {
	literal string
	name    string // empty for a literal
	expr    string // empty: one label of a host, one segment of a path
}

func (p part) String() string {
	switch {
	case p.name == "":
		return p.literal
	case p.expr == "":
		return "{" + p.name + "}"
	}
	return "{" + p.name + ":" + p.expr + "}"
}

// splitTemplate takes a pattern apart at its outermost braces. Neighbouring
// parts are never both literals; a pattern without braces is one literal.
func splitTemplate(pattern string) ([]part, error) {
	var parts []part
	names := map[string]bool{}
	rest := pattern
	for rest != "" {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			return append(parts, part{literal: rest}), nil
		}
		end := closingBrace(rest, open)
		if end < 0 {
			return nil, errors.New("its braces are not balanced")
		}
		if open > 0 {
			parts = append(parts, part{literal: rest[:open]})
		}
		named, err := parsePart(rest[open+1 : end])
		if err != nil {
			return nil, err
		}
		if names[named.name] {
			return nil, fmt.Errorf("the name {%s} is used twice", named.name)
		}
		names[named.name] = true
		parts = append(parts, named)
		rest = rest[end+1:]
	}
	return parts, nil
}

// closingBrace finds the brace that closes the one at open, or -1. Braces are
// counted and never escaped, as the router does it that gets the template later.
func closingBrace(s string, open int) int {
	depth := 0
	for i := open; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth < 0 {
			return -1
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

func parsePart(inside string) (part, error) {
	name, expr, hasExpr := strings.Cut(inside, ":")
	if err := checkPartName(name); err != nil {
		return part{}, err
	}
	if !hasExpr {
		return part{name: name}, nil
	}
	if expr == "" {
		return part{}, fmt.Errorf("{%s:} has no regular expression after the colon", name)
	}
	if err := checkTemplateRegexp(expr); err != nil {
		return part{}, fmt.Errorf("{%s}: %w", name, err)
	}
	return part{name: name, expr: expr}, nil
}

func checkPartName(name string) error {
	if name == "" {
		return errors.New("a template part has no name: write {name} or {name:regexp}")
	}
	for i := range len(name) {
		c := name[i]
		if c != '_' && !isAlpha(c) && (i == 0 || !isDigit(c)) {
			return fmt.Errorf("{%s}: a name has letters, digits and underscores and does not start with a digit", name)
		}
	}
	if len(name) > maxName {
		return fmt.Errorf("a template name is longer than %d bytes", maxName)
	}
	return nil
}

// checkTemplateRegexp holds expr to what may stand inside a larger expression
// without changing its meaning.
func checkTemplateRegexp(expr string) error {
	if _, err := RegexpSize(expr); err != nil {
		return err
	}
	// `\Qx` is fine alone and swallows the bracket that ends its group.
	tree, err := syntax.Parse("(?:"+expr+")", syntax.Perl)
	if err != nil {
		return fmt.Errorf("regular expression %q cannot be part of a template: %w", expr, err)
	}
	if tree.MaxCap() > 0 {
		return fmt.Errorf("regular expression %q has a capturing group: write (?:…) instead of (…)", expr)
	}
	return nil
}

// templateShape is the pattern without the names of its parts: two templates of
// one shape take the same requests.
func templateShape(pattern string) string {
	parts, err := splitTemplate(pattern)
	if err != nil {
		return pattern
	}
	var b strings.Builder
	for _, p := range parts {
		if p.name != "" {
			p.name = "_"
		}
		b.WriteString(p.String())
	}
	return b.String()
}

func joinTemplate(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.String())
	}
	return b.String()
}

func isTemplate(parts []part) bool {
	for _, p := range parts {
		if p.name != "" {
			return true
		}
	}
	return false
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
