package h1

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// decoded is all that comes of a chunked body.
type decoded struct {
	Data    string
	Used    int
	Done    bool
	Err     error
	Trailer http.Header
}

// decode feeds the pieces of in that end at ends, the last of which is len(in).
func decode(in string, ends ...int) (d decoded) {
	var c Chunks
	var all []byte
	start := 0
	for _, end := range ends {
		p := []byte(in[start:end])
		data, used, done, err := c.Decode(p)
		all = append(all, p[:data]...)
		d.Used += used
		d.Done, d.Err = done, err
		if used != len(p) {
			break
		}
		start = end
	}
	d.Data, d.Trailer = string(all), c.Trailer()
	return d
}

func decodeWhole(in string) decoded { return decode(in, len(in)) }

func goodBodies() map[string]decoded {
	return map[string]decoded{
		"0\r\n\r\n":                                       {},
		"00000\r\n\r\n":                                   {},
		"5\r\nhello\r\n0\r\n\r\n":                         {Data: "hello"},
		"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n":          {Data: "hello world"},
		"00000000000000A\r\n0123456789\r\n0\r\n\r\n":      {Data: "0123456789"},
		"0c\r\n\r\n0\r\n\r\n5\r\n\r\n\r\n0\r\n\r\n":       {Data: "\r\n0\r\n\r\n5\r\n\r\n"},
		"2;a=b;c\r\nhi\r\n0;x=\"y z;\t\xff\"\r\n\r\n":     {Data: "hi"},
		"1;\r\nA\r\n1\r\nB\r\n0; a\r\n\r\n":               {Data: "AB"},
		"0\r\nA: b\r\n\r\n":                               {Trailer: http.Header{"A": {"b"}}},
		"1\r\nx\r\n0\r\nx-a:\t1 \r\nX-A: 2\r\nB:\r\n\r\n": {Data: "x", Trailer: http.Header{"X-A": {"1", "2"}, "B": {""}}},
		"0\r\ncontent-length: 5\r\nTransfer-Encoding: chunked\r\nHOST: a\r\nTrailer: b\r\nContent_Length: 6\r\n\r\n": {},
		"0\r\nContent-Length: 5\r\nA: " + strings.Repeat("b", 9999) + "\r\n\r\n":                                     {Trailer: http.Header{"A": {strings.Repeat("b", 9999)}}},
		strings.Repeat("1\r\nx\r\n", 9999) + "0\r\n\r\n":                                                             {Data: strings.Repeat("x", 9999)},
		"1;" + strings.Repeat("a", maxChunkLine-2) + "\r\nx\r\n0\r\n\r\n":                                            {Data: "x"},
		strings.Repeat("1000;"+strings.Repeat("a", 1023)+"\r\n"+strings.Repeat("x", 4096)+"\r\n", 16) + "0\r\n\r\n":  {Data: strings.Repeat("x", 16*4096)},
		"0\r\n" + strings.Repeat("Content-Length: 1\r\n", maxTrailers) + "\r\n":                                      {},
		"3\r\nabc\r\n0\r\nGrpc-Status: 0\r\ngrpc-message: all is well\r\n\r\n":                                       {Data: "abc", Trailer: http.Header{"Grpc-Status": {"0"}, "Grpc-Message": {"all is well"}}},
	}
}

func badBodies() []string {
	size := func(s string) string { return s + "\r\nhello\r\n0\r\n\r\n" }
	list := []string{
		"\n", "\r\n", size(""), size("+5"), size("-5"), size("0x5"), size("0X5"), size("5_0"), size("_5"), size(" 5"), size("5 "), size("\t5"), size("5\t"),
		size("5 ;a"), size("g"), size("5.0"), size("5,5"), size("\"5\""), size("0000000000000005"), size("fffffffffffffffff"), size("٥"),
		size("5\x00"), size("5;\x00"), size("5;a\x0b"), size("5;\x7f"), size("5\r"), size("5;\r"), size("5;\ra"), size("5;a\nb"), size(";a"),
		"5\nhello\r\n0\r\n\r\n", "5;a\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n",
		"5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhellohello\r\n0\r\n\r\n", "5\r\nhell\r\n0\r\n\r\n", "5\r\nhello\r\r\n0\r\n\r\n", "5\r\nhello\n\n0\r\n\r\n", "5\r\nhellox\n0\r\n\r\n",
		"0\n\r\n", "0\r\n\n", "0\r\n\rA", "0\r\r\n",
		"0\r\nA: b\n\r\n", "0\r\nA: b\r\n\n", "0\r\nA : b\r\n\r\n", "0\r\n A: b\r\n\r\n", "0\r\nA: b\r\n c\r\n\r\n", "0\r\nA\r\n\r\n", "0\r\n: b\r\n\r\n",
		"0\r\nA: \x00\r\n\r\n", "0\r\nA\x00: b\r\n\r\n", "0\r\nA: b\rc\r\n\r\n", "0\r\n5\r\nhello\r\n0\r\n\r\n",
		"5;" + strings.Repeat("a", maxChunkLine-1) + "\r\nhello\r\n0\r\n\r\n",
		strings.Repeat("1000;"+strings.Repeat("a", 1024)+"\r\n"+strings.Repeat("x", 4096)+"\r\n", 16) + "0\r\n\r\n",
		strings.Repeat("1;"+strings.Repeat("a", 30)+"\r\nx\r\n", 1200) + "0\r\n\r\n",
		"0\r\nA: " + strings.Repeat("b", maxTrailerBytes) + "\r\n\r\n",
		"0\r\n" + strings.Repeat("A: b\r\n", maxTrailers+1) + "\r\n",
	}
	return list
}

