package proxy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// row is one conversation between a client, the proxy and an Upstream.
// testdata/conformance/README.md says how it is written down.
type row struct {
	file    string
	name    string
	engines []string
	options [][2]string
	steps   []step
}

// stepKind is the mark at the start of a line.
type stepKind string

const (
	clientBytes   stepKind = ">"  // the client sends bytes
	clientFields  stepKind = ">h" // the client sends a HEADERS frame
	clientData    stepKind = ">d" // the client sends a DATA frame
	clientAct     stepKind = ">!" // the client does something
	upstreamGets  stepKind = ">>" // what is expected of the Upstream
	upstreamBytes stepKind = "<"  // the Upstream sends bytes
	upstreamAct   stepKind = "<!" // the Upstream does something
	clientGets    stepKind = "<<" // what is expected of the client
	commentMark            = "#"
	rowMark                = "==="
)

// step is one thing that happens, or is waited for.
type step struct {
	line   int
	kind   stepKind
	only   []string // engines; none means all
	words  string   // of an act or expectation
	bytes  []byte
	fields [][2]string
	begun  bool // the request need not be complete
	ends   bool // the frame ends the stream
}

func (s step) isFor(engine string) bool { return len(s.only) == 0 || slices.Contains(s.only, engine) }

// isRequestLine: the expectation is that a further request comes.
func (s step) isRequestLine() bool {
	return s.kind == upstreamGets && strings.HasSuffix(s.words, " HTTP/1.1")
}

func (r row) isFor(engine string) bool { return slices.Contains(r.engines, engine) }

// expectsRequests: in the row, something reaches the Upstream.
func (r row) expectsRequests(engine string) bool {
	return slices.ContainsFunc(r.steps, func(s step) bool {
		return s.isFor(engine) && (s.isRequestLine() || s.kind == clientGets && strings.HasSuffix(s.words, "open"))
	})
}

// toleratesCut: a request that is not whole may reach the Upstream.
func (r row) toleratesCut() bool {
	return slices.ContainsFunc(r.steps, func(s step) bool { return s.kind == upstreamGets && s.words == "nothing whole" })
}

// allEngines are where a row holds if it does not say.
var allEngines = []string{"h1", "h2", "fallback"}

// loadRows reads all files.
func loadRows(t *testing.T) []row {
	t.Helper()
	files, err := filepath.Glob("testdata/conformance/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rows: %v", err)
	}
	var rows []row
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		more, err := parseRows(filepath.Base(file), string(text))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, more...)
	}
	return rows
}

// rowText is a row before its variants are told apart.
type rowText struct {
	name  string
	from  int // line number
	lines []string
}

func parseRows(file, text string) ([]row, error) {
	var texts []rowText
	engines := allEngines
	for i, line := range strings.Split(text, "\n") {
		name, starts := strings.CutPrefix(line, rowMark)
		switch {
		case starts:
			texts = append(texts, rowText{name: strings.TrimSpace(name), from: i + 2})
		case len(texts) > 0:
			last := &texts[len(texts)-1]
			last.lines = append(last.lines, line)
		case strings.HasPrefix(line, "on: "):
			engines = strings.Fields(line)[1:]
		case line != "" && !strings.HasPrefix(line, commentMark):
			return nil, fmt.Errorf("%s:%d: %q before the first row", file, i+1, line)
		}
	}
	var rows []row
	for _, t := range texts {
		variants, err := t.variants(file, engines)
		if err != nil {
			return nil, err
		}
		rows = append(rows, variants...)
	}
	return rows, nil
}

