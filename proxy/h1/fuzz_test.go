package h1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The rule of these tests: what is let through here, net/http lets through too,
// and it means the same. That less is let through is intended.

func addRequests(f *testing.F) {
	for _, in := range goodRequests() {
		f.Add([]byte(in))
	}
	for _, c := range badRequests() {
		if len(c.in) < 2000 {
			f.Add([]byte(c.in))
		}
	}
}

func addResponses(f *testing.F) {
	for _, in := range goodResponses() {
		f.Add([]byte(in))
	}
	for _, c := range badResponses() {
		if len(c.in) < 2000 {
			f.Add([]byte(c.in))
		}
	}
}

// FuzzRequestAgainstNetHTTP runs a real server, because it checks more than
// [http.ReadRequest] does. What is sent on means the same once more.
func FuzzRequestAgainstNetHTTP(f *testing.F) {
	addRequests(f)
	server := newReference(f)
	f.Fuzz(func(t *testing.T, in []byte) { checkRequestInput(t, server, in) })
}

// checkRequestInput says whether it was let through.
func checkRequestInput(t *testing.T, server *reference, in []byte) bool {
	t.Helper()
	var h Head
	if n, err := h.ParseRequest(in, Limits{}); n == 0 || err != nil {
		return false
	}
	checkRequest(t, server, &h, in, string(h.Authority()), header(&h, everyField))
	r := forwarded(&h)
	out, err := r.Append(nil)
	if r.Host == "" {
		return true // nobody to send it to
	}
	if err != nil {
		t.Fatalf("%q is not sent on: %v", in, err)
	}
	carried := func(i int) bool { return h.EndToEnd(i) && !h.Kind(i).framing() }
	want := header(&h, carried)
	length := h.RequestBodyLength()
	if n, err := h.ParseRequest(out, Limits{}); n != len(out) {
		t.Fatalf("what is sent on is not read: %d, %v\n%q", n, err, out)
	}
	if h.RequestBodyLength() != length || string(h.Method()) != r.Method || string(h.Target()) != r.Target {
		t.Fatalf("what is sent on says something else:\n%q\n%q", in, out)
	}
	if got := header(&h, carried); !sameHeader(got, want) {
		t.Fatalf("the fields sent on:\n got %q\nwant %q", got, want)
	}
	checkRequest(t, server, &h, out, r.Host, header(&h, everyField))
	return true
}

// checkRequest holds what was parsed against what the server sees. The Host field
// is not in the header there.
func checkRequest(t *testing.T, server *reference, h *Head, in []byte, host string, fields http.Header) {
	t.Helper()
	read := server.read
	if h.ExpectOther() {
		read = readAnyExpectation
	}
	r, err := read(in)
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", in, err)
	}
	delete(fields, "Host")
	switch {
	case r.Method != string(h.Method()), r.RequestURI != string(h.Target()), r.ProtoMajor != 1, r.ProtoMinor != h.Minor():
		t.Fatalf("net/http sees %s %s HTTP/%d.%d in %q", r.Method, r.RequestURI, r.ProtoMajor, r.ProtoMinor, in)
	case r.Host != host:
		t.Fatalf("net/http sees host %q, not %q, in %q", r.Host, host, in)
	case r.ContentLength != h.RequestBodyLength(), (len(r.TransferEncoding) > 0) != h.Chunked():
		t.Fatalf("net/http sees length %d, coding %v, in %q", r.ContentLength, r.TransferEncoding, in)
	case r.Close == h.KeepAlive():
		t.Fatalf("net/http sees close %v in %q", r.Close, in)
	case !sameHeader(r.Header, fields):
		t.Fatalf("net/http sees\n     %q\nnot  %q\nin %q", r.Header, fields, in)
	}
}

func FuzzResponseAgainstNetHTTP(f *testing.F) {
	addResponses(f)
	f.Fuzz(func(t *testing.T, in []byte) { checkResponseInput(t, in) })
}

// checkResponseInput says whether it was let through.
func checkResponseInput(t *testing.T, in []byte) bool {
	t.Helper()
	var h Head
	if n, err := h.ParseResponse(in, Limits{}); n == 0 || err != nil {
		return false
	}
	checkResponse(t, &h, in, "GET")
	checkResponse(t, &h, in, "HEAD")
	return true
}

