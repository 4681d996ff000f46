package h1

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// Field is a field line to be written.
type Field struct{ Name, Value string }

// RequestHead is the head of a request to an Upstream. Everything that is sent
// there is written by Append, from values and never as received.
type RequestHead struct {
	Method string
	Target string
	// Host is the value of the Host field, which is always sent.
	Host string
	// Fields are the others, in order. Of those about framing or the connection
	// only TE may be among them: it is given the option that RFC 9110 section
	// 10.1.4 asks for.
	Fields []Field
	// Length is that of the body in bytes: 0 if there is none, ChunkedBody if it
	// will be chunked.
	Length int64
	// Upgrade is a protocol to switch to, empty for none.
	Upgrade string
	// Trailer names the trailers of a chunked body.
	Trailer []string
	// Close asks for the connection to end with the response.
	Close bool
}

// Append writes the head with its empty line to dst: request line, Host, Fields,
// framing. POST, PUT and PATCH without a body get a Content-Length of 0 (RFC 9110
// section 8.6). Nothing is allocated if dst has room. The error says what no
// request may have in it, and dst is then returned as it was.
func (r *RequestHead) Append(dst []byte) ([]byte, error) {
	out, err := r.appendStart(dst)
	if err != nil {
		return dst, err
	}
	te := false
	for i := range r.Fields {
		var kind Kind
		if out, kind, err = appendRequestField(out, &r.Fields[i]); err != nil {
			return dst, err
		}
		te = te || kind == KindTE
	}
	if out, err = r.appendFraming(out); err != nil {
		return dst, err
	}
	if out, err = r.appendConnection(out, te); err != nil {
		return dst, err
	}
	return append(out, "\r\n"...), nil
}

// appendStart writes the request line and Host.
func (r *RequestHead) appendStart(dst []byte) ([]byte, error) {
	if !allTokens(r.Method) {
		return nil, fmt.Errorf("the method %q is no token", r.Method)
	}
	method := len(dst)
	dst = append(dst, r.Method...)
	target := len(dst) + 1
	dst = append(append(dst, ' '), r.Target...)
	if !allOf(inTarget, r.Target) || !validTarget(dst[method:target-1], dst[target:]) {
		return nil, errors.New("the request target is neither a path nor an http URL with a host")
	}
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	host := len(dst)
	dst = append(dst, r.Host...)
	if host == len(dst) || !validHost(dst[host:]) {
		return nil, fmt.Errorf("%q is no host", r.Host)
	}
	return append(dst, "\r\n"...), nil
}

// appendRequestField writes a field of the caller. The error names it, but not
// its value, which may be a secret.
func appendRequestField(dst []byte, f *Field) ([]byte, Kind, error) {
	if !allTokens(f.Name) {
		return nil, 0, fmt.Errorf("the field name %q is no token", f.Name)
	}
	kind := kindOf(f.Name)
	if kind.reserved() && kind != KindTE {
		return nil, 0, fmt.Errorf("the field %s is not for the caller to send", f.Name)
	}
	value := trimSpace(f.Value)
	if textEnd(value, 0) < len(value) {
		return nil, 0, fmt.Errorf("the value of the field %s has a control byte", f.Name)
	}
	return appendLine(dst, f.Name, value), kind, nil
}

// appendLine writes a field line that has been checked.
func appendLine[T text](dst []byte, name, value T) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}

// appendFraming says where the body ends.
func (r *RequestHead) appendFraming(dst []byte) ([]byte, error) {
	switch {
	case r.Length == ChunkedBody:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case r.Length < 0:
		return nil, fmt.Errorf("%d is no length of a body", r.Length)
	case r.Length > 0 || r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH":
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, r.Length, 10)
		dst = append(dst, "\r\n"...)
	}
	if len(r.Trailer) == 0 {
		return dst, nil
	}
	if r.Length != ChunkedBody {
		return nil, errors.New("only a chunked body can have trailers")
	}
	return appendTrailerNames(dst, r.Trailer)
}

func appendTrailerNames(dst []byte, names []string) ([]byte, error) {
	dst = append(dst, "Trailer: "...)
	for i, s := range names {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if !allTokens(s) || kindOf(s).reserved() {
			return nil, fmt.Errorf("%q cannot be the name of a trailer", s)
		}
		dst = append(dst, s...)
	}
	return append(dst, "\r\n"...), nil
}

// appendConnection writes what is about this connection.
func (r *RequestHead) appendConnection(dst []byte, te bool) ([]byte, error) {
	if r.Close || te || r.Upgrade != "" {
		dst = append(dst, "Connection: "...)
		for _, option := range [...]struct {
			name string
			set  bool
		}{{"close", r.Close}, {"Upgrade", r.Upgrade != ""}, {"TE", te}} {
			if option.set {
				dst = append(append(dst, option.name...), ", "...)
			}
		}
		dst = append(dst[:len(dst)-len(", ")], "\r\n"...)
	}
	if r.Upgrade == "" {
		return dst, nil
	}
	if !ValidToken(r.Upgrade) {
		return nil, fmt.Errorf("the protocol %q is no token", r.Upgrade)
	}
	return append(append(append(dst, "Upgrade: "...), r.Upgrade...), "\r\n"...), nil
}

// AppendStatusLine writes the first line of a response. A status without a name
// of its own has an empty reason. One that has not three digits is a mistake of
// whoever set it: 500.
func AppendStatusLine(dst []byte, minor, status int) []byte {
	if status < 100 || status > 999 {
		status = http.StatusInternalServerError
	}
	version := "HTTP/1.1 "
	if minor == 0 {
		version = "HTTP/1.0 "
	}
	dst = append(dst, version...)
	dst = append(strconv.AppendInt(dst, int64(status), 10), ' ')
	return append(append(dst, http.StatusText(status)...), "\r\n"...)
}

// AppendField writes a field line of a response. A name that is no token writes
// nothing; control bytes of the value but tabs become spaces.
func AppendField(dst []byte, name, value string) []byte {
	if !allTokens(name) {
		return dst
	}
	value = trimSpace(value)
	control := textEnd(value, 0)
	dst = appendLine(dst, name, value)
	if control == len(value) {
		return dst
	}
	written := dst[len(dst)-len("\r\n")-len(value) : len(dst)-len("\r\n")]
	for i := control; i < len(written); i = textEnd(written, i) {
		written[i] = ' '
	}
	return dst
}

// AppendChunkHeader writes the line in front of a chunk of n bytes; behind them
// belongs CR LF. A chunk of none would end the body: nothing is written.
func AppendChunkHeader(dst []byte, n int) []byte {
	if n <= 0 {
		return dst
	}
	return append(strconv.AppendInt(dst, int64(n), 16), "\r\n"...)
}

// AppendLastChunk ends a chunked body, with trailers in the order of their names.
// Those about framing or the connection and those without a valid name are left
// out.
func AppendLastChunk(dst []byte, trailer http.Header) []byte {
	dst = append(dst, "0\r\n"...)
	if len(trailer) > 0 {
		for _, name := range slices.Sorted(maps.Keys(trailer)) {
			if kindOf(name).reserved() {
				continue
			}
			for _, value := range trailer[name] {
				dst = AppendField(dst, name, value)
			}
		}
	}
	return append(dst, "\r\n"...)
}
