package h1

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"testing"
	"time"
)

// reference is a server of net/http: what it makes of a message is what the
// parser is held against.
type reference struct {
	conns  chan net.Conn
	closed chan struct{}
}

// referenceConn carries one request to the server.
type referenceConn struct {
	net.Conn
	seen chan *http.Request
}

type referenceKey struct{}

func newReference(tb testing.TB) *reference {
	r := &reference{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{
		Handler:                      http.HandlerFunc(showRequest),
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, referenceKey{}, c)
		},
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(r) }()
	tb.Cleanup(func() {
		server.Close()
		<-served
	})
	return r
}

// showRequest hands out the request and ends the connection without reading on.
func showRequest(_ http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(referenceKey{}).(*referenceConn)
	c.seen <- r
	c.Close()
	panic(http.ErrAbortHandler)
}

func (r *reference) Accept() (net.Conn, error) {
	select {
	case c := <-r.conns:
		return c, nil
	case <-r.closed:
		return nil, net.ErrClosed
	}
}

func (r *reference) Close() error {
	close(r.closed)
	return nil
}

func (r *reference) Addr() net.Addr { return &net.TCPAddr{} }

// read is the request that the server sees in in, or what it answers instead.
func (r *reference) read(in []byte) (*http.Request, error) {
	client, server := net.Pipe()
	defer client.Close()
	_ = client.SetDeadline(time.Now().Add(10 * time.Second))
	c := &referenceConn{server, make(chan *http.Request, 1)}
	r.conns <- c
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = client.Write(in)
	}()
	answer, err := io.ReadAll(client)
	client.Close()
	<-written
	if err != nil {
		return nil, fmt.Errorf("the connection to the server: %w", err)
	}
	select {
	case seen := <-c.seen:
		return seen, nil
	default:
		return nil, fmt.Errorf("the server answers %q", answer)
	}
}

// readAnyExpectation reads what a server would answer 417 to.
func readAnyExpectation(in []byte) (*http.Request, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in)))
	if err == nil {
		delete(r.Header, "Host")
	}
	return r, err
}

// header is what net/http makes of the fields of h: it takes out what it has
// understood, and adds what HTTP/1.0 meant by Pragma.
func header(h *Head, keep func(i int) bool) http.Header {
	all := http.Header{}
	for i := range h.Len() {
		if keep(i) {
			name := textproto.CanonicalMIMEHeaderKey(string(h.Name(i)))
			all[name] = append(all[name], string(h.Value(i)))
		}
	}
	delete(all, "Transfer-Encoding")
	if h.Chunked() {
		delete(all, "Trailer")
	}
	if pragma := all["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" && all["Cache-Control"] == nil {
		all["Cache-Control"] = []string{"no-cache"}
	}
	return all
}

func everyField(int) bool { return true }

func sameHeader(a, b http.Header) bool {
	return maps.EqualFunc(a, b, func(a, b []string) bool { return fmt.Sprintf("%q", a) == fmt.Sprintf("%q", b) })
}