// variants makes one row of the text, or one for each value of its `each:`.
func (t rowText) variants(file string, engines []string) ([]row, error) {
	values, name := []string{""}, t.name
	for _, line := range t.lines {
		if list, ok := strings.CutPrefix(line, "each: "); ok {
			values = strings.Split(list, " | ")
			if !strings.Contains(name, "$it") && !strings.Contains(name, "$to") {
				name += ": $it"
			}
		}
	}
	var rows []row
	for _, value := range values {
		it, to, _ := strings.Cut(value, " => ")
		fill := strings.NewReplacer("$it", it, "$to", to)
		r := row{file: file, name: strings.TrimSuffix(file, ".txt") + "/" + fill.Replace(name), engines: engines}
		for i, line := range t.lines {
			if err := r.parseLine(t.from+i, fill.Replace(line)); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, t.from+i, err)
			}
		}
		if err := r.finish(); err != nil {
			return nil, fmt.Errorf("%s:%d: row %q: %w", file, t.from, r.name, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (r *row) parseLine(number int, line string) error {
	if option, value, ok := strings.Cut(line, ": "); ok && isOption(option) {
		switch option {
		case "each":
		case "on":
			r.engines = strings.Fields(value)
		default:
			decoded, err := unescape(value)
			r.options = append(r.options, [2]string{option, decoded})
			return err
		}
		return nil
	}
	mark, rest, _ := strings.Cut(line, " ")
	s := step{line: number, kind: stepKind(mark)}
	switch s.kind {
	case "", commentMark:
		if mark == "" {
			r.steps = append(r.steps, step{}) // ends a group
		}
		return nil
	case clientBytes, upstreamBytes, clientData:
		return r.addBytes(s, rest)
	case clientFields:
		return r.addField(s, rest)
	case clientAct, upstreamAct:
		s.words = rest
	case clientGets, upstreamGets:
		s.only, s.words = cutEngines(rest)
	default:
		return fmt.Errorf("%q begins with no mark and no option", line)
	}
	var err error
	s.words, err = unescape(s.words)
	r.steps = append(r.steps, s)
	return err
}

func isOption(word string) bool {
	switch word {
	case "each", "on", "hosts", "trusted", "stall", "response", "retry", "wait", "base", "host-header":
		return true
	}
	return false
}

// cutEngines takes `[h1 h2]` off the front.
func cutEngines(words string) (only []string, rest string) {
	if list, ok := strings.CutPrefix(words, "["); ok {
		if list, rest, ok = strings.Cut(list, "] "); ok {
			return strings.Fields(list), rest
		}
	}
	return nil, words
}

// addBytes puts the line into the group that the line before belongs to.
func (r *row) addBytes(s step, text string) error {
	open, joined := strings.CutSuffix(text, `\`)
	if joined && strings.HasSuffix(open, `\`) {
		open, joined = text, false // an escaped backslash
	}
	if !joined && s.kind != clientData {
		open = text + `\r\n`
	}
	decoded, err := unescape(open)
	if err != nil {
		return err
	}
	if n := len(r.steps); n > 0 && r.steps[n-1].kind == s.kind && s.kind != clientData {
		r.steps[n-1].bytes = append(r.steps[n-1].bytes, decoded...)
		return nil
	}
	s.bytes = []byte(decoded)
	r.steps = append(r.steps, s)
	return nil
}

func (r *row) addField(s step, text string) error {
	at := strings.Index(text, ": ")
	if at < 0 {
		return fmt.Errorf("the field %q has no value", text)
	}
	name, err := unescape(text[:at])
	if err != nil {
		return err
	}
	value, err := unescape(text[at+2:])
	if err != nil {
		return err
	}
	if n := len(r.steps); n == 0 || r.steps[n-1].kind != clientFields {
		r.steps = append(r.steps, s)
	}
	last := &r.steps[len(r.steps)-1]
	last.fields = append(last.fields, [2]string{name, value})
	return nil
}

// finish looks at the row as a whole.
func (r *row) finish() error {
	r.steps = slices.DeleteFunc(r.steps, func(s step) bool { return s.kind == "" })
	says := false
	for i := range r.steps {
		s := &r.steps[i]
		says = says || s.kind == upstreamGets
		if s.isRequestLine() {
			s.begun = r.needNotBeWhole(i + 1)
		}
		if next := i + 1; next < len(r.steps) && r.steps[next].kind == clientAct && r.steps[next].words == "end" {
			s.ends = true
		}
	}
	for _, engine := range r.engines {
		if !slices.Contains(allEngines, engine) {
			return fmt.Errorf("there is no engine %q", engine)
		}
	}
	if !says {
		return fmt.Errorf("it does not say what the Upstream gets: `>> nothing`, or a request line")
	}
	return nil
}

// needNotBeWhole looks for `begun` among the expectations that follow.
func (r *row) needNotBeWhole(from int) bool {
	for _, s := range r.steps[from:] {
		if s.kind != upstreamGets || s.isRequestLine() {
			return false
		}
		if s.words == "begun" {
			return true
		}
	}
	return false
}

var (
	repetition = regexp.MustCompile(`\{([^{}]+)\*([0-9]+)\}`)
	escape     = regexp.MustCompile(`\\(x[0-9a-fA-F]{2}|[rnt0\\]|.?)`)
)

// unescape reads `\r \n \t \0 \\ \xNN` and `{text*N}`, which is text N times.
func unescape(s string) (string, error) {
	var bad error
	s = repetition.ReplaceAllStringFunc(s, func(match string) string {
		parts := repetition.FindStringSubmatch(match)
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			bad = err
		}
		return strings.Repeat(parts[1], n)
	})
	s = escape.ReplaceAllStringFunc(s, func(match string) string {
		switch code := match[1:]; code {
		case "r":
			return "\r"
		case "n":
			return "\n"
		case "t":
			return "\t"
		case "0":
			return "\x00"
		case `\`:
			return `\`
		default:
			if len(code) != 3 {
				bad = fmt.Errorf("the escape %q is not known", match)
				return ""
			}
			c, err := strconv.ParseUint(code[1:], 16, 8)
			if err != nil {
				bad = err
			}
			return string([]byte{byte(c)})
		}
	})
	return s, bad
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		`a\r\n\t\0\\b`: "a\r\n\t\x00\\b", `\x7f\xFFx`: "\x7f\xffx", `{ab*3}c`: "abababc", `{\n*2}`: "\n\n", `{a}`: "{a}", `\\x41`: `\x41`,
	} {
		if got, err := unescape(in); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{`\q`, `a\`, `\x4`} {
		if got, err := unescape(in); err == nil {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
}

func TestParseRows(t *testing.T) {
	rows, err := parseRows("x.txt", strings.Join([]string{
		"on: h1", "=== first $it", "each: a | b", "> GET /$it HTTP/1.1", `> x\`, "", "> y", ">> nothing",
		"=== second", "on: h2", ">h :path: /", ">! end", ">> [h2] GET / HTTP/1.1", ">> begun",
	}, "\n"))
	if err != nil || len(rows) != 3 {
		t.Fatalf("%v, %v", rows, err)
	}
	if r := rows[1]; r.name != "x/first b" || !r.isFor("h1") || len(r.steps) != 3 ||
		string(r.steps[0].bytes) != "GET /b HTTP/1.1\r\nx" || string(r.steps[1].bytes) != "y\r\n" {
		t.Errorf("%+v", r)
	}
	if r := rows[2]; r.isFor("h1") || !r.steps[0].ends || r.steps[2].only[0] != "h2" || !r.steps[2].begun {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{"x", "=== a\n> x", "=== a\n?? x\n>> nothing", "=== a\non: h9\n>> nothing", "=== a\n>h x\n>> nothing", "=== a\n> \\q\n>> nothing"} {
		if rows, err := parseRows("x.txt", bad); err == nil {
			t.Errorf("%q is taken for %+v", bad, rows)
		}
	}
}
