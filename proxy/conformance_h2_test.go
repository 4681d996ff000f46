package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/rota-proxy/rota/internal/testrig/strict"
)

// framedClient speaks HTTP/2 with prior knowledge. It writes any field in any
// frame; rows written for HTTP/1.1 it translates.
type framedClient struct {
	conn   net.Conn
	framer *http2.Framer // read by one goroutine
	reader sync.WaitGroup

	wmu     sync.Mutex // frames are also written by the reader
	encoded bytes.Buffer
	encoder *hpack.Encoder

	sending uint32 // the stream that is being sent; 0: none
	owed    int    // bytes of its content that an HTTP/1.1 row has yet to send
	next    uint32
	reading *framedStream

	mu      sync.Mutex
	changed chan struct{}
	streams map[uint32]*framedStream
	waiting []*framedStream // in the order of the requests
	gone    error
}

// framedStream is a response as it comes in.
type framedStream struct {
	id       uint32
	heads    []*strict.Head // that were not handed out yet
	final    bool           // the final head has come
	answered bool           // and was handed out
	body     []byte
	trailers strict.Fields
	whole    bool
	err      error
}

const (
	manyBytes = 1 << 30
	mostFrame = 16 << 10
)

func dialFramed(address string, _ bool) (conversant, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &framedClient{
		conn: conn, framer: http2.NewFramer(conn, conn), next: 1,
		changed: make(chan struct{}), streams: map[uint32]*framedStream{},
	}
	c.framer.AllowIllegalWrites = true
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.encoder = hpack.NewEncoder(&c.encoded)
	_, err = io.WriteString(conn, http2.ClientPreface)
	err = errors.Join(err,
		c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: manyBytes}),
		c.framer.WriteWindowUpdate(0, manyBytes))
	c.reader.Go(c.read)
	return c, err
}

// read takes frames until the connection ends.
func (c *framedClient) read() {
	for {
		f, err := c.framer.ReadFrame()
		var broken http2.StreamError
		if errors.As(err, &broken) {
			c.update(broken.StreamID, func(s *framedStream) { s.err = err })
			continue
		}
		if err == nil {
			err = c.take(f)
		}
		if err != nil {
			c.mu.Lock()
			c.gone = err
			c.signal()
			c.mu.Unlock()
			return
		}
	}
}

func (c *framedClient) take(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return c.write(func() error { return c.framer.WriteSettingsAck() })
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return c.write(func() error { return c.framer.WritePing(true, f.Data) })
		}
	case *http2.MetaHeadersFrame:
		c.update(f.StreamID, func(s *framedStream) { s.takeHead(f) })
	case *http2.DataFrame:
		data := slices.Clone(f.Data())
		c.update(f.StreamID, func(s *framedStream) { s.body, s.whole = append(s.body, data...), f.StreamEnded() })
	case *http2.RSTStreamFrame:
		c.update(f.StreamID, func(s *framedStream) {
			if !s.whole {
				s.err = http2.StreamError{StreamID: f.StreamID, Code: f.ErrCode}
			}
		})
	case *http2.GoAwayFrame:
		if f.ErrCode != http2.ErrCodeNo {
			return http2.ConnectionError(f.ErrCode)
		}
	}
	return nil
}

func (s *framedStream) takeHead(f *http2.MetaHeadersFrame) {
	s.whole = f.StreamEnded()
	var fields strict.Fields
	for _, field := range f.RegularFields() {
		switch field.Name {
		case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
			s.err = strict.Violation("the field " + field.Name + " in HTTP/2")
		}
		fields = append(fields, strict.Field{Name: field.Name, Value: field.Value})
	}
	if s.final {
		s.trailers = fields
		return
	}
	status, err := strconv.Atoi(f.PseudoValue("status"))
	if err != nil {
		s.err = strict.Violation("the status " + f.PseudoValue("status"))
	}
	s.final = status >= 200
	s.heads = append(s.heads, &strict.Head{Status: status, Minor: 1, Fields: fields})
}

// update changes a stream and wakes who waits.
func (c *framedClient) update(id uint32, change func(*framedStream)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[id]; s != nil {
		change(s)
	}
	c.signal()
}

