package h1

import "bytes"

// Defaults of [Limits].
const (
	DefaultHeadBytes         = 64 << 10
	DefaultResponseHeadBytes = 256 << 10
	DefaultFields            = 200
)

// maxOptions bounds what finding the fields that Connection names costs.
const maxOptions = 64

// Lengths of bodies that are known by something else than their number of bytes.
const (
	ChunkedBody = -1
	UntilClose  = -2
)

// Limits bound a head. What is zero has its default.
type Limits struct {
	// HeadBytes is for the head with its empty line: 64 KiB for requests, 256 KiB
	// for responses.
	HeadBytes int
	// Fields is how many field lines there may be, 200 by default.
	Fields int
}

// Head is the head of a message: a request or status line and fields, as offsets
// into the buffer it was parsed from, which must stay as it is while the head is
// in use. It is made to be used for one message after the other; the zero Head
// is ready. What its methods return is valid until the buffer changes or the
// next message begins. It is not safe for concurrent use.
//
// The parser is RFC 9112 at its strictest: what two readers could take in two
// ways is refused.
type Head struct {
	section
	step    step
	minor   uint8
	traits  traits
	options uint8 // elements of the Connection fields
	status  int
	length  int64
	host    int // index of the field, -1: none

	methodEnd, targetEnd   int // the target begins one behind the method
	reasonStart, reasonEnd int
}

// step is what comes next of a head.
type step uint8

const (
	fresh step = iota // nothing was looked at
	inMethod
	inRequestTarget
	inRequestVersion
	inStatus
	inReason
	inFields
	complete
)

// traits are what fields say about the message.
type traits uint16

const (
	chunked traits = 1 << iota
	optionClose
	optionKeepAlive
	optionUpgrade
	optionNames // Connection names fields
	hasUpgrade
	expectContinue
	expectOther
)

func (h *Head) has(t traits) bool { return h.traits&t != 0 }

// Reset forgets the message, and what of it was read. A Parse that follows a
// complete head or an error does so by itself.
func (h *Head) Reset() {
	h.section.reset()
	*h = Head{section: h.section, length: -1, host: -1}
}

// ParseRequest reads the head of a request at the beginning of buf. When it is
// there as a whole, n is its length with the empty line. When n is 0 without an
// error, more bytes are needed: call again with a buffer that begins with the
// same bytes, wherever it is in memory by then. Reading goes on where it stopped,
// and what is wrong is refused as soon as it is there. The error is always a
// [*SyntaxError].
func (h *Head) ParseRequest(buf []byte, l Limits) (n int, err error) {
	b := h.begin(buf, &l, DefaultHeadBytes, inMethod)
	if h.step < inFields {
		if p, err := h.requestLine(b); p != gotEnd {
			return h.pause(err, l, errLineTooLong)
		}
	}
	return h.parseFields(b, l, true)
}

// ParseResponse reads the head of a response as ParseRequest does that of a
// request. It knows nothing of what was asked, see [Head.BodyLength].
func (h *Head) ParseResponse(buf []byte, l Limits) (n int, err error) {
	b := h.begin(buf, &l, DefaultResponseHeadBytes, inStatus)
	if h.step < inFields {
		if p, err := h.statusLine(b); p != gotEnd {
			return h.pause(err, l, errTooLong)
		}
	}
	return h.parseFields(b, l, false)
}

// begin takes over the buffer and cuts it where the head has to be over.
func (h *Head) begin(buf []byte, l *Limits, bytes int, first step) []byte {
	if h.step == complete || h.step == fresh || len(buf) < h.at {
		h.Reset()
		h.step = first
	}
	if l.HeadBytes <= 0 {
		l.HeadBytes = bytes
	}
	if l.Fields <= 0 {
		l.Fields = DefaultFields
	}
	h.buf = buf
	return buf[:min(len(buf), l.HeadBytes)]
}

// pause ends a call before the head is complete: with an error, or because there
// are no more bytes. tooLong is the error if there may be none.
func (h *Head) pause(err *SyntaxError, l Limits, tooLong *SyntaxError) (int, error) {
	if err == nil && len(h.buf) >= l.HeadBytes {
		err = tooLong
	}
	if err != nil {
		h.step = fresh
		return 0, err
	}
	return 0, nil
}

