package discovery

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/internal/spelling"
)

// The bounds of a file. Whoever writes it is trusted; they are for accidents.
const (
	maxStaticFile  = 16 << 20 // bytes
	maxStaticDepth = 8        // of maps in maps, behind aliases too
)

// The words of a file at its first level, and of an entry beside options.
const (
	wordTargets   = "targets"
	wordPresets   = "presets"
	wordUpstreams = "upstreams"
	wordURL       = "url"
)

// staticFile is a file of static Targets as it was written: its entries in their
// order, their options not understood yet.
type staticFile struct {
	entries []staticEntry
	presets *labels.Place // where they begin; nil: there are none
}

// staticEntry is one Target of a file.
type staticEntry struct {
	name      string
	at        labels.Place
	settings  []labels.Setting
	upstreams []staticUpstream
	// problems are about the entry's shape. There is no telling what else would
	// have been read, so it does not hold with any.
	problems []labels.Problem
}

// staticUpstream is one item of an entry's `upstreams`.
type staticUpstream struct {
	url      string
	at       labels.Place
	settings []labels.Setting
}

// FileError is why nothing of a file of static Targets can be used.
type FileError struct {
	At   labels.Place // zero: no single place
	Text string
}

func (e FileError) Error() string { return e.Text }

func faultAt(n *yaml.Node, format string, a ...any) error {
	return FileError{placeOf(n), fmt.Sprintf(format, a...)}
}

func placeOf(n *yaml.Node) labels.Place { return labels.Place{Line: n.Line, Column: n.Column} }

// parseStaticFile reads a file's text. An error is a FileError and means that
// nothing of it may be used: a file that breaks off may have lost any of its
// entries, and an empty one may be about to be written.
func parseStaticFile(text []byte) (staticFile, error) {
	root, err := parseYAML(text)
	if err != nil {
		return staticFile{}, err
	}
	top, err := pairsOf(root, 0)
	if err != nil {
		return staticFile{}, err
	}
	var file staticFile
	var targets *yaml.Node
	for i, p := range top {
		if first := slices.IndexFunc(top[:i], func(o pair) bool { return o.key.Value == p.key.Value }); first >= 0 {
			return file, faultAt(p.key, "%q is there twice, first in line %d", shown(p.key.Value), top[first].key.Line)
		}
		switch word := p.key.Value; {
		case word == wordTargets:
			targets = p.value
		case word == wordPresets:
			at := placeOf(p.key)
			file.presets = &at
		case !strings.HasPrefix(word, "x-"): // what begins so is for anchors, as in compose files
			return file, faultAt(p.key, "%q is no section of the file%s", shown(word), nearestOf(word, wordTargets, wordPresets))
		}
	}
	if targets == nil {
		return file, faultAt(root, "there is no `targets:`")
	}
	file.entries, err = parseEntries(targets)
	return file, err
}

// nearestOf ends a sentence about a word with the one that was probably meant.
func nearestOf(word string, known ...string) string {
	if near := spelling.Nearest(strings.ToLower(word), known); near != "" {
		return " (nearest: " + near + ")"
	}
	return "; there are " + strings.Join(known, " and ")
}

// parseYAML is the one document of a file.
func parseYAML(text []byte) (*yaml.Node, error) {
	if len(text) > maxStaticFile {
		return nil, FileError{Text: fmt.Sprintf("it has %d bytes; at most %d are read", len(text), maxStaticFile)}
	}
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, FileError{Text: "it is empty; a file that serves nothing says `targets: {}`"}
	case err != nil:
		return nil, ExplainYAML(err, text)
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, faultAt(&second, "a second document begins; one is read")
	} else if !errors.Is(err, io.EOF) {
		return nil, ExplainYAML(err, text)
	}
	root := &document
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if isNull(root) {
		return nil, FileError{Text: "it is empty; a file that serves nothing says `targets: {}`"}
	}
	return root, nil
}

// ExplainYAML says what the YAML library has to say of a text, with what was
// probably meant.
func ExplainYAML(err error, text []byte) FileError {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return FileError{Text: "it is not YAML: " + shown(err.Error())}
	}
	fault := FileError{Text: "it is not YAML: " + shown(load.Message)}
	line := load.Mark.Line
	if line == 0 {
		return fault
	}
	fault.At = labels.Place{Line: line, Column: max(load.Mark.Column, 1)}
	if load.ContextMsg != "" && load.ContextMark.Line < line {
		fault.Text += fmt.Sprintf(" (%s that begins in line %d)", shown(load.ContextMsg), load.ContextMark.Line)
	}
	switch {
	case strings.Contains(load.Message, "anchor"):
		fault.Text += "; a value that begins with * is written in quotes, as \"*.example.com\""
	case bytes.ContainsRune(lineOf(text, line), '\t'):
		fault.Text += "; YAML is indented with spaces, not with tabs"
	}
	return fault
}