// signal wakes everybody who waits. It needs mu.
func (c *framedClient) signal() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// await waits until holds, called under mu, says so.
func (c *framedClient) await(ctx context.Context, what string, holds func() bool) error {
	for {
		c.mu.Lock()
		ok, changed := holds(), c.changed
		c.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s", what)
		}
	}
}

func (c *framedClient) write(frame func() error) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if err := frame(); err != nil && !isClosing(err) {
		return err
	}
	return nil
}

func (c *framedClient) perform(ctx context.Context, s step) error {
	switch {
	case s.kind == clientBytes:
		return c.translate(s.bytes)
	case s.kind == clientFields:
		return c.writeFields(s.fields, s.ends)
	case s.kind == clientData:
		return c.writeData(s.bytes, s.ends)
	case s.words == "end":
		c.sending = 0 // the frame before said so
		return nil
	case s.words == "close":
		return c.conn.Close()
	case s.words == "reset":
		latest := c.next - 2
		return c.write(func() error { return c.framer.WriteRSTStream(latest, http2.ErrCodeCancel) })
	}
	return fmt.Errorf("an HTTP/2 client cannot %s %q", s.kind, s.words)
}

// writeFields opens a stream, or ends one with trailers.
func (c *framedClient) writeFields(fields [][2]string, ends bool) error {
	if c.sending == 0 {
		c.open()
	}
	return c.write(func() error {
		c.encoded.Reset()
		for _, f := range fields {
			if err := c.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
				return err
			}
		}
		return c.writeBlock(c.encoded.Bytes(), ends)
	})
}

// writeBlock writes a header block in as many frames as it takes.
func (c *framedClient) writeBlock(block []byte, ends bool) error {
	first := block[:min(len(block), mostFrame)]
	block = block[len(first):]
	err := c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: c.sending, BlockFragment: first, EndStream: ends, EndHeaders: len(block) == 0,
	})
	for err == nil && len(block) > 0 {
		piece := block[:min(len(block), mostFrame)]
		block = block[len(piece):]
		err = c.framer.WriteContinuation(c.sending, len(block) == 0, piece)
	}
	return err
}

func (c *framedClient) open() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending = c.next
	c.next += 2
	s := &framedStream{id: c.sending}
	c.streams[s.id] = s
	c.waiting = append(c.waiting, s)
}

func (c *framedClient) writeData(data []byte, ends bool) error {
	for {
		piece := data[:min(len(data), mostFrame)]
		data = data[len(piece):]
		last := len(data) == 0
		if err := c.write(func() error { return c.framer.WriteData(c.sending, last && ends, piece) }); err != nil || last {
			return err
		}
	}
}

