package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/rota-proxy/rota/discovery/labels"
)

// source is a file as it was written.
type source struct {
	name  string // as the user calls it
	text  []byte
	lines []string
	root  *yaml.Node // nil: it is no YAML
	// masks say from which column on a line may hold a secret.
	masks map[int]int
	// visits counts maps that were read, merged ones included.
	visits int
}

func newSource(name string, text []byte) *source {
	return &source{name: name, text: text, lines: strings.Split(string(text), "\n"), masks: map[int]int{}}
}

var errEmpty = errors.New("it is empty")

// parse reads the file as YAML. Of several documents the first is looked at.
func (s *source) parse() error {
	var document yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(s.text)).Decode(&document)
	if errors.Is(err, io.EOF) {
		return errEmpty
	}
	if err != nil {
		return err
	}
	s.root = &document
	if document.Kind == yaml.DocumentNode && len(document.Content) == 1 {
		s.root = document.Content[0]
	}
	s.maskSecrets(s.root, 0)
	return nil
}

// The bounds of walks through YAML: aliases may lead in a circle, and a few lines
// of them may stand for more than there is time.
const (
	maxDepth  = 32
	maxVisits = 1 << 18
)

// maskSecrets notes where the file has what nobody is to read in a log.
func (s *source) maskSecrets(n *yaml.Node, depth int) {
	if depth > maxDepth {
		return
	}
	if n.Kind != yaml.MappingNode {
		for _, child := range n.Content {
			s.maskSecrets(child, depth+1)
		}
		if hasUserInfo(n.Value) {
			s.mask(n.Line, n.Column)
		}
		if key, value, found := strings.Cut(n.Value, "="); found && labels.MayBeSecret(key, value) {
			s.mask(n.Line, n.Column+quoteWidth(n)+utf8.RuneCountInString(key)+1)
		}
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if value.Kind == yaml.ScalarNode && labels.MayBeSecret(key.Value, value.Value) {
			s.mask(value.Line, value.Column)
			continue
		}
		s.maskSecrets(value, depth+1)
	}
}

func (s *source) mask(line, column int) {
	if known, is := s.masks[line]; !is || column < known {
		s.masks[line] = column
	}
}

// line is one line as it may be shown, and how wide what stands before column is.
// Tabs are shown as one space, so that a caret can be put below.
func (s *source) line(number, column int) (shown string, before int) {
	if number < 1 || number > len(s.lines) {
		return "", 0
	}
	text := []rune(strings.TrimSuffix(s.lines[number-1], "\r"))
	rest := ""
	if from, masked := s.masks[number]; masked && from <= len(text) {
		text, rest = text[:from-1], "…"
	}
	clean := func(r []rune) string {
		return labels.Printable(strings.ReplaceAll(string(r), "\t", " "), maxExcerpt)
	}
	at := min(max(column-1, 0), len(text))
	return clean(text) + rest, utf8.RuneCountInString(clean(text[:at]))
}

// word is how long the word is that begins at a column, quotes included.
func (s *source) word(number, column int) int {
	if number < 1 || number > len(s.lines) || column < 1 {
		return 1
	}
	text := []rune(s.lines[number-1])
	from := min(column-1, len(text))
	end := strings.IndexFunc(string(text[from:]), func(r rune) bool { return strings.ContainsRune(" \t\r,:]}", r) })
	if end < 0 {
		end = len(string(text[from:]))
	}
	return max(utf8.RuneCountInString(string(text[from:])[:end]), 1)
}

// maxExcerpt is how many bytes are shown of a line.
const maxExcerpt = 160

// quoteWidth is how many characters stand in front of a scalar's text.
func quoteWidth(n *yaml.Node) int {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return 1
	}
	return 0
}

// place is where something stands: a node of a source, or a source as a whole.
type place struct {
	source       *source
	line, column int
	width        int // characters that are meant
}

func (p place) file() string {
	if p.source == nil {
		return ""
	}
	return p.source.name
}

// at is the place of a node. That of a map or list is its first line.
func (s *source) at(n *yaml.Node) place {
	p := place{source: s, line: n.Line, column: n.Column, width: 1}
	if n.Kind == yaml.ScalarNode && !strings.Contains(n.Value, "\n") {
		p.width = max(utf8.RuneCountInString(n.Value)+2*quoteWidth(n), 1)
	}
	return p
}

