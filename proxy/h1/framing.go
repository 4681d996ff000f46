package h1

import "bytes"

// Lengths of bodies that are known by something else than their number of bytes.
const (
	ChunkedBody = -1
	UntilClose  = -2
)

// maxOptions bounds what finding the fields that Connection names costs.
const maxOptions = 64

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
