package h1

import (
	"net/http"
	"net/textproto"
)

// Bounds of what a chunked body may have beside its data. net/http also counts
// overhead that is out of proportion to the data; with no more than 15 digits in
// a size that can only come from extensions, and those are bounded here.
const (
	maxChunkLine    = 4<<10 - len("\r\n")
	maxExtensions   = 16 << 10 // of the whole body
	maxTrailerBytes = 64 << 10
	maxTrailers     = DefaultFields
)

// Chunks takes the chunked transfer coding off a body (RFC 9112 section 7.1), as
// strictly as [Head] reads heads. Extensions are skipped. The zero Chunks is
// ready. It is not safe for concurrent use.
type Chunks struct {
	step    chunkStep
	digits  uint8
	left    int64 // of the data of this chunk; of its size while that is read
	line    int   // bytes of the line of this chunk
	extra   int   // bytes of all extensions
	trailer section
	err     *SyntaxError
}

// chunkStep is what comes next of a chunked body.
type chunkStep uint8

const (
	inSize chunkStep = iota
	inExtension
	atSizeLF
	inData
	atDataCR
	atDataLF
	atTrailer
	atEndLF
	inTrailer
	chunksEnd
)

// Reset begins another body.
func (c *Chunks) Reset() { *c = Chunks{} }

// Decode takes the next bytes of the body, however they are cut. It moves the
// data among them to the front: p[:data] is data, and p[:used] was used up. done
// says that the last chunk and the trailers are complete; what is behind used
// belongs to the next message. Otherwise all of p is used, or there is an error,
// always a [*SyntaxError], which every later call returns too.
func (c *Chunks) Decode(p []byte) (data, used int, done bool, err error) {
	for used < len(p) && c.err == nil && c.step != chunksEnd {
		switch c.step {
		case inData:
			n := int(min(c.left, int64(len(p)-used)))
			if data != used {
				copy(p[data:], p[used:used+n])
			}
			data += n
			used += n
			if c.left -= int64(n); c.left == 0 {
				c.step = atDataCR
			}
		case inTrailer:
			used += c.readTrailer(p[used:])
		default:
			if c.err = c.take(p[used]); c.step != inTrailer {
				used++
			}
		}
	}
	if c.err != nil {
		return data, used, false, c.err
	}
	return data, used, c.step == chunksEnd, nil
}

// take reads one byte of what is around the data.
func (c *Chunks) take(b byte) *SyntaxError {
	switch c.step {
	case inSize:
		return c.takeSize(b)
	case inExtension:
		return c.takeExtension(b)
	case atSizeLF:
		return c.endLine(b)
	case atDataCR:
		return c.expect(b, '\r', atDataLF, errChunkEnd)
	case atDataLF:
		c.digits, c.line = 0, 0
		return c.expect(b, '\n', inSize, errChunkEnd)
	case atTrailer:
		if c.step = inTrailer; b == '\r' {
			c.step = atEndLF
		}
		return nil
	default: // atEndLF
		return c.expect(b, '\n', chunksEnd, errLineEnd)
	}
}

func (c *Chunks) expect(got, want byte, then chunkStep, otherwise *SyntaxError) *SyntaxError {
	if got != want {
		return otherwise
	}
	c.step = then
	return nil
}

func (c *Chunks) takeSize(b byte) *SyntaxError {
	switch {
	case isHex(b):
		if c.digits == 15 {
			return errChunkSize
		}
		c.digits++
		c.line++
		c.left = c.left<<4 | int64(hexValue(b))
		return nil
	case c.digits == 0:
		return errChunkSize
	case b == ';':
		c.step = inExtension
		return c.takeExtension(b)
	case b == '\r':
		c.step = atSizeLF
		return nil
	}
	return errChunkSize
}

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

func (c *Chunks) takeExtension(b byte) *SyntaxError {
	switch {
	case b == '\r':
		c.step = atSizeLF
		return nil
	case b == '\n':
		return errLineEnd
	case isControl(b):
		return errControl
	}
	c.line++
	c.extra++
	if c.line > maxChunkLine {
		return errChunkLine
	}
	if c.extra > maxExtensions {
		return errExtensions
	}
	return nil
}

func (c *Chunks) endLine(b byte) *SyntaxError {
	if b != '\n' {
		return errLineEnd
	}
	if c.step = inData; c.left == 0 {
		c.step = atTrailer
	}
	return nil
}

// readTrailer collects trailers, which may come in any pieces and have to be
// kept. It returns how many bytes of p they are.
func (c *Chunks) readTrailer(p []byte) (used int) {
	t := &c.trailer
	before := len(t.buf)
	t.buf = append(t.buf, p[:min(len(p), maxTrailerBytes-before)]...)
	for {
		switch got, err := t.next(t.buf, maxTrailers); {
		case err != nil:
			c.err = err
			return 0
		case got == gotEnd:
			c.step = chunksEnd
			return t.at - before
		case got == starved:
			if len(t.buf) == maxTrailerBytes {
				c.err = errTrailerLong
			}
			return len(t.buf) - before
		}
	}
}

// Trailer is the trailer section of a body that is done, nil if it is empty. It
// never holds Content-Length, Transfer-Encoding, Host or Trailer, in any
// spelling. Whether the rest may be sent on is for others to say (RFC 9110
// section 6.5.1). Each call makes a new one.
func (c *Chunks) Trailer() http.Header {
	if c.step != chunksEnd {
		return nil
	}
	var trailer http.Header
	for i := range c.trailer.fields {
		f := &c.trailer.fields[i]
		if !f.kind.mayTrail() {
			continue
		}
		if trailer == nil {
			trailer = http.Header{}
		}
		name := textproto.CanonicalMIMEHeaderKey(string(c.trailer.nameOf(f)))
		trailer[name] = append(trailer[name], string(c.trailer.valueOf(f)))
	}
	return trailer
}

// mayTrail: the field cannot be mistaken for framing.
func (k Kind) mayTrail() bool {
	switch k {
	case KindHost, KindContentLength, KindTransferEncoding, KindTrailer, KindDisguised:
		return false
	}
	return true
}