func checkResponse(t *testing.T, h *Head, in []byte, method string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(in)), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", in, err)
	}
	fields := header(h, everyField)
	if h.Minor() == 1 && !h.KeepAlive() {
		delete(fields, "Connection") // taken out once understood
	}
	length := h.BodyLength(method)
	switch {
	case r.StatusCode != h.Status(), r.ProtoMajor != 1, r.ProtoMinor != h.Minor():
		t.Fatalf("net/http sees HTTP/%d.%d %s in %q", r.ProtoMajor, r.ProtoMinor, r.Status, in)
	case r.Close != (!h.KeepAlive() || length == UntilClose) && method == "GET":
		t.Fatalf("net/http sees close %v in %q", r.Close, in)
	case !sameHeader(r.Header, fields):
		t.Fatalf("net/http sees\n     %q\nnot  %q\nin %q", r.Header, fields, in)
	}
	if got := referenceLength(r, method); got != length {
		t.Fatalf("net/http sees length %d, not %d, for %s in %q", got, length, method, in)
	}
}

// referenceLength is how net/http will read the body.
func referenceLength(r *http.Response, method string) int64 {
	switch {
	case method == "HEAD" || r.Body == http.NoBody:
		return 0
	case len(r.TransferEncoding) > 0:
		return ChunkedBody
	case r.ContentLength < 0:
		return UntilClose
	}
	return r.ContentLength
}

// FuzzChunksAgainstNetHTTP also holds bodies that are not complete against what
// net/http has read by then.
func FuzzChunksAgainstNetHTTP(f *testing.F) {
	for in := range goodBodies() {
		if len(in) < 2000 {
			f.Add([]byte(in), uint64(1))
			f.Add([]byte(in+"GET / HTTP/1.1\r\n\r\n"), uint64(2))
		}
	}
	for _, in := range badBodies() {
		if len(in) < 2000 {
			f.Add([]byte(in), uint64(3))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) { checkChunksInput(t, in, seed) })
}

// checkChunksInput says whether it was let through, as far as it went.
func checkChunksInput(t *testing.T, in []byte, seed uint64) bool {
	t.Helper()
	got := decode(string(in), randomEnds(len(in), seed)...)
	if got.Err != nil {
		return false
	}
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	buffered := bufio.NewReaderSize(io.MultiReader(strings.NewReader(head), bytes.NewReader(in)), maxTrailerBytes+1024)
	r, err := http.ReadResponse(buffered, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r.Body)
	if string(data) != got.Data {
		t.Fatalf("net/http reads %q, not %q, from %q", data, got.Data, in)
	}
	if (err == nil) != got.Done {
		t.Fatalf("net/http ends with %v; done is %v for %q", err, got.Done, in)
	}
	if !got.Done {
		return true
	}
	for name := range r.Trailer {
		if !kindOf(name).mayTrail() {
			delete(r.Trailer, name)
		}
	}
	if !sameHeader(r.Trailer, got.Trailer) {
		t.Fatalf("net/http reads trailers %q, not %q, from %q", r.Trailer, got.Trailer, in)
	}
	if rest, _ := io.ReadAll(buffered); string(rest) != string(in[got.Used:]) {
		t.Fatalf("net/http leaves %q, not %q, of %q", rest, in[got.Used:], in)
	}
	return true
}

// randomEnds cuts n bytes into pieces, some of them empty.
func randomEnds(n int, seed uint64) []int {
	random := rand.New(rand.NewPCG(seed, 0))
	ends := make([]int, random.IntN(8))
	for i := range ends {
		ends[i] = random.IntN(n + 1)
	}
	slices.Sort(ends)
	return append(ends, n)
}

// FuzzSplits: however the bytes come, they are the same message.
func FuzzSplits(f *testing.F) {
	add := func(in string) {
		if len(in) < 2000 {
			f.Add([]byte(in), uint64(len(in)))
		}
	}
	for _, in := range append(goodRequests(), goodResponses()...) {
		add(in)
	}
	for _, c := range append(badRequests(), badResponses()...) {
		add(c.in)
	}
	for in := range goodBodies() {
		add(in)
	}
	for _, in := range badBodies() {
		add(in)
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		in := string(data)
		ends := randomEnds(len(in), seed)
		for _, request := range []bool{true, false} {
			if got, want := parseSplit(in, request, ends...), parseSplit(in, request, len(in)); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q cut at %v, request %v:\n got %+v\nwant %+v", in, ends, request, got, want)
			}
		}
		if got, want := decode(in, ends...), decodeWhole(in); !sameBody(got, want) {
			t.Fatalf("%q cut at %v as chunks:\n got %+v\nwant %+v", in, ends, got, want)
		}
	})
}

