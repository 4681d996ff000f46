package h1

import (
	"bufio"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// heldBack is how much of a body waits for more: an answer that ends within it
// gets its length, and leaves in one write.
const heldBack = 4 << 10

// response is the [http.ResponseWriter] of one request. Beyond that interface it
// does what [http.ResponseController] asks for, and [Relayer].
type response struct {
	conn   *serverConn
	minor  int
	method string

	header  http.Header
	status  int    // 0: nothing was decided
	head    []byte // the head as far as it is known; its buffer is lent
	body    []byte // what waits for more, likewise
	length  int64  // what the handler says; -1 if it does not
	written int64
	sent    bool // the head is out
	dated   bool // it has a date, or is to have none
	chunked bool
	// untilClose: the body ends with the connection
	untilClose bool
	sniff      bool // the type is to be guessed
	ended      bool
	stall      time.Duration // of the client; 0: the Server's
	// concluded: the last chunk went with the last piece
	concluded bool
	hijacked  bool
	err       error // of the client
}

// Header is the header that WriteHeader sends.
func (w *response) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
	}
	return w.header
}

// WriteHeader begins the answer; or, with a status below 200, sends an interim
// one.
func (w *response) WriteHeader(status int) {
	switch {
	case w.hijacked || w.status != 0:
		return
	case status < 100 || status > 999:
		panic("invalid status " + strconv.Itoa(status))
	case status < 200 && status != http.StatusSwitchingProtocols:
		w.writeInterim(status)
		return
	}
	w.status, w.length, w.sniff = status, -1, true
	w.head = AppendStatusLine(getBuffer(0)[:0], 1, status)
	for name, values := range w.header {
		w.appendFields(name, values)
	}
}

// appendFields adds a field to the head, unless it is about framing: that is
// written last. Handlers may have put names into the header by themselves, in any
// case.
func (w *response) appendFields(name string, values []string) {
	switch kindOf(name) {
	case KindContentLength:
		w.takeLength(values)
		return
	case KindConnection:
		w.conn.last = w.conn.last || hasOption(values, "close")
		return
	case KindTransferEncoding, KindKeepAlive, KindProxyConnection, KindDisguised:
		return
	case KindDate:
		w.dated = true
	case KindContentType:
		w.sniff = false
	case KindOther:
		w.sniff = w.sniff && !strings.EqualFold(name, "Content-Encoding")
	}
	if strings.HasPrefix(name, http.TrailerPrefix) || w.isTrailer(name) {
		return
	}
	for _, v := range values {
		w.head = AppendField(w.head, name, v)
	}
}

// takeLength notes how long the handler says the body is.
func (w *response) takeLength(values []string) {
	if len(values) == 1 {
		if n, err := strconv.ParseUint(values[0], 10, 63); err == nil {
			w.length = int64(n)
		}
	}
}

// hasOption says whether a Connection field names an option.
func hasOption(values []string, option string) bool {
	for _, list := range values {
		for named := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(named), option) {
				return true
			}
		}
	}
	return false
}

// isTrailer says whether a field was announced to follow the body.
func (w *response) isTrailer(name string) bool {
	for _, list := range w.header["Trailer"] {
		for announced := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(announced), name) {
				return true
			}
		}
	}
	return false
}

func (w *response) writeInterim(status int) {
	if w.minor == 0 || status == http.StatusContinue {
		return // 100 is sent when the body is read
	}
	head := AppendStatusLine(getBuffer(0)[:0], 1, status)
	for name, values := range w.header {
		if kindOf(name).reserved() {
			continue
		}
		for _, v := range values {
			head = AppendField(head, name, v)
		}
	}
	w.conn.asking.Lock()
	w.write(append(head, "\r\n"...))
	w.conn.asking.Unlock()
	putBuffer(head)
}

