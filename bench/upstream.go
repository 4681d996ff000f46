package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// upstreamPorts is over how many the candidates have to spread requests.
const upstreamPorts = 4

// What the upstream server answers. It reads a body to its end first, as an
// application does.
const (
	path1KiB  = "/1KiB"
	path64KiB = "/64KiB"
	path1MiB  = "/1MiB"
	pathEcho  = "/echo" // the head as it came in, with upstreamField
	pathPost  = "/post" // two bytes
)

// upstreamField says which port was asked.
const upstreamField = "Bench-Upstream"

const upstreamBuffer = 32 << 10

// startUpstream runs the server as a process of its own.
func startUpstream(ctx context.Context, self, dir string) (*process, []string, error) {
	addrs, err := freeAddrs(upstreamPorts)
	if err != nil {
		return nil, nil, err
	}
	p, err := startProcess(ctx, roleUpstream, dir, launch{argv: append([]string{self, roleUpstream}, addrs...)})
	if err != nil {
		return nil, nil, err
	}
	for _, addr := range addrs {
		if err := untilReady(ctx, p, func() error { return answers(ctx, addr) }); err != nil {
			p.stop()
			return nil, nil, err
		}
	}
	return p, addrs, nil
}

// runUpstream is the role of that process: args are its addresses.
func runUpstream(args []string) error {
	u := newUpstream()
	var ports errgroup.Group
	for _, addr := range args {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		ports.Go(func() error { return u.serve(ln) })
	}
	return ports.Wait()
}

// upstream is a server that does as little as it can, so that what is measured
// is the proxy: answers lie ready, and head and body leave in one write.
type upstream struct{ answers map[string][]byte }

func newUpstream() *upstream {
	return &upstream{answers: map[string][]byte{
		path1KiB:  wireAnswer(bytes.Repeat([]byte("k"), 1<<10)),
		path64KiB: wireAnswer(bytes.Repeat([]byte("k"), 64<<10)),
		path1MiB:  wireAnswer(bytes.Repeat([]byte("M"), 1<<20)),
		pathPost:  wireAnswer([]byte("ok")),
	}}
}

func wireAnswer(body []byte) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Mon, 05 Jan 2026 10:00:00 GMT\r\n"+
		"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// serve returns when ln is closed and the last client has gone.
func (u *upstream) serve(ln net.Listener) error {
	var conns errgroup.Group
	for {
		conn, err := ln.Accept()
		if err != nil {
			_ = conns.Wait()
			return err
		}
		conns.Go(func() error {
			u.converse(conn)
			return nil
		})
	}
}

// converse answers one request after the other. What it does not understand is
// said on standard error: a candidate that sends it is not measured on.
func (u *upstream) converse(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReaderSize(conn, upstreamBuffer)
	for {
		asked, err := u.read(r)
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "upstream:", err)
			return
		}
		if asked.echo != nil {
			asked.answer = echo(asked.echo, conn.LocalAddr())
		}
		if _, err := r.Discard(asked.body); err != nil {
			return
		}
		if _, err := conn.Write(asked.answer); err != nil {
			return
		}
	}
}

// asked is a request as far as the server cares.
type asked struct {
	answer []byte
	echo   []byte // the head, if it is wanted back
	body   int
}

// read reads a head. io.EOF: there is none.
func (u *upstream) read(r *bufio.Reader) (asked, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return asked{}, io.EOF // whoever breaks off before or in a first line wants nothing
	}
	words := bytes.SplitN(line, []byte(" "), 3)
	if len(words) != 3 {
		return asked{}, fmt.Errorf("%q is no request", line)
	}
	a := asked{answer: u.answers[string(words[1])]}
	switch {
	case string(words[1]) == pathEcho:
		a.echo = bytes.Clone(line)
	case a.answer == nil:
		return a, fmt.Errorf("nothing to answer to %q", line)
	}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return a, fmt.Errorf("in the middle of a head: %w", err)
		}
		if a.echo != nil {
			a.echo = append(a.echo, line...)
		}
		if len(line) <= len("\r\n") {
			return a, nil
		}
		if err := a.field(line); err != nil {
			return a, err
		}
	}
}

var (
	contentLength    = []byte("content-length")
	transferEncoding = []byte("transfer-encoding")
)

func (a *asked) field(line []byte) (err error) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case bytes.EqualFold(name, contentLength):
		a.body, err = strconv.Atoi(string(bytes.TrimSpace(value)))
	case bytes.EqualFold(name, transferEncoding):
		err = fmt.Errorf("a body without a length: %q", line)
	}
	return err
}

func echo(head []byte, local net.Addr) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nDate: Mon, 05 Jan 2026 10:00:00 GMT\r\n%s: %s\r\nContent-Length: %d\r\n\r\n%s",
		upstreamField, local, len(head), head)
}
