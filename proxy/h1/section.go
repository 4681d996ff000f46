package h1

// section reads field lines up to the empty line: those of a head, or of the
// trailers of a chunked body (RFC 9112 section 5). It looks at every byte once,
// however they come.
type section struct {
	buf    []byte
	fields []field
	at     int // the next byte to look at
	line   int // where the current field line begins
	colon  int // where its colon is; 0: still in the name
}

// field is a field line as offsets into the buffer.
type field struct {
	name, colon, value, end uint32
	kind                    Kind
	dropped                 bool // hop-by-hop
}

// progress is what a step of reading came to.
type progress uint8

const (
	starved progress = iota // more bytes are needed
	gotField
	gotEnd // the empty line
)

// startFields begins the section at offset i.
func (s *section) startFields(i int) { s.at, s.line, s.colon = i, i, 0 }

// next reads one line of b, which is the buffer up to where it may be read.
func (s *section) next(b []byte, most int) (progress, *SyntaxError) {
	if s.colon == 0 {
		if p, err := s.name(b, most); p != gotField {
			return p, err
		}
	}
	end := textEnd(b, s.at)
	s.at = end
	p, err := lineEnd(b, end)
	if p != gotEnd {
		return p, err
	}
	s.add(b, end)
	s.startFields(end + 2)
	return gotField, nil
}

// name reads up to the colon, or the empty line.
func (s *section) name(b []byte, most int) (progress, *SyntaxError) {
	i := s.at
	if i < len(b) && i == s.line {
		if b[i] == '\r' {
			p, err := lineEnd(b, i)
			if p == gotEnd {
				s.at = i + 2
			}
			return p, err
		}
		if len(s.fields) == most {
			return starved, errTooMany
		}
	}
	for i < len(b) && isToken(b[i]) {
		i++
	}
	s.at = i
	switch {
	case i == len(b):
		return starved, nil
	case b[i] != ':' || i == s.line:
		return starved, nameError(b[i], i == s.line)
	}
	s.colon, s.at = i, i+1
	return gotField, nil
}

// nameError says what is wrong with a name that has c in it, or begins with it.
func nameError(c byte, first bool) *SyntaxError {
	switch {
	case c == '\n' || c == '\r':
		return errLineEnd
	case isSpace(c) && first:
		return errFolded
	case isSpace(c):
		return errSpaceColon
	}
	return errName
}

// lineEnd looks for CR LF at i, where text has ended.
func lineEnd(b []byte, i int) (progress, *SyntaxError) {
	switch {
	case i == len(b):
		return starved, nil
	case b[i] == '\n':
		return starved, errLineEnd
	case b[i] != '\r':
		return starved, errControl
	case i+1 == len(b):
		return starved, nil
	case b[i+1] != '\n':
		return starved, errLineEnd
	}
	return gotEnd, nil
}

// add notes the current line, whose text ends at end.
func (s *section) add(b []byte, end int) {
	value := s.colon + 1
	for value < end && isSpace(b[value]) {
		value++
	}
	for end > value && isSpace(b[end-1]) {
		end--
	}
	kind := kindOf(b[s.line:s.colon])
	s.fields = append(s.fields, field{
		name: uint32(s.line), colon: uint32(s.colon), value: uint32(value), end: uint32(end),
		kind: kind, dropped: kind.hopByHop(),
	})
}

func (s *section) nameOf(f *field) []byte  { return s.buf[f.name:f.colon] }
func (s *section) valueOf(f *field) []byte { return s.buf[f.value:f.end] }