// translate sends what HTTP/1.1 bytes mean: whole heads, and content that may
// come in pieces if its length was said.
func (c *framedClient) translate(p []byte) error {
	if c.owed > 0 {
		return c.content(p)
	}
	for len(p) > 0 {
		head, rest, ok := bytes.Cut(p, []byte("\r\n\r\n"))
		if !ok {
			return fmt.Errorf("%q is no whole head", p)
		}
		fields, length, chunked, err := translateHead(string(head))
		if err != nil {
			return err
		}
		p = nil
		switch {
		case chunked:
			err = c.chunks(fields, rest)
		case length > 0:
			if err = c.writeFields(fields, false); err == nil {
				c.owed = length
				err = c.content(rest)
			}
		default:
			err = c.writeFields(fields, true)
			c.sending, p = 0, rest
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *framedClient) content(p []byte) error {
	if len(p) > c.owed {
		return fmt.Errorf("%q is more than the content", p)
	}
	if c.owed -= len(p); len(p) == 0 {
		return nil
	}
	err := c.writeData(p, c.owed == 0)
	if c.owed == 0 {
		c.sending = 0
	}
	return err
}

// chunks sends a chunked body, which must be there as a whole.
func (c *framedClient) chunks(fields [][2]string, wire []byte) error {
	in := strict.NewReader(bytes.NewReader(wire))
	body := in.RequestBody(&strict.Head{Fields: strict.Fields{{Name: "Transfer-Encoding", Value: "chunked"}}})
	data, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("%q as content: %w", wire, err)
	}
	trailers := make([][2]string, 0, len(body.Trailers))
	for _, f := range body.Trailers {
		trailers = append(trailers, [2]string{strings.ToLower(f.Name), f.Value})
	}
	err = errors.Join(c.writeFields(fields, false), c.writeData(data, len(trailers) == 0))
	if len(trailers) > 0 {
		err = errors.Join(err, c.writeFields(trailers, true))
	}
	c.sending = 0
	return err
}

// translateHead makes pseudo-fields of a request line and Host, and drops
// nothing but the framing of HTTP/1.1.
func translateHead(head string) (fields [][2]string, length int, chunked bool, err error) {
	lines := strings.Split(head, "\r\n")
	parts := strings.Split(lines[0], " ")
	if len(parts) != 3 {
		return nil, 0, false, fmt.Errorf("the request line %q cannot be translated", lines[0])
	}
	method, path, authority := parts[0], parts[1], ""
	if rest, ok := strings.CutPrefix(path, "http://"); ok {
		authority, path, _ = strings.Cut(rest, "/")
		path = "/" + path
	}
	var regular [][2]string
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		name, value = strings.ToLower(name), strings.Trim(value, " \t")
		switch {
		case name == "host" && authority == "":
			authority = value
		case name == "host", name == "connection" && value == "close":
		case name == "transfer-encoding" && value == "chunked":
			chunked = true
		default:
			regular = append(regular, [2]string{name, value})
		}
		if name == "content-length" {
			length, err = strconv.Atoi(value)
		}
	}
	fields = [][2]string{{":method", method}, {":scheme", "http"}, {":authority", authority}, {":path", path}}
	return append(fields, regular...), length, chunked, err
}

func (c *framedClient) head(ctx context.Context) (*strict.Head, error) {
	if c.reading == nil || c.reading.answered {
		if len(c.waiting) == 0 {
			return nil, errors.New("no request was sent whose response could be read")
		}
		c.reading, c.waiting = c.waiting[0], c.waiting[1:]
	}
	s := c.reading
	err := c.await(ctx, "a response", func() bool { return len(s.heads) > 0 || s.err != nil || c.gone != nil })
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case len(s.heads) == 0:
		return nil, fmt.Errorf("reading a response: %w", errors.Join(s.err, c.gone))
	}
	h := s.heads[0]
	s.heads, s.answered = s.heads[1:], h.Status >= 200
	return h, nil
}

func (c *framedClient) start(ctx context.Context, n int) ([]byte, error) {
	s := c.reading
	err := c.await(ctx, "content", func() bool { return len(s.body) >= n || s.whole || s.err != nil || c.gone != nil })
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(s.body[:min(n, len(s.body))]), err
}

func (c *framedClient) finish(ctx context.Context, _ bool) ([]byte, strict.Fields, error) {
	s := c.reading
	err := c.await(ctx, "the end of a response", func() bool { return s.whole || s.err != nil || c.gone != nil })
	c.mu.Lock()
	defer c.mu.Unlock()
	var v strict.Violation
	switch {
	case errors.As(s.err, &v):
		err = v
	case err == nil && !s.whole:
		err = errCut
	}
	return slices.Clone(s.body), s.trailers, err
}

// ended: a stream ends, the connection need not.
func (c *framedClient) ended(context.Context) error { return nil }

// refused takes an answer 400 and an error of the stream or the connection
// (RFC 9113 section 8.1.1).
func (c *framedClient) refused(ctx context.Context, statuses string) error {
	h, err := c.head(ctx)
	switch {
	case err == nil && isOneOf(h.Status, statuses):
		return nil
	case err == nil:
		return fmt.Errorf("the answer is %d", h.Status)
	case ctx.Err() != nil:
		return err
	}
	return nil
}

func (c *framedClient) raw(context.Context, int) ([]byte, error) {
	return nil, errors.New("HTTP/2 does not switch protocols")
}

func (c *framedClient) close() {
	c.conn.Close()
	c.reader.Wait()
}