// lineOf is one line of text, counted from 1.
func lineOf(text []byte, line int) []byte {
	for range line - 1 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	found, _, _ := bytes.Cut(text, []byte("\n"))
	return found
}

// parseEntries reads what stands below `targets:`.
func parseEntries(n *yaml.Node) ([]staticEntry, error) {
	if isNull(resolved(n)) {
		return nil, faultAt(n, "nothing stands below `targets:`; a file that serves nothing says `targets: {}`")
	}
	pairs, err := pairsOf(n, 0)
	if err != nil {
		return nil, err
	}
	entries := make([]staticEntry, 0, len(pairs))
	lines := map[string]int{}
	for _, p := range pairs {
		name := p.key.Value
		if line := lines[name]; line > 0 {
			return nil, faultAt(p.key, "the Target %q is there twice, first in line %d", shown(name), line)
		}
		lines[name] = p.key.Line
		entries = append(entries, parseEntry(p))
	}
	return entries, nil
}

func parseEntry(p pair) staticEntry {
	e := staticEntry{name: p.key.Value, at: placeOf(p.key)}
	if !labels.IsTargetName(e.name) {
		nearest := strings.ToLower(e.name)
		if !labels.IsTargetName(nearest) {
			nearest = ""
		}
		e.name = cmp.Or(shown(e.name), `""`)
		e.refuse(p.key, "", nearest, "the name has other characters than a-z, 0-9, _ and -, or more than 63 of them")
		return e
	}
	pairs, err := pairsOf(p.value, 0)
	if err != nil {
		e.refuseFault(err)
		return e
	}
	given := slices.ContainsFunc(pairs, func(p pair) bool { return p.key.Value == wordUpstreams })
	for _, p := range pairs {
		switch word := p.key.Value; {
		case word == wordUpstreams:
			e.parseUpstreams(p.value)
		case !given && isAlmostUpstreams(word):
			e.refuse(p.key, word, wordUpstreams, "is no option")
			given = true
		default:
			e.settings = flatten(e.settings, "", p, 0)
		}
	}
	if !given {
		e.refuse(p.key, "", "", "there is no `upstreams`: a list of URLs like http://10.0.0.7:8080")
	}
	return e
}

// isAlmostUpstreams recognises `upstream` and what is further off.
func isAlmostUpstreams(word string) bool {
	_, is := labels.Find(word)
	return !is && spelling.Nearest(strings.ToLower(word), []string{wordUpstreams}) != ""
}

// parseUpstreams reads a list of URLs, or of maps with a URL and options.
func (e *staticEntry) parseUpstreams(n *yaml.Node) {
	n = resolved(n)
	items := n.Content
	switch {
	case n.Kind == yaml.ScalarNode && !isNull(n):
		items = []*yaml.Node{n}
	case n.Kind != yaml.SequenceNode || len(items) == 0:
		e.refuse(n, "", "", "`upstreams` is no list of URLs like http://10.0.0.7:8080")
		return
	}
	for _, item := range items {
		e.parseUpstream(item)
	}
}

func (e *staticEntry) parseUpstream(n *yaml.Node) {
	u := staticUpstream{at: placeOf(n)}
	if url, err := textOf(n); err == nil {
		u.url = url
		e.upstreams = append(e.upstreams, u)
		return
	}
	pairs, err := pairsOf(n, 0)
	if err != nil {
		e.refuse(n, "", "", "an upstream is neither a URL nor a map with `url`")
		return
	}
	for _, p := range pairs {
		if p.key.Value != wordURL || u.url != "" {
			u.settings = flatten(u.settings, "", p, 0)
			continue
		}
		if u.url, err = textOf(p.value); err != nil || u.url == "" {
			e.refuse(p.value, "", "", "`url` is no URL like http://10.0.0.7:8080")
			return
		}
		u.at = placeOf(p.value)
	}
	if u.url == "" {
		e.refuse(n, "", "", "an upstream has no `url`")
		return
	}
	e.upstreams = append(e.upstreams, u)
}

