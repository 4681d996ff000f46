package strict

import (
	"io"
	"strconv"
	"strings"
)

// Body is the content of one message. Its Read ends with io.EOF where the
// message does; then Trailers are complete.
type Body struct {
	Trailers Fields

	in      *Reader
	left    int64 // of the content, or of the chunk
	chunked bool
	endless bool // until the connection ends
	first   bool // no chunk was read yet
	err     error
}

// RequestBody reads what follows the head of a request.
func (r *Reader) RequestBody(h *Head) *Body { return r.body(h, false) }

// ResponseBody reads what follows the final head of a response; head says that
// it answers a HEAD.
func (r *Reader) ResponseBody(h *Head, head bool) *Body {
	if head || bodiless(h.Status) {
		return &Body{in: r, err: io.EOF}
	}
	return r.body(h, true)
}

func (r *Reader) body(h *Head, endless bool) *Body {
	if len(h.Fields.Values("Transfer-Encoding")) > 0 {
		return &Body{in: r, chunked: true, first: true}
	}
	if length := h.Fields.Values("Content-Length"); len(length) > 0 {
		n, err := strconv.ParseInt(length[0], 10, 64)
		if err != nil {
			return &Body{in: r, err: violation("Content-Length: %s", length[0])}
		}
		return &Body{in: r, left: n}
	}
	if endless {
		return &Body{in: r, endless: true}
	}
	return &Body{in: r, err: io.EOF}
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if b.err == nil && b.left == 0 && !b.endless {
		b.err = b.advance()
	}
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if !b.endless && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.in.in.Read(p)
	if b.endless {
		b.err = err
		return n, err
	}
	b.left -= int64(n)
	if err != nil {
		b.err = inside(err)
	}
	return n, b.err
}

// advance goes on to the next chunk, or to the end.
func (b *Body) advance() error {
	if !b.chunked {
		return io.EOF
	}
	if !b.first {
		if err := b.in.expectCRLF(); err != nil {
			return err
		}
	}
	b.first = false
	room := maxHead
	line, err := b.in.line(&room)
	if err != nil {
		return err
	}
	size, err := parseChunkSize(line)
	if err != nil {
		return err
	}
	if b.left = size; size > 0 {
		return nil
	}
	if b.Trailers, err = b.in.fields(&room); err != nil {
		return err
	}
	if err := checkTrailers(b.Trailers); err != nil {
		return err
	}
	return io.EOF
}

func checkTrailers(trailers Fields) error {
	for _, f := range trailers {
		switch fold(f.Name) {
		case "content-length", "transfer-encoding", "host", "connection", "trailer", "te", "upgrade",
			"authorization", "cookie", "set-cookie", "content-type", "content-encoding":
			return violation("the trailer %s", f.Name)
		}
	}
	return nil
}

// parseChunkSize takes nothing but digits: a proxy has no extension of its own
// to send, and none to pass on.
func parseChunkSize(line string) (int64, error) {
	for i := range len(line) {
		if strings.IndexByte("0123456789abcdefABCDEF", line[i]) < 0 {
			return 0, violation("the chunk size %q", line)
		}
	}
	size, err := strconv.ParseInt(line, 16, 64)
	if err != nil || len(line) > 15 {
		return 0, violation("the chunk size %q", line)
	}
	return size, nil
}

func (r *Reader) expectCRLF() error {
	for _, want := range []byte("\r\n") {
		c, err := r.in.ReadByte()
		if err != nil {
			return inside(err)
		}
		if c != want {
			return violation("a chunk that is followed by %q", c)
		}
	}
	return nil
}