// requestLine reads `GET /path HTTP/1.1` with one space between the words.
func (h *Head) requestLine(b []byte) (progress, *SyntaxError) {
	i := h.at
	if h.step == inMethod {
		for i < len(b) && isToken(b[i]) {
			i++
		}
		h.at = i
		if i == len(b) {
			return starved, nil
		}
		if i == 0 || b[i] != ' ' {
			return starved, errMethod
		}
		h.methodEnd = i
		i++
		h.step = inRequestTarget
	}
	if h.step == inRequestTarget {
		for i < len(b) && isTarget(b[i]) {
			i++
		}
		h.at = i
		if i == len(b) {
			return starved, nil
		}
		if b[i] != ' ' {
			return starved, errTargetByte
		}
		if !validTarget(b[:h.methodEnd], b[h.methodEnd+1:i]) {
			return starved, errTarget
		}
		h.targetEnd = i
		h.at = i + 1
		h.step = inRequestVersion
	}
	return h.requestVersion(b)
}

// requestVersion reads the last word of the request line.
func (h *Head) requestVersion(b []byte) (progress, *SyntaxError) {
	const form = "HTTP/0.0\r\n"
	line := b[h.at:]
	if !hasForm(line, form) {
		return starved, errStartLine
	}
	if len(line) < len(form) {
		return starved, nil
	}
	if line[5] != '1' || line[7] > '1' {
		return starved, errVersion
	}
	h.minor = line[7] - '0'
	h.startFields(h.at + len(form))
	h.step = inFields
	return gotEnd, nil
}

// statusLine reads `HTTP/1.1 200 OK`. The reason may be missing, and with it the
// space before it, which many leave out too.
func (h *Head) statusLine(b []byte) (progress, *SyntaxError) {
	if h.step == inStatus {
		if p, err := h.readStatus(b); p != gotEnd {
			return p, err
		}
	}
	end := textEnd(b, h.at)
	h.at = end
	if p, err := lineEnd(b, end); p != gotEnd {
		return p, err
	}
	h.reasonEnd = end
	h.startFields(end + 2)
	h.step = inFields
	return gotEnd, nil
}

func (h *Head) readStatus(b []byte) (progress, *SyntaxError) {
	const form = "HTTP/0.0 000"
	switch {
	case !hasForm(b, form):
		return starved, errStartLine
	case len(b) <= len(form):
		return starved, nil
	case b[5] != '1' || b[7] > '1':
		return starved, errVersion
	case b[9] == '0':
		return starved, errStatus
	}
	h.minor = b[7] - '0'
	h.status = int(b[9]-'0')*100 + int(b[10]-'0')*10 + int(b[11]-'0')
	h.at = len(form)
	switch b[h.at] {
	case ' ':
		h.at++
	case '\r':
	default:
		return starved, errStatus
	}
	h.reasonStart = h.at
	h.step = inReason
	return gotEnd, nil
}

// hasForm says whether b, as far as there is any, looks like form, where a 0 is
// any digit.
func hasForm(b []byte, form string) bool {
	for i := range min(len(b), len(form)) {
		if b[i] != form[i] && (form[i] != '0' || !isDigit(b[i])) {
			return false
		}
	}
	return true
}

func (h *Head) parseFields(b []byte, l Limits, request bool) (int, error) {
	for {
		p, err := h.next(b, l.Fields)
		if p == gotField {
			if err = h.note(len(h.fields)-1, request); err == nil {
				continue
			}
		}
		if p == gotEnd {
			if err = h.finish(request); err == nil {
				h.step = complete
				h.buf = b[:h.at]
				return h.at, nil
			}
		}
		return h.pause(err, l, errTooLong)
	}
}

// note takes in what field i says about the message.
func (h *Head) note(i int, request bool) *SyntaxError {
	f := &h.fields[i]
	switch f.kind {
	case KindContentLength:
		return h.noteLength(h.valueOf(f))
	case KindTransferEncoding:
		return h.noteTransferEncoding(h.valueOf(f))
	case KindConnection:
		return h.noteConnection(h.valueOf(f))
	case KindTrailer:
		return checkTrailerNames(h.valueOf(f))
	case KindUpgrade:
		h.traits |= hasUpgrade
	case KindHost:
		if request {
			return h.noteHost(i)
		}
	case KindExpect:
		h.noteExpect(h.valueOf(f))
	}
	return nil
}