func TestChunks(t *testing.T) {
	for in, want := range goodBodies() {
		want.Used, want.Done = len(in), true
		if got := decodeWhole(in + "GET / HTTP/1.1"); !reflect.DeepEqual(got, want) {
			t.Errorf("%.200q:\n got %.300v\nwant %.300v", in, fmt.Sprint(got), fmt.Sprint(want))
		}
	}
}

func TestBadChunks(t *testing.T) {
	for _, in := range badBodies() {
		got := decodeWhole(in)
		var syntax *SyntaxError
		if got.Done || !errors.As(got.Err, &syntax) || syntax.Status/100 != 4 {
			t.Errorf("%.200q: %.300v", in, fmt.Sprint(got))
		}
	}
}

// A body cut anywhere, or coming byte by byte, is the same body.
func TestChunkSplits(t *testing.T) {
	bodies := badBodies()
	for in := range goodBodies() {
		bodies = append(bodies, in, in+"GET / HTTP/1.1", in[:len(in)/2])
	}
	for _, in := range bodies {
		whole := decodeWhole(in)
		each := make([]int, len(in))
		for i := range each {
			each[i] = i + 1
		}
		if got := decode(in, each...); !sameBody(got, whole) {
			t.Errorf("%.200q byte by byte:\n got %.300v\nwant %.300v", in, fmt.Sprint(got), fmt.Sprint(whole))
		}
		if len(in) > 300 {
			continue
		}
		for cut := range in {
			if got := decode(in, cut, len(in)); !sameBody(got, whole) {
				t.Errorf("%q cut at %d:\n got %v\nwant %v", in, cut, got, whole)
			}
		}
	}
}

// sameBody: how far a wrong piece was used does not matter.
func sameBody(a, b decoded) bool {
	if a.Err != nil {
		a.Used = b.Used
	}
	return reflect.DeepEqual(a, b)
}

func TestChunksAfterTheEnd(t *testing.T) {
	var c Chunks
	body := []byte("1\r\nx\r\n0\r\n\r\n")
	for range 2 {
		if c.Trailer() != nil {
			t.Error("trailers before the end")
		}
		if data, used, done, err := c.Decode(append([]byte{}, body...)); data != 1 || used != len(body) || !done || err != nil {
			t.Errorf("%d %d %v %v", data, used, done, err)
		}
		if data, used, done, err := c.Decode([]byte("1\r\n")); data != 0 || used != 0 || !done || err != nil {
			t.Errorf("after the end: %d %d %v %v", data, used, done, err)
		}
		c.Reset()
	}
	_, _, _, first := c.Decode([]byte("x"))
	if data, used, done, err := c.Decode([]byte("1\r\n")); data != 0 || used != 0 || done || err == nil || err != first {
		t.Errorf("after an error: %d %d %v %v", data, used, done, err)
	}
}

func TestChunksAllocateNothing(t *testing.T) {
	var c Chunks
	body := []byte("5;a=b\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
	p := make([]byte, len(body))
	if n := testing.AllocsPerRun(100, func() {
		c.Reset()
		copy(p, body)
		if data, _, done, err := c.Decode(p); data != 11 || !done || err != nil || c.Trailer() != nil {
			t.Error(data, done, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkChunks(b *testing.B) {
	body := []byte(strings.Repeat("1000\r\n"+strings.Repeat("x", 4096)+"\r\n", 16) + "0\r\n\r\n")
	p := make([]byte, len(body))
	var c Chunks
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		c.Reset()
		copy(p, body)
		if _, _, done, err := c.Decode(p); !done {
			b.Fatal(err)
		}
	}
}
