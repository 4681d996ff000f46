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
	dated, announced := false, false
	for i := range h.Len() {
		kind := h.Kind(i)
		switch {
		case kind == KindTrailer:
			announced = true
			continue
		case kind == KindContentLength, !h.EndToEnd(i), w.overridden(h.Name(i)):
			continue
		}
		dated = dated || kind == KindDate
		head = AppendFieldBytes(head, h.Name(i), h.Value(i))
	}
	w.head = head
	for name, values := range w.header {
		dated = dated || name == "Date"
		if name != "Content-Length" {
			w.appendFields(name, values)
		}
	}
	head = w.head
	if !dated {
		head = w.conn.server.appendDate(head)
	}
	if announced && a.length == ChunkedBody && w.minor == 1 {
		head = appendAnnounced(head, h, mayTrail)
	}
	return w.appendFraming(head, a.Status(), a.shownLength())
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
	if len(w.header) == 0 {
		return false
	}
	_, set := w.header[http.CanonicalHeaderKey(string(name))]
	return set
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