func (h *Head) noteHost(i int) *SyntaxError {
	if h.host >= 0 {
		return errHosts
	}
	if !validHost(h.valueOf(&h.fields[i])) {
		return errHost
	}
	h.host = i
	return nil
}

func (h *Head) noteLength(v []byte) *SyntaxError {
	switch {
	case h.has(chunked):
		return errLengthAndTE
	case h.length >= 0:
		return errLengths
	case len(v) == 0 || len(v) > 18 || !allOf(inDigits, v):
		return errLength
	}
	h.length = 0
	for _, c := range v {
		h.length = h.length*10 + int64(c-'0')
	}
	return nil
}

func (h *Head) noteTransferEncoding(v []byte) *SyntaxError {
	switch {
	case h.minor == 0:
		return errOldTE
	case h.length >= 0:
		return errLengthAndTE
	case h.has(chunked):
		return errTE
	case !equalFold(v, "chunked"):
		return transferCodingError(v)
	}
	h.traits |= chunked
	return nil
}

// transferCodingError tells a list of codings that somebody may understand, with
// chunked at most at its end, from what is malformed or in disguise.
func transferCodingError(v []byte) *SyntaxError {
	for more := true; more; {
		var coding []byte
		coding, v, more = bytes.Cut(v, comma)
		coding = trimSpace(coding)
		if !allTokens(coding) || equalFold(coding, "identity") || (more && equalFold(coding, "chunked")) {
			return errTE
		}
	}
	return errUnknownTE
}

var comma = []byte{','}

// noteConnection reads the options of RFC 9110 section 7.6.1.
func (h *Head) noteConnection(v []byte) *SyntaxError {
	for more := true; more; {
		var option []byte
		option, v, more = bytes.Cut(v, comma)
		if h.options == maxOptions {
			return errOptions
		}
		h.options++
		switch option = trimSpace(option); {
		case len(option) == 0:
		case equalFold(option, "close"):
			h.traits |= optionClose
		case equalFold(option, "keep-alive"):
			h.traits |= optionKeepAlive
		case equalFold(option, "upgrade"):
			h.traits |= optionUpgrade
		default:
			h.traits |= optionNames
		}
	}
	return nil
}

// checkTrailerNames refuses what net/http refuses: a Trailer field that announces
// framing.
func checkTrailerNames(v []byte) *SyntaxError {
	for more := true; more; {
		var name []byte
		name, v, more = bytes.Cut(v, comma)
		switch kindOf(trimSpace(name)) {
		case KindContentLength, KindTransferEncoding, KindTrailer:
			return errTrailerName
		}
	}
	return nil
}

func (h *Head) noteExpect(v []byte) {
	for more := true; more; {
		var expectation []byte
		expectation, v, more = bytes.Cut(v, comma)
		switch expectation = trimSpace(expectation); {
		case len(expectation) == 0:
		case equalFold(expectation, "100-continue"):
			h.traits |= expectContinue
		default:
			h.traits |= expectOther
		}
	}
}

// finish checks what only the whole head can tell.
func (h *Head) finish(request bool) *SyntaxError {
	if request && h.host < 0 && h.minor > 0 {
		return errNoHost
	}
	if h.has(optionNames) {
		for i := range h.fields {
			if f := &h.fields[i]; f.kind == KindConnection {
				h.dropNamed(h.valueOf(f))
			}
		}
	}
	return nil
}

// dropNamed marks the fields that a Connection field names.
func (h *Head) dropNamed(options []byte) {
	for more := true; more; {
		var option []byte
		option, options, more = bytes.Cut(options, comma)
		if option = trimSpace(option); len(option) == 0 || !mayBeNamed(option) {
			continue
		}
		for i := range h.fields {
			if f := &h.fields[i]; int(f.colon-f.name) == len(option) && bytes.EqualFold(h.nameOf(f), option) {
				f.dropped = true
			}
		}
	}
}

// Method is the method of a request, a token.
func (h *Head) Method() []byte { return h.buf[:h.methodEnd] }

