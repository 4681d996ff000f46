package h1

import (
	"net/http"
	"strings"
)

// Relayer is a response writer that can send an Upstream's answer as it is.
type Relayer interface {
	// Relay sends the whole of a, with the fields of the writer's Header in
	// place of a's own of the same name, and returns how many bytes the body
	// had. A *[ClientError] or an *[AnswerError] says which side failed; the
	// client must then be made to see it, by [http.ErrAbortHandler]. mayTrail
	// says which trailer fields go on.
	Relay(a *Answer, mayTrail func(name string) bool) (int64, error)
}

// Relay implements Relayer.
func (w *response) Relay(a *Answer, mayTrail func(string) bool) (int64, error) {
	if w.status != 0 || w.hijacked {
		return 0, &ClientError{http.ErrHijacked}
	}
	w.status, w.sent, w.stall = a.Status(), true, a.Stall
	w.head = w.appendAnswer(getBuffer(0)[:0], a, mayTrail)
	err := w.relayBody(a, mayTrail)
	w.ended = true
	w.giveBack()
	if w.err != nil {
		return a.got, &ClientError{w.err}
	}
	if err != nil {
		return a.got, &AnswerError{err}
	}
	return a.got, nil
}

// appendAnswer makes the head for the client of the one from the Upstream.
func (w *response) appendAnswer(head []byte, a *Answer, mayTrail func(string) bool) []byte {
	h := &a.conn.head
	head = AppendStatusLine(head, 1, a.Status())
	head, dated, announced := w.appendReceived(head, h)
	if len(w.header) > 0 {
		w.head = head
		for name, values := range w.header {
			w.appendFields(name, values)
		}
		head = w.head
	}
	if !dated && !w.dated {
		head = w.conn.server.appendDate(head)
	}
	if announced && a.length == ChunkedBody && w.minor == 1 {
		head = appendAnnounced(head, h, mayTrail)
	}
	return w.appendFraming(head, a.Status(), a.shownLength())
}

// appendReceived adds the fields that go on as they were received, whole runs of
// lines at a time: the parser has looked at every byte of them.
func (w *response) appendReceived(head []byte, h *Head) (_ []byte, dated, announced bool) {
	from, to := 0, 0 // the run
	for i := range h.fields {
		f := &h.fields[i]
		switch {
		case f.kind == KindTrailer:
			announced = true
			continue
		case f.kind == KindContentLength, f.dropped, len(w.header) > 0 && w.overridden(h.Name(i)):
			continue
		}
		dated = dated || f.kind == KindDate
		if int(f.name) != to {
			head = append(head, h.buf[from:to]...)
			from = int(f.name)
		}
		to = f.lineEnd(h.buf)
	}
	return append(head, h.buf[from:to]...), dated, announced
}

// lineEnd is where the next line begins. White space may stand behind the value.
func (f *field) lineEnd(buf []byte) int {
	end := int(f.end)
	for buf[end] != '\n' {
		end++
	}
	return end + 1
}

// shownLength is what Content-Length says: for HEAD and 304 that of a body that
// does not come.
func (a *Answer) shownLength() int64 {
	if a.length > 0 || a.length == 0 && a.conn.head.ContentLength() >= 0 {
		return a.conn.head.ContentLength()
	}
	return -1
}

// overridden says whether the handler has set the field itself.
func (w *response) overridden(name []byte) bool {
	for own := range w.header {
		if len(own) == len(name) && strings.EqualFold(own, string(name)) {
			return true
		}
	}
	return false
}

// appendAnnounced names the trailer fields that go on.
func appendAnnounced(head []byte, h *Head, mayTrail func(string) bool) []byte {
	var names []string
	for i := range h.Len() {
		if h.Kind(i) != KindTrailer {
			continue
		}
		for name := range strings.SplitSeq(string(h.Value(i)), ",") {
			if name = strings.TrimSpace(name); mayTrail(name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return head
	}
	return AppendField(head, "Trailer", strings.Join(names, ", "))
}

// relayBody sends the head, and the body as it comes: what is there already
// leaves with the head, and nothing is kept back for what is not.
func (w *response) relayBody(a *Answer, mayTrail func(string) bool) error {
	if !a.done && a.conn.r == a.conn.w {
		w.writeBehindHead(nil)
	}
	for !a.done || a.err != nil {
		from, to, err := a.next()
		if err != nil {
			if a.done && a.err == nil {
				break // the end came without bytes
			}
			w.writeBehindHead(nil)
			return err
		}
		w.relayPiece(a, from, to)
		if w.err != nil {
			return nil
		}
	}
	if len(w.head) > 0 {
		w.writeBehindHead(nil)
	}
	if w.chunked && !w.concluded {
		w.write(AppendLastChunk(nil, permitted(a.Trailer(), mayTrail)))
	}
	return nil
}

// relayPiece sends a piece of the body from the buffer it was received in, with
// whatever belongs in front of it and behind written around it.
func (w *response) relayPiece(a *Answer, from, to int) {
	buf := a.conn.buf
	if w.chunked {
		from, to = frameChunk(buf, from, to)
		if a.done && a.Trailer() == nil {
			to += copy(buf[to:], "0\r\n\r\n")
			w.concluded = true
		}
	}
	if n := len(w.head); n > 0 && n <= from {
		from -= copy(buf[from-n:], w.head)
		w.head = w.head[:0]
	}
	w.writeBehindHead(buf[from:to])
}

// permitted is what of a trailer may go on.
func permitted(trailer http.Header, may func(string) bool) http.Header {
	for name := range trailer {
		if !may(name) {
			delete(trailer, name)
		}
	}
	return trailer
}
