package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/rota-proxy/rota/internal/testrig/strict"
)

// conversant is a client as the rows have it. Every wait ends with ctx.
type conversant interface {
	// perform does a step of the client's.
	perform(ctx context.Context, s step) error
	// head is the head of the next response, be it an interim one.
	head(ctx context.Context) (*strict.Head, error)
	// start waits for the first n bytes of the last response's content.
	start(ctx context.Context, n int) ([]byte, error)
	// finish reads the last response to its end; toHead says that it answers a
	// HEAD. errCut is a response that is visibly not whole.
	finish(ctx context.Context, toHead bool) ([]byte, strict.Fields, error)
	// ended waits until the proxy has closed the connection, and nothing came
	// before that.
	ended(ctx context.Context) error
	// refused waits for the refusal of a request in whatever form: an answer
	// with one of the statuses, which are parted by bars, or an end.
	refused(ctx context.Context, statuses string) error
	// raw waits for bytes after a switch of protocols.
	raw(ctx context.Context, n int) ([]byte, error)
	close()
}

var errCut = errors.New("the response was cut")

// plainClient speaks HTTP/1.1, or what the row makes of it.
type plainClient struct {
	*net.TCPConn
	in      *strict.Reader
	last    *strict.Head
	body    *strict.Body
	started []byte // read of body already
	byByte  bool
}

func dialPlain(address string, byByte bool) (conversant, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &plainClient{TCPConn: c.(*net.TCPConn), in: strict.NewReader(c), byByte: byByte}, nil
}

func (c *plainClient) perform(ctx context.Context, s step) error {
	switch {
	case s.kind == clientBytes:
		// A proxy that refuses may close before it has read everything.
		if err := writeTo(c.TCPConn, s.bytes, c.byByte); err != nil && !isClosing(err) {
			return err
		}
		return nil
	case s.words == "fin":
		return c.CloseWrite()
	case s.words == "close":
		return c.TCPConn.Close()
	case s.words == "reset":
		_ = c.SetLinger(0)
		return c.TCPConn.Close()
	}
	return fmt.Errorf("an HTTP/1.1 client cannot %s %q", s.kind, s.words)
}

// bound makes reads end with ctx.
func (c *plainClient) bound(ctx context.Context) {
	at, _ := ctx.Deadline()
	_ = c.SetReadDeadline(at)
}

func (c *plainClient) head(ctx context.Context) (*strict.Head, error) {
	c.bound(ctx)
	h, err := c.in.ResponseHead()
	if err != nil {
		return nil, fmt.Errorf("reading a response: %w", err)
	}
	c.last, c.body, c.started = h, nil, nil
	return h, nil
}

func (c *plainClient) content(toHead bool) *strict.Body {
	if c.body == nil {
		c.body = c.in.ResponseBody(c.last, toHead)
	}
	return c.body
}

func (c *plainClient) start(ctx context.Context, n int) ([]byte, error) {
	c.bound(ctx)
	if n <= len(c.started) {
		return c.started[:n], nil
	}
	more := make([]byte, n-len(c.started))
	got, err := io.ReadFull(c.content(false), more)
	c.started = append(c.started, more[:got]...)
	return c.started, err
}

func (c *plainClient) finish(ctx context.Context, toHead bool) ([]byte, strict.Fields, error) {
	c.bound(ctx)
	b := c.content(toHead)
	rest, err := io.ReadAll(b)
	c.started = append(c.started, rest...)
	if isClosing(err) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errCut
	}
	return c.started, b.Trailers, err
}

func (c *plainClient) ended(ctx context.Context) error {
	c.bound(ctx)
	switch err := c.in.Wait(); {
	case err == nil:
		return errors.New("the connection goes on with further bytes")
	case errors.Is(err, io.EOF), isClosing(err):
		return nil
	default:
		return fmt.Errorf("the connection is not closed: %w", err)
	}
}

func (c *plainClient) refused(ctx context.Context, statuses string) error {
	if c.ended(ctx) == nil {
		return nil
	}
	h, err := c.head(ctx)
	if err != nil {
		return err
	}
	if !isOneOf(h.Status, statuses) {
		return fmt.Errorf("the answer is %d", h.Status)
	}
	if _, _, err := c.finish(ctx, false); err != nil {
		return err
	}
	return c.ended(ctx)
}

func (c *plainClient) raw(ctx context.Context, n int) ([]byte, error) {
	c.bound(ctx)
	p := make([]byte, n)
	got, err := io.ReadFull(c.in.Rest(), p)
	return p[:got], err
}

func (c *plainClient) close() { c.TCPConn.Close() }