// Target is the request target as received, byte for byte: a path with query, an
// http or https URL with a host and without user, `*` of OPTIONS, or what CONNECT
// names. It may have raw UTF-8 in it.
func (h *Head) Target() []byte { return h.buf[h.methodEnd+1 : h.targetEnd] }

// Authority is whom a request is for: that of the target if it has one, else the
// Host field, empty if there is none (RFC 9112 section 3.3).
func (h *Head) Authority() []byte {
	target := h.Target()
	if target[0] != '/' && target[0] != '*' {
		if string(h.Method()) == "CONNECT" {
			return target
		}
		authority, _ := splitAbsolute(target)
		return authority
	}
	host, _ := h.Host()
	return host
}

// Minor is the second number of the version, 0 or 1; the first is 1.
func (h *Head) Minor() int { return int(h.minor) }

// Status is that of a response, 100 to 999.
func (h *Head) Status() int { return h.status }

// Reason is that of a response, perhaps empty.
func (h *Head) Reason() []byte { return h.buf[h.reasonStart:h.reasonEnd] }

// Len is the number of field lines.
func (h *Head) Len() int { return len(h.fields) }

// Name is the name of field i as received.
func (h *Head) Name(i int) []byte { return h.nameOf(&h.fields[i]) }

// Value is the value of field i without the space around it.
func (h *Head) Value(i int) []byte { return h.valueOf(&h.fields[i]) }

// Kind is what field i is to framing and proxying.
func (h *Head) Kind(i int) Kind { return h.fields[i].kind }

// EndToEnd says whether field i may be sent on. Not those about the connection
// (RFC 9110 section 7.6.1), those that Connection names, or one that with its
// underscores passes for one of them or for Content-Length. Host and
// Content-Length are end-to-end, but written from what they say, not copied.
func (h *Head) EndToEnd(i int) bool { return !h.fields[i].dropped }

// ContentLength is that of the field, or -1.
func (h *Head) ContentLength() int64 { return h.length }

// Chunked says whether the transfer coding is chunked.
func (h *Head) Chunked() bool { return h.has(chunked) }

// Host is the value of the Host field of a request. It may be present and empty.
func (h *Head) Host() (value []byte, present bool) {
	if h.host < 0 {
		return nil, false
	}
	return h.Value(h.host), true
}

// KeepAlive says whether the sender means the connection to persist (RFC 9112
// section 9.3).
func (h *Head) KeepAlive() bool {
	return !h.has(optionClose) && (h.minor > 0 || h.has(optionKeepAlive))
}

// Upgrade says whether an Upgrade field counts: Connection names it, and the
// version has it (RFC 9110 section 7.8).
func (h *Head) Upgrade() bool {
	return h.minor > 0 && h.has(optionUpgrade) && h.has(hasUpgrade)
}

// Expect100 says whether the client waits for a 100 before it sends the body.
// HTTP/1.0 has no such thing (RFC 9110 section 10.1.1).
func (h *Head) Expect100() bool { return h.minor > 0 && h.has(expectContinue) }

// ExpectOther says whether something is expected that nobody knows: 417.
func (h *Head) ExpectOther() bool { return h.has(expectOther) }

// RequestBodyLength is the length of a request's body in bytes, or ChunkedBody
// (RFC 9112 section 6.3).
func (h *Head) RequestBodyLength() int64 {
	if h.Chunked() {
		return ChunkedBody
	}
	return max(h.length, 0)
}

// BodyLength is the length of a response's body in bytes, ChunkedBody or
// UntilClose, if it answers a request with that method (RFC 9112 section 6.3).
func (h *Head) BodyLength(method string) int64 {
	switch {
	case method == "HEAD" || h.status < 200 || h.status == 204 || h.status == 304:
		return 0
	case method == "CONNECT" && h.status < 300:
		return UntilClose // a tunnel, whatever the fields say
	case h.Chunked():
		return ChunkedBody
	case h.length >= 0:
		return h.length
	}
	return UntilClose
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// IsHTTP2Preface says whether buf begins with what a client of HTTP/2 with prior
// knowledge sends first (RFC 9113 section 3.4), or maybe will when more of it is
// there.
func IsHTTP2Preface(buf []byte) (is, maybe bool) {
	n := min(len(buf), len(preface))
	same := string(buf[:n]) == preface[:n]
	return same && n == len(preface), same && n < len(preface)
}