// flatten adds an option to settings; of a map each part: `timeout: {dial: 1s}`
// is timeout.dial.
func flatten(settings []labels.Setting, above string, p pair, depth int) []labels.Setting {
	value := resolved(p.value)
	s := labels.Setting{Key: above + p.key.Value, At: placeOf(p.key)}
	switch value.Kind {
	case yaml.MappingNode:
		return flattenAll(settings, s, value, depth+1)
	case yaml.SequenceNode:
		s.List, s.Fault = itemsOf(value)
	default:
		text, err := textOf(value)
		s.Value, s.Fault = text, faultText(err)
	}
	return append(settings, s)
}

func flattenAll(settings []labels.Setting, parent labels.Setting, n *yaml.Node, depth int) []labels.Setting {
	parts, err := pairsOf(n, depth)
	if parent.Fault = faultText(err); err == nil && len(parts) == 0 {
		parent.Fault = "has nothing in it"
	}
	if parent.Fault != "" {
		return append(settings, parent)
	}
	for _, p := range parts {
		if len(settings) > labels.MaxLabels {
			break // refused they are; aliases could make more than there is memory
		}
		settings = flatten(settings, parent.Key+".", p, depth)
	}
	return settings
}

func itemsOf(n *yaml.Node) (items []string, fault string) {
	items = make([]string, min(len(n.Content), labels.MaxMatches))
	if len(n.Content) > len(items) {
		return nil, fmt.Sprintf("is a list of %d items; at most %d are read", len(n.Content), len(items))
	}
	for i := range items {
		text, err := textOf(n.Content[i])
		if err != nil {
			return nil, faultText(err)
		}
		items[i] = text
	}
	return items, ""
}

// faultText is an error about the value of an option, empty without one.
func faultText(err error) string {
	if err == nil {
		return ""
	}
	return "cannot be read: " + err.Error()
}

// refuse reports on the shape of an entry; word is what it is about, if it is one.
func (e *staticEntry) refuse(n *yaml.Node, word, nearest, reason string) {
	p := labels.Problem{Label: shown(word), Reason: reason, Nearest: nearest, At: placeOf(n)}
	if nearest != "" {
		p.Fix = "write " + nearest
	}
	e.problems = append(e.problems, p)
}

func (e *staticEntry) refuseFault(err error) {
	var fault FileError
	if errors.As(err, &fault) {
		e.problems = append(e.problems, labels.Problem{Reason: fault.Text, At: fault.At})
	}
}

// pair is a key of a map with its value.
type pair struct{ key, value *yaml.Node }

// pairsOf are the pairs of a map, and those that it merges in by `<<` and does
// not have itself. Aliases may lead in a circle, so there is an end to depth.
func pairsOf(n *yaml.Node, depth int) ([]pair, error) {
	n = resolved(n)
	if depth > maxStaticDepth {
		return nil, faultAt(n, "maps are nested more than %d deep", maxStaticDepth)
	}
	if n.Kind != yaml.MappingNode {
		return nil, faultAt(n, "a map of `name: value` is expected here")
	}
	var own []pair
	var base *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch _, err := textOf(key); {
		case err != nil:
			return nil, faultAt(key, "a key is not a plain word")
		case key.Value != mergeKey:
			own = append(own, pair{resolved(key), value})
		case base != nil:
			return nil, faultAt(key, "%q is there twice", mergeKey)
		default:
			base = value
		}
	}
	if base == nil {
		return own, nil
	}
	return withBase(own, base, depth+1)
}

// mergeKey brings the pairs of another map into one.
const mergeKey = "<<"

// withBase adds the pairs of base that own has not.
func withBase(own []pair, base *yaml.Node, depth int) ([]pair, error) {
	more, err := pairsOf(base, depth)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, p := range own {
		known[p.key.Value] = true
	}
	for _, p := range more {
		if !known[p.key.Value] {
			own = append(own, p)
		}
	}
	return own, nil
}

// textOf is a scalar as it was written; nothing at all is an empty text.
func textOf(n *yaml.Node) (string, error) {
	n = resolved(n)
	switch {
	case isNull(n):
		return "", nil
	case n.Kind != yaml.ScalarNode:
		return "", faultAt(n, "a single value is expected here")
	case !slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!merge"}, n.ShortTag()):
		return "", faultAt(n, "the tag %s is not understood", shown(n.ShortTag()))
	}
	return n.Value, nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// resolved is what an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// shown is a word of a file as it may stand in a message.
func shown(word string) string {
	word = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, word)
	if runes := []rune(word); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return word
}