// Write sends a part of the body, sooner or later.
func (w *response) Write(p []byte) (int, error) {
	if w.hijacked {
		return 0, http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case len(p) == 0:
		return 0, w.err
	case !mayHaveBody(w.status):
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.written+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	w.guessType(p)
	w.written += int64(len(p))
	if w.method == http.MethodHead {
		return len(p), w.err
	}
	if len(w.body)+len(p) <= heldBack {
		w.hold(p)
		return len(p), w.err
	}
	w.release(false)
	w.pass(p)
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

func mayHaveBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

func (w *response) guessType(p []byte) {
	if w.sniff {
		w.sniff = false
		w.head = AppendField(w.head, "Content-Type", http.DetectContentType(p))
	}
}

func (w *response) hold(p []byte) {
	if w.body == nil {
		w.body = getBuffer(0)[:chunkRoom]
	}
	w.body = append(w.body, p...)
}

// release sends what was held back; end says that nothing will follow.
func (w *response) release(end bool) {
	if !w.sent {
		w.decideFraming(end)
	}
	if len(w.body) > chunkRoom {
		from, to := chunkRoom, len(w.body)
		buf := w.body[:cap(w.body)]
		if w.chunked {
			from, to = frameChunk(buf, from, to)
		}
		w.writeBehindHead(buf[from:to])
		w.body = w.body[:chunkRoom]
	}
	if len(w.head) > 0 {
		w.writeBehindHead(nil)
	}
}

// writeBehindHead sends p, and the head in front of it if that is not out.
func (w *response) writeBehindHead(p []byte) {
	switch {
	case len(w.head) == 0:
		w.write(p)
		return
	case len(w.head)+len(p) <= cap(w.head):
		w.write(append(w.head, p...))
	default:
		w.write(w.head)
		w.write(p)
	}
	w.head = w.head[:0]
}

// decideFraming ends the head with how long the body is and how the connection
// goes on.
func (w *response) decideFraming(end bool) {
	w.sent = true
	if end && w.length < 0 && mayHaveBody(w.status) && w.method != http.MethodHead && len(w.trailer()) == 0 {
		w.length = max(0, int64(len(w.body)-chunkRoom))
	}
	if !w.dated {
		w.head = w.conn.server.appendDate(w.head)
	}
	w.head = w.appendFraming(w.head, w.status, w.length)
}

// appendFraming ends a head. length is the body's, or what it would be if there
// was one; -1 if that is not known.
func (w *response) appendFraming(head []byte, status int, length int64) []byte {
	switch {
	case !mayHaveBody(status) && status != http.StatusNotModified:
	case length >= 0:
		head = append(head, "Content-Length: "...)
		head = strconv.AppendInt(head, length, 10)
		head = append(head, "\r\n"...)
	case w.method == http.MethodHead || !mayHaveBody(status):
	case w.minor == 1:
		w.chunked = true
		head = append(head, "Transfer-Encoding: chunked\r\n"...)
	default:
		w.conn.last, w.untilClose = true, true
	}
	if b := w.conn.body; b != nil && b.forgo() {
		w.conn.last = true // whether the body comes after all, nobody can tell
	}
	switch {
	case w.conn.last || w.conn.server.closing.Load():
		w.conn.last = true
		head = append(head, "Connection: close\r\n"...)
	case w.minor == 0:
		head = append(head, "Connection: keep-alive\r\n"...)
	}
	return append(head, "\r\n"...)
}

// pass sends a part of the body that is too long to be held back.
func (w *response) pass(p []byte) {
	if !w.chunked {
		w.writeBehindHead(p)
		return
	}
	buf := getBuffer(largeBuffer)
	defer putBuffer(buf)
	for len(p) > 0 && w.err == nil {
		n := copy(buf[chunkRoom:len(buf)-tailRoom], p)
		from, to := frameChunk(buf, chunkRoom, chunkRoom+n)
		w.writeBehindHead(buf[from:to])
		p = p[n:]
	}
}

// write sends bytes as they are. The first error is kept: there is no use in
// going on.
func (w *response) write(p []byte) {
	if w.err == nil {
		w.err = w.conn.link.writeWithin(p, or(w.stall, w.conn.server.stall()))
	}
}

// Flush sends everything that was written.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is Flush that tells whether the client can still be written to.
func (w *response) FlushError() error {
	if w.hijacked {
		return http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.release(false)
	return w.err
}

// finish ends the answer. The error says that the client has not got all of it.
func (w *response) finish() error {
	if w.ended {
		return w.err
	}
	w.ended = true
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	short := w.length >= 0 && w.written < w.length && mayHaveBody(w.status) && w.method != http.MethodHead
	w.release(!short)
	if w.chunked {
		w.write(AppendLastChunk(nil, w.trailer()))
	}
	w.giveBack()
	if short && w.err == nil {
		w.err = errCut
	}
	return w.err
}

// trailer is the fields that were announced, or set with http.TrailerPrefix.
func (w *response) trailer() http.Header {
	var trailer http.Header
	for name, values := range w.header {
		bare, prefixed := strings.CutPrefix(name, http.TrailerPrefix)
		if !prefixed && !w.isTrailer(name) {
			continue
		}
		if trailer == nil {
			trailer = http.Header{}
		}
		trailer[bare] = values
	}
	return trailer
}

// abandon drops an answer that will not be finished.
func (w *response) abandon() {
	w.ended = true
	w.giveBack()
}

func (w *response) giveBack() {
	if w.head != nil {
		putBuffer(w.head)
	}
	if w.body != nil {
		putBuffer(w.body)
	}
	w.head, w.body = nil, nil
}

// SetReadDeadline is for [http.ResponseController]; it ends with the request.
func (w *response) SetReadDeadline(t time.Time) error {
	w.conn.timed.Store(true)
	w.conn.reads.Store(!t.IsZero())
	return w.conn.link.conn.SetReadDeadline(t)
}

// SetWriteDeadline is for [http.ResponseController]; it ends with the request.
func (w *response) SetWriteDeadline(t time.Time) error {
	w.conn.timed.Store(true)
	return w.conn.link.conn.SetWriteDeadline(t)
}

// EnableFullDuplex is for [http.ResponseController]. Bodies are always read and
// answers written independently here.
func (w *response) EnableFullDuplex() error { return nil }

// Hijack hands the connection over, with what was received and not read.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.hijacked || w.status != 0 {
		return nil, nil, http.ErrHijacked
	}
	conn, err := w.conn.hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	return conn, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), nil
}

// appendDate adds the field Date, which is made once in a round of the Watchdog.
func (s *Server) appendDate(head []byte) []byte {
	d := s.date.Load()
	if round := s.dog.now.Load(); d == nil || d.round != round {
		d = &date{round, "Date: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n"}
		s.date.Store(d)
	}
	return append(head, d.line...)
}

// date is the field as it is for one round.
type date struct {
	round int64
	line  string
}
