package check

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// composeFiles are the files of one compose project, for finding places in them:
// compose-go knows what they mean together, and no more where that stands.
type composeFiles struct {
	sources []*source // those that count more come later
	read    map[string]*source
	folder  string            // that names are shown relative to
	defined map[string][]pair // by service, see definitions
}

// maxFiles bounds how many files include and extend one another.
const maxFiles = 200

func newComposeFiles(folder string) *composeFiles {
	return &composeFiles{read: map[string]*source{}, defined: map[string][]pair{}, folder: folder}
}

// add takes a file that the user named or that was found, and those it includes,
// which count less.
func (c *composeFiles) add(path, name string, text []byte) error {
	s := newSource(name, text)
	c.read[absolute(path)] = s
	if err := s.parse(); err != nil {
		c.sources = append(c.sources, s)
		return err
	}
	c.include(s, filepath.Dir(path), 0)
	c.sources = append(c.sources, s)
	return nil
}

// include adds what the file's `include` names, as far as those are files here.
func (c *composeFiles) include(s *source, folder string, depth int) {
	includes, found := node{s, s.root}.get("include")
	if !found || depth > maxDepth || includes.value.Kind != yaml.SequenceNode {
		return
	}
	for _, item := range includes.value.Content {
		for _, path := range includedPaths(node{s, resolved(item)}) {
			path = below(folder, path)
			if c.read[path] != nil {
				continue
			}
			if included := c.open(path); included != nil {
				c.include(included, filepath.Dir(path), depth+1)
				c.sources = append(c.sources, included)
			}
		}
	}
}

// includedPaths are those of one item of `include`, in its short or long form.
func includedPaths(item node) []string {
	if item.yaml.Kind == yaml.ScalarNode {
		return []string{item.yaml.Value}
	}
	path, found := item.get("path")
	if !found {
		return nil
	}
	value := resolved(path.value)
	if value.Kind == yaml.ScalarNode {
		return []string{value.Value}
	}
	var all []string
	for _, one := range value.Content {
		all = append(all, one.Value)
	}
	return all
}

// open reads a file that another one names; nil: it cannot be read as YAML, about
// which compose has its say.
func (c *composeFiles) open(path string) *source {
	if s := c.read[path]; s != nil {
		return s
	}
	if len(c.read) >= maxFiles {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	s := newSource(c.nameOf(path), text)
	c.read[path] = s
	if s.parse() != nil {
		return nil
	}
	return s
}

// maxFile is more bytes than a file for people has.
const maxFile = 16 << 20

// nameOf is a path as it is shown: relative where that is shorter.
func (c *composeFiles) nameOf(path string) string {
	if name, err := filepath.Rel(c.folder, path); err == nil && !strings.HasPrefix(name, "..") {
		return name
	}
	return path
}

func below(folder, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return absolute(filepath.Join(folder, path))
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// definitions are the maps that describe a service, what counts most first: each
// file's own, then what that extends. It is asked once all files are in.
func (c *composeFiles) definitions(service string) []pair {
	if all, known := c.defined[service]; known {
		return all
	}
	var all []pair
	for i := len(c.sources) - 1; i >= 0; i-- {
		all = append(all, c.definitionsIn(c.sources[i], service, 0)...)
	}
	c.defined[service] = all
	return all
}

func (c *composeFiles) definitionsIn(s *source, service string, depth int) []pair {
	if s.root == nil || depth > maxDepth {
		return nil
	}
	services, _ := node{s, s.root}.get("services")
	if services.value == nil {
		return nil
	}
	own, found := services.node().get(service)
	if !found {
		return nil
	}
	all := []pair{own}
	extends, found := own.node().get("extends")
	if !found {
		return all
	}
	base, from := resolved(extends.value).Value, s
	if resolved(extends.value).Kind == yaml.MappingNode {
		name, _ := extends.node().get("service")
		base = name.text
		if file, is := extends.node().get("file"); is {
			from = c.open(below(c.folderOf(s), file.text))
		}
	}
	if from == nil {
		return all
	}
	return append(all, c.definitionsIn(from, base, depth+1)...)
}

func (c *composeFiles) folderOf(s *source) string {
	for path, other := range c.read {
		if other == s {
			return filepath.Dir(path)
		}
	}
	return c.folder
}

// service is where the service begins: in the first file that describes it.
func (c *composeFiles) service(name string) place {
	definitions := c.definitions(name)
	if len(definitions) == 0 {
		return c.whole()
	}
	first := definitions[0]
	for _, d := range definitions {
		if slices.Index(c.sources, d.source) >= 0 && slices.Index(c.sources, d.source) < slices.Index(c.sources, first.source) {
			first = d
		}
	}
	return first.keyPlace()
}

// whole is the project as such.
func (c *composeFiles) whole() place {
	if len(c.sources) == 0 {
		return place{}
	}
	return place{source: c.sources[len(c.sources)-1]}
}

// find is what counts of a path below a service, and whether it is in any file.
func (c *composeFiles) find(service string, path ...string) (pair, bool) {
	for _, definition := range c.definitions(service) {
		if p, found := descend(definition, path); found {
			return p, true
		}
	}
	return pair{}, false
}

func descend(p pair, path []string) (pair, bool) {
	for _, name := range path {
		next, found := p.node().get(name)
		if !found {
			return pair{}, false
		}
		p = next
	}
	return p, true
}

// key is where the name of a part of a service stands: of the first that there
// is, else of the service.
func (c *composeFiles) key(service string, names ...string) place {
	for _, name := range names {
		if p, found := c.find(service, name); found {
			return p.keyPlace()
		}
	}
	return c.service(service)
}

// label is a label of a service.
func (c *composeFiles) label(service, key string) (pair, bool) { return c.find(service, "labels", key) }

// labels are all labels of a service that count, as they were written, in the
// order of the files.
func (c *composeFiles) labels(service string) []pair {
	var all []pair
	known := map[string]bool{}
	for _, definition := range c.definitions(service) {
		labels, _ := descend(definition, []string{"labels"})
		if labels.value == nil {
			continue
		}
		for _, p := range labels.node().pairs(0) {
			if !known[p.name] {
				known[p.name] = true
				all = append(all, p)
			}
		}
	}
	return all
}

// at is the place of a path of compose's own making, `services.web.ports.0`: of
// as much of it as there is.
func (c *composeFiles) at(path string) place {
	words := strings.Split(path, ".")
	best, deepest := c.whole(), 0
	for i := len(c.sources) - 1; i >= 0; i-- {
		s := c.sources[i]
		if s.root == nil {
			continue
		}
		if p, depth := deepestOf(node{s, s.root}, words); depth > deepest {
			best, deepest = p.keyPlace(), depth
		}
	}
	return best
}

// deepestOf follows words as far as they lead; labels have dots in their names,
// so several words may be one name.
func deepestOf(n node, words []string) (best pair, depth int) {
	for take := 1; take <= len(words); take++ {
		p, found := n.get(strings.Join(words[:take], "."))
		if !found {
			continue
		}
		deeper, more := deepestOf(p.node(), words[take:])
		if more > 0 {
			return deeper, take + more
		}
		return p, take
	}
	return pair{}, 0
}
