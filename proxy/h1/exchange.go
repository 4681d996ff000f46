package h1

import (
	"net/http"
	"net/url"
	"strings"
)

// exchange is everything one request needs, in one piece of memory. It is used for
// one request only: a handler may have kept any part of it. Of an Inline one it is
// known that it has not.
type exchange struct {
	request  http.Request
	url      url.URL
	response response
	fields   [inlineFields]string
	header   http.Header // of the request; empty between two
}

// inlineFields is how many header values have their place in an exchange.
const inlineFields = 10

// receive makes a request of the head of n bytes that was just parsed; nil if it
// was refused.
func (c *serverConn) receive(n int) *exchange {
	x, _ := c.server.exchanges.Get().(*exchange)
	if x == nil {
		x = &exchange{}
	}
	if err := c.read(x, n); err != nil {
		c.refuse(err)
		return nil
	}
	return x
}

func (c *serverConn) read(x *exchange, n int) error {
	h := &c.head
	if h.ExpectOther() {
		return errExpectation
	}
	r := &x.request
	*r = *c.beginContext().template // the only way to give a request its context without copying it
	r.ProtoMajor, r.ProtoMinor, r.Proto = 1, 1, "HTTP/1.1"
	if h.Minor() == 0 {
		r.ProtoMinor, r.Proto = 0, "HTTP/1.0"
	}
	text := string(c.buf[c.r : c.r+n]) // one copy backs every string of the request
	method, target := h.Method(), h.Target()
	r.Method = knownMethod(text[:len(method)])
	r.RequestURI = text[len(method)+1 : len(method)+1+len(target)]
	if !parseTarget(r, &x.url) {
		return errBadTarget
	}
	x.readHeader(h, text)
	if r.Host = r.URL.Host; r.Host == "" && h.host >= 0 { // RFC 9112 section 3.2.2: an absolute target wins
		from, to := h.valueAt(h.host)
		r.Host = text[from:to]
	}
	r.RemoteAddr = c.remote
	if c.encrypted() {
		r.TLS = c.connectionState()
	}
	r.Close = !h.KeepAlive()
	c.last = r.Close || c.server.closing.Load()
	c.r += n
	c.readBody(x)
	x.response = response{}
	x.response.conn, x.response.minor, x.response.method = c, h.Minor(), r.Method
	return nil
}

var (
	errExpectation = &SyntaxError{http.StatusExpectationFailed, "an expectation other than 100-continue"}
	errBadTarget   = &SyntaxError{http.StatusBadRequest, "a malformed request target"}
)

// knownMethod keeps the text of a whole head from living as long as a method
// that somebody remembers.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet:
		return http.MethodGet
	case http.MethodPost:
		return http.MethodPost
	case http.MethodHead:
		return http.MethodHead
	}
	return m
}

// parseTarget reads RequestURI as net/http does, without help from net/url where
// there is nothing to decode.
func parseTarget(r *http.Request, u *url.URL) bool {
	target := r.RequestURI
	if target[0] == '/' && !strings.HasPrefix(target, "//") && strings.IndexByte(target, '%') < 0 {
		path, query, asked := strings.Cut(target, "?")
		*u = url.URL{Path: path, RawQuery: query, ForceQuery: asked && query == ""}
		r.URL = u
		return true
	}
	just := target
	authority := r.Method == http.MethodConnect && target[0] != '/'
	if authority {
		just = "http://" + target
	}
	parsed, err := url.ParseRequestURI(just)
	if err != nil {
		return false
	}
	if authority {
		parsed.Scheme = ""
	}
	r.URL = parsed
	return true
}

// readHeader makes the header of the fields. Those that say how the message is
// framed, and whom it is for, have places of their own in the request.
func (x *exchange) readHeader(h *Head, text string) {
	r := &x.request
	if x.header == nil {
		x.header = make(http.Header, h.Len())
	}
	r.Header = x.header
	values := x.fields[:0]
	if h.Len() > inlineFields {
		values = make([]string, 0, h.Len())
	}
	for i := range h.Len() {
		from, to := h.nameAt(i)
		name := text[from:to]
		from, to = h.valueAt(i)
		value := text[from:to]
		switch h.Kind(i) {
		case KindHost, KindTransferEncoding:
			continue
		case KindTrailer:
			announce(r, value)
			continue
		}
		name = http.CanonicalHeaderKey(name)
		if before, ok := r.Header[name]; ok {
			r.Header[name] = append(before, value)
			continue
		}
		values = append(values, value)
		r.Header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if h.Chunked() {
		r.TransferEncoding = []string{"chunked"}
	}
}

// announce notes which fields will follow the body (RFC 9110 section 6.6.2).
// Those that no message may have there are left out.
func announce(r *http.Request, list string) {
	for name := range strings.SplitSeq(list, ",") {
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		switch name {
		case "", "Transfer-Encoding", "Trailer", "Content-Length", "Host":
			continue
		}
		if r.Trailer == nil {
			r.Trailer = http.Header{}
		}
		r.Trailer[name] = nil
	}
}

// keptFields is how large a header may have been to be used again.
const keptFields = 32

// giveBack makes the memory ready for another request, if nobody can have kept it.
func (x *exchange) giveBack(s *Server) {
	if !s.Inline || len(x.header) > keptFields || x.request.Body != http.NoBody {
		return
	}
	clear(x.header)
	clear(x.fields[:])
	s.exchanges.Put(x)
}

// run calls the handler and ends the answer; false if the client must see that
// the answer is not whole.
func (x *exchange) run(s *Server) (ok bool) {
	w := &x.response
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil && v != http.ErrAbortHandler && s.Panicked != nil {
				s.Panicked(v)
			}
			w.abandon()
		}
		w.conn.cut = !ok && w.untilClose // else the length tells
	}()
	s.Handler.ServeHTTP(w, &x.request)
	ok = w.hijacked || w.finish() == nil
	returned = true
	return ok
}

// nameAt and valueAt are where name and value of a field stand in the buffer.
func (h *Head) nameAt(i int) (from, to uint32)  { f := &h.fields[i]; return f.name, f.colon }
func (h *Head) valueAt(i int) (from, to uint32) { f := &h.fields[i]; return f.value, f.end }
