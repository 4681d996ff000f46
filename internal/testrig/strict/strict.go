// Package strict reads HTTP/1.1 (RFC 9112) like the least forgiving peer there
// could be. It stands behind and in front of the proxy in tests: whatever it
// refuses, some server or client out there refuses too, or reads differently.
// Only tests import it.
package strict

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxHead bounds a head, so that a peer that never ends one ends the test.
const maxHead = 1 << 20

// Violation is what a strict peer would not put up with. Every other error of
// this package is one of the connection: io.EOF where a message could begin,
// io.ErrUnexpectedEOF inside one, or what the connection said.
type Violation string

func (v Violation) Error() string { return "a strict reader refuses " + string(v) }

func violation(format string, args ...any) error { return Violation(fmt.Sprintf(format, args...)) }

// Field is one field line as it was sent, without the whitespace around its
// value.
type Field struct{ Name, Value string }

// Fields are field lines in order.
type Fields []Field

// Values are those of all lines with exactly this name but for case.
func (f Fields) Values(name string) []string {
	var values []string
	for _, field := range f {
		if strings.EqualFold(field.Name, name) {
			values = append(values, field.Value)
		}
	}
	return values
}

// Head is the head of a request or of a response.
type Head struct {
	Method, Target string // of a request
	Status         int    // of a response
	Minor          int    // HTTP/1.Minor
	Fields         Fields
}

// Reader reads messages from one connection. It is for one goroutine.
type Reader struct{ in *bufio.Reader }

// NewReader reads from in.
func NewReader(in io.Reader) *Reader { return &Reader{bufio.NewReader(in)} }

// Wait waits for a byte, or for the end of the connection, and takes none.
func (r *Reader) Wait() error {
	_, err := r.in.Peek(1)
	return err
}

// Rest is what comes after the messages that were read.
func (r *Reader) Rest() io.Reader { return r.in }

// RequestHead reads the head of a request.
func (r *Reader) RequestHead() (*Head, error) {
	line, fields, err := r.head()
	if err != nil {
		return nil, err
	}
	h := &Head{Minor: 1, Fields: fields}
	if h.Method, h.Target, err = parseRequestLine(line); err != nil {
		return nil, err
	}
	return h, checkRequest(h)
}

// ResponseHead reads the head of a response, be it an interim one.
func (r *Reader) ResponseHead() (*Head, error) {
	line, fields, err := r.head()
	if err != nil {
		return nil, err
	}
	h := &Head{Fields: fields}
	if h.Status, h.Minor, err = parseStatusLine(line); err != nil {
		return nil, err
	}
	return h, checkResponse(h)
}

func (r *Reader) head() (line string, fields Fields, err error) {
	if err := r.Wait(); err != nil {
		return "", nil, err
	}
	room := maxHead
	if line, err = r.line(&room); err != nil {
		return "", nil, err
	}
	fields, err = r.fields(&room)
	return line, fields, err
}

func (r *Reader) fields(room *int) (Fields, error) {
	var fields Fields
	for {
		line, err := r.line(room)
		if err != nil {
			return nil, err
		}
		if line == "" {
			return fields, nil
		}
		field, err := parseField(line)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
	}
}

// line reads up to CRLF. A CR or LF anywhere else is a violation.
func (r *Reader) line(room *int) (string, error) {
	var line []byte
	for {
		c, err := r.in.ReadByte()
		if err != nil {
			return "", inside(err)
		}
		if *room--; *room < 0 {
			return "", violation("a head of more than %d bytes", maxHead)
		}
		switch n := len(line); {
		case c == '\n' && n > 0 && line[n-1] == '\r':
			return string(line[:n-1]), nil
		case c == '\n':
			return "", violation("a bare LF after %q", line)
		case n > 0 && line[n-1] == '\r':
			return "", violation("a bare CR in %q", line)
		}
		line = append(line, c)
	}
}

