package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// askTimeout bounds one request of ours.
const askTimeout = 5 * time.Second

// client is one connection on which requests are sent one after the other.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(ctx context.Context, addr string) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReaderSize(conn, 4<<10)}, nil
}

// answer is one with its body.
type answer struct {
	*http.Response
	body []byte
}

// get is a request as wrk sends it.
func get(path, host string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host)
}

// ask sends a request and reads the answer; one other than 200 is an error.
func (c *client) ask(request []byte) (answer, error) {
	if err := c.SetDeadline(time.Now().Add(askTimeout)); err != nil {
		return answer{}, err
	}
	if _, err := c.Write(request); err != nil {
		return answer{}, err
	}
	return c.answer()
}

func (c *client) answer() (answer, error) {
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return answer{}, err
	case response.StatusCode != http.StatusOK:
		return answer{}, fmt.Errorf("the answer is %s: %s", response.Status, bytes.TrimSpace(body))
	}
	return answer{response, body}, nil
}
