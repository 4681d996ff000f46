package h1

import "math"

// Defaults of [Limits].
const (
	DefaultHeadBytes         = 64 << 10
	DefaultResponseHeadBytes = 256 << 10
	DefaultFields            = 200
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
// is ready. Its methods may be called once a Parse has found the head complete,
// and what they return is valid until the buffer changes or the next message
// begins. It is not safe for concurrent use.
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

// Reset forgets the message, what of it was read, and the buffer. A Parse that
// follows a complete head or an error does so by itself.
func (h *Head) Reset() {
	fields := h.fields[:0]
	*h = Head{length: -1, host: -1}
	h.fields = fields
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
func (h *Head) begin(buf []byte, l *Limits, most int, first step) []byte {
	if h.step == complete || h.step == fresh || len(buf) < h.at {
		h.Reset()
		h.step = first
	}
	if l.HeadBytes <= 0 {
		l.HeadBytes = most
	}
	if l.Fields <= 0 {
		l.Fields = DefaultFields
	}
	l.HeadBytes = min(l.HeadBytes, math.MaxInt32) // what offsets can hold
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