// inside is what an end means in the middle of a message.
func inside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func parseRequestLine(line string) (method, target string, err error) {
	parts := strings.Split(line, " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" || !isToken(parts[0]) {
		return "", "", violation("the request line %q", line)
	}
	for i := range len(parts[1]) {
		if c := parts[1][i]; c <= ' ' || c >= 0x7f || c == '#' {
			return "", "", violation("the byte %#02x in the target %q", c, parts[1])
		}
	}
	if !strings.HasPrefix(parts[1], "/") {
		return "", "", violation("the target %q, which is no path", parts[1])
	}
	return parts[0], parts[1], nil
}

func parseStatusLine(line string) (status, minor int, err error) {
	rest, old := strings.CutPrefix(line, "HTTP/1.0 ")
	minor = 1
	if old {
		minor = 0
	} else if rest = strings.TrimPrefix(line, "HTTP/1.1 "); rest == line {
		return 0, 0, violation("the status line %q", line)
	}
	code, reason, spaced := strings.Cut(rest, " ")
	status, err = strconv.Atoi(code)
	if err != nil || !spaced || len(code) != 3 || status < 100 || status > 999 || !isText(reason) {
		return 0, 0, violation("the status line %q", line)
	}
	return status, minor, nil
}

func parseField(line string) (Field, error) {
	name, value, found := strings.Cut(line, ":")
	if !found || !isToken(name) || !isText(value) {
		return Field{}, violation("the field line %q", line)
	}
	return Field{name, strings.Trim(value, " \t")}, nil
}

// isToken: RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c >= 0x7f || c <= ' ' || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// isText: RFC 9110 section 5.5, with obs-text.
func isText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == 0x7f || c < ' ' && c != '\t' {
			return false
		}
	}
	return true
}

// checkRequest holds a request to what a proxy may send.
func checkRequest(h *Head) error {
	if err := checkFraming(h); err != nil {
		return err
	}
	if hosts := h.Fields.Values("Host"); len(hosts) != 1 || !isHost(hosts[0]) {
		return violation("the hosts %q", hosts)
	}
	for _, name := range []string{"Keep-Alive", "Proxy-Connection", "Proxy", "HTTP2-Settings"} {
		if values := h.Fields.Values(name); len(values) > 0 {
			return violation("%s: %s, which is not for it", name, values[0])
		}
	}
	for _, te := range h.Fields.Values("Te") {
		if te != "trailers" {
			return violation("TE: %s", te)
		}
	}
	if upgrade := h.Fields.Values("Upgrade"); len(upgrade) > 0 && !hasToken(h.Fields.Values("Connection"), "upgrade") {
		return violation("Upgrade without Connection: %q", upgrade)
	}
	return nil
}

// checkResponse holds a response to what a proxy may answer.
func checkResponse(h *Head) error {
	if err := checkFraming(h); err != nil {
		return err
	}
	if bodiless(h.Status) && h.Status != 304 &&
		len(h.Fields.Values("Content-Length"))+len(h.Fields.Values("Transfer-Encoding")) > 0 {
		return violation("a length in a response with the status %d", h.Status)
	}
	for _, name := range []string{"Keep-Alive", "Proxy-Connection"} {
		if values := h.Fields.Values(name); len(values) > 0 {
			return violation("%s: %s, which is not for it", name, values[0])
		}
	}
	return nil
}

// checkFraming: the length is said once, in one way.
func checkFraming(h *Head) error {
	lengths, codings := h.Fields.Values("Content-Length"), h.Fields.Values("Transfer-Encoding")
	switch {
	case len(lengths)+len(codings) > 1:
		return violation("lengths said more than once: %q %q", lengths, codings)
	case len(codings) == 1 && (codings[0] != "chunked" || h.Minor == 0):
		return violation("Transfer-Encoding: %s in HTTP/1.%d", codings[0], h.Minor)
	case len(lengths) == 1 && !isLength(lengths[0]):
		return violation("Content-Length: %s", lengths[0])
	}
	for _, f := range h.Fields {
		// A server that reads `_` as `-` would see a second one.
		if name := fold(f.Name); (name == "content-length" || name == "transfer-encoding" || name == "host") && strings.Contains(f.Name, "_") {
			return violation("the field %s", f.Name)
		}
	}
	return nil
}

func isLength(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 18
}

func isHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("-._:[]", c) < 0 {
			return false
		}
	}
	return s != ""
}

func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(t, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// fold is the one name that servers may read out of several spellings.
func fold(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// Spelt finds the lines whose name is this one in any spelling: servers turn
// `X-A`, `x_a` and their like into the same variable.
func (f Fields) Spelt(name string) Fields {
	var found Fields
	for _, field := range f {
		if fold(field.Name) == fold(name) {
			found = append(found, field)
		}
	}
	return found
}

func bodiless(status int) bool { return status/100 == 1 || status == 204 || status == 304 }