// within is the place of a part of a scalar. Escapes in front of it would move it.
func (s *source) within(n *yaml.Node, from, to int) place {
	p := s.at(n)
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		p.column += quoteWidth(n) + utf8.RuneCountInString(n.Value[:from])
	}
	p.width = max(utf8.RuneCountInString(n.Value[from:to]), 1)
	return p
}

// show is the place for people: the line with a caret below what is meant.
func (p place) show() (line, column int, excerpt, caret string) {
	if p.source == nil || p.line == 0 {
		return 0, 0, "", ""
	}
	shown, before := p.source.line(p.line, p.column)
	width := min(p.width, max(utf8.RuneCountInString(shown)-before, 1))
	return p.line, p.column, shown, strings.Repeat(" ", before) + "^" + strings.Repeat("~", max(width-1, 0))
}

// String is how editors and compilers write a place.
func (p place) String() string {
	if p.line == 0 {
		return p.file()
	}
	return fmt.Sprintf("%s:%d:%d", p.file(), p.line, p.column)
}

// position is a place that was found otherwise than by a node.
func (s *source) position(p labels.Place) place {
	return place{source: s, line: p.Line, column: p.Column, width: s.word(p.Line, p.Column)}
}

// lineAt is the first word of a line whose number is in digits.
func (s *source) lineAt(digits string) place {
	number, err := strconv.Atoi(digits)
	if err != nil || number < 1 || number > len(s.lines) {
		return place{source: s}
	}
	text := s.lines[number-1]
	indent := utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeft(text, " -"))
	return s.position(labels.Place{Line: number, Column: indent + 1})
}

// node is a YAML node in its source.
type node struct {
	source *source
	yaml   *yaml.Node
}

// pair is a key with its value. A list of `key=value` has both in one scalar.
type pair struct {
	source     *source
	key, value *yaml.Node
	name       string
	text       string // of the value, as it was written
	offset     int    // of text within value
}

func (p pair) keyPlace() place {
	if p.key == p.value {
		return p.source.within(p.key, 0, len(p.name))
	}
	return p.source.at(p.key)
}

func (p pair) valuePlace() place {
	if p.key == p.value {
		return p.source.within(p.value, p.offset, len(p.value.Value))
	}
	return p.source.at(p.value)
}

// part is the place of a part of the value.
func (p pair) part(from, to int) place { return p.source.within(p.value, p.offset+from, p.offset+to) }

// mergeKey brings the pairs of other maps into one.
const mergeKey = "<<"

// pairs are what a map holds, its own before what it merges in; or a list of
// `key=value`, of which the last counts and is the first here. Own ones come from
// the end, so that the first of equal names is the one that counts.
func (n node) pairs(depth int) []pair {
	y := resolved(n.yaml)
	if n.source.visits++; y == nil || depth > maxDepth || n.source.visits > maxVisits {
		return nil
	}
	var own, merged []pair
	switch y.Kind {
	case yaml.SequenceNode:
		for _, item := range y.Content {
			own = append(own, n.item(resolved(item)))
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(y.Content); i += 2 {
			key, value := y.Content[i], y.Content[i+1]
			if key.Value == mergeKey {
				merged = append(merged, n.merged(value, depth+1)...)
				continue
			}
			own = append(own, pair{source: n.source, key: key, value: value, name: key.Value, text: resolved(value).Value})
		}
	}
	slices.Reverse(own)
	return append(own, merged...)
}

func (n node) item(y *yaml.Node) pair {
	name, text, _ := strings.Cut(y.Value, "=")
	return pair{source: n.source, key: y, value: y, name: name, text: text, offset: len(y.Value) - len(text)}
}

func (n node) merged(value *yaml.Node, depth int) []pair {
	value = resolved(value)
	if value.Kind != yaml.SequenceNode {
		return node{n.source, value}.pairs(depth)
	}
	var all []pair
	for _, one := range value.Content {
		all = append(all, node{n.source, one}.pairs(depth)...)
	}
	return all
}

// get is what a map holds under a name.
func (n node) get(name string) (pair, bool) {
	for _, p := range n.pairs(0) {
		if p.name == name {
			return p, true
		}
	}
	return pair{}, false
}

func (p pair) node() node { return node{p.source, p.value} }

// resolved is what an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	for depth := 0; n != nil && n.Kind == yaml.AliasNode && depth < maxDepth; depth++ {
		n = n.Alias
	}
	return n
}
