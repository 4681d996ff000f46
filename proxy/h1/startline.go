package h1

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

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// IsHTTP2Preface says whether buf begins with what a client of HTTP/2 with prior
// knowledge sends first (RFC 9113 section 3.4), or maybe will when more of it is
// there.
func IsHTTP2Preface(buf []byte) (is, maybe bool) {
	n := min(len(buf), len(preface))
	same := string(buf[:n]) == preface[:n]
	return same && n == len(preface), same && n < len(preface)
}