// FuzzAppendRequest: what the writer writes, whatever it was given, is one
// message with nothing behind its head, here and for net/http.
func FuzzAppendRequest(f *testing.F) {
	f.Add("GET", "/a?b", "c:1", "X-A", "b", "", "", int64(0), false)
	f.Add("POST", "http://a/", "[::1]", "te", "trailers", "websocket", "X-B", int64(ChunkedBody), true)
	f.Add("PUT", "/%41", "a", "Cookie", "\xff\t", "", "", int64(7), true)
	f.Add("GET /\r\n", "/ HTTP/1.1\r\nA: b", "a\r\nB: c", "A: b\r\nC", "d\r\n\r\n", "x\r\n", "y\r\n", int64(-2), false)
	f.Add("OPTIONS", "*", "a", "Transfer_Encoding", "chunked", "h2c", "Content-Length", int64(1)<<62, false)
	f.Fuzz(func(t *testing.T, method, target, host, name, value, upgrade, trailer string, length int64, last bool) {
		r := RequestHead{Method: method, Target: target, Host: host, Fields: []Field{{name, value}}, Length: length, Upgrade: upgrade, Close: last}
		if trailer != "" {
			r.Trailer = []string{trailer}
		}
		out, err := r.Append(nil)
		if err != nil {
			return
		}
		checkWritten(t, &r, out)
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(out)))
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", out, err)
		}
		if req.Method != method || req.RequestURI != target || req.Close != last || !slices.Equal(req.Header.Values(name), []string{trimSpace(value)}) {
			t.Fatalf("net/http sees %s %s %v %q in %q", req.Method, req.RequestURI, req.Close, req.Header, out)
		}
	})
}

// checkWritten reads a head back with the parser that stands at the other end.
func checkWritten(t *testing.T, r *RequestHead, out []byte) {
	t.Helper()
	var h Head
	if n, err := h.ParseRequest(out, Limits{HeadBytes: len(out)}); n != len(out) {
		t.Fatalf("read back are %d bytes of %q: %v", n, out, err)
	}
	written, _ := h.Host()
	if string(h.Method()) != r.Method || string(h.Target()) != r.Target || string(written) != r.Host {
		t.Fatalf("read back is %s %s %s", h.Method(), h.Target(), written)
	}
	if h.RequestBodyLength() != r.Length || h.KeepAlive() == r.Close || h.Upgrade() != (r.Upgrade != "") {
		t.Fatalf("read back is length %d, persistence %v, upgrade %v of %q", h.RequestBodyLength(), h.KeepAlive(), h.Upgrade(), out)
	}
	if got := fmt.Sprintf("%s: %s", h.Name(1), h.Value(1)); got != r.Fields[0].Name+": "+trimSpace(r.Fields[0].Value) {
		t.Fatalf("read back is the field %q of %q", got, out)
	}
}

// FuzzAppendResponse: what handlers set cannot begin a new line.
func FuzzAppendResponse(f *testing.F) {
	f.Add(200, "X-A", "b", "c")
	f.Add(-1, "A\r\nB", "c\r\n\r\nHTTP/1.1 200 OK", "\x00\x7f\t")
	f.Fuzz(func(t *testing.T, status int, name, first, second string) {
		out := AppendStatusLine(nil, 1, status)
		out = AppendField(out, name, first)
		out = AppendField(out, "B", second)
		out = append(out, "\r\n"...)
		fields := strings.Count(string(out), "\r\n") - 2
		var h Head
		n, err := h.ParseResponse(out, Limits{HeadBytes: len(out)})
		if kind := kindOf(name); err != nil && kind != KindContentLength && kind != KindTransferEncoding && kind != KindConnection && kind != KindTrailer {
			t.Fatalf("%q is not read back: %v", out, err)
		}
		if err == nil && (n != len(out) || h.Len() != fields || string(h.Name(fields-1)) != "B" || fields == 2 != ValidToken(name)) {
			t.Fatalf("read back are %d bytes and %d fields of %q", n, h.Len(), out)
		}
		chunks := AppendLastChunk(nil, http.Header{name: {first, second}})
		if d := decodeWhole(string(chunks)); !d.Done || d.Used != len(chunks) || d.Data != "" {
			t.Fatalf("the last chunk %q is not read back: %+v", chunks, d)
		}
	})
}
