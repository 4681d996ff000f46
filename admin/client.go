package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// ErrUnauthorized means that the listener asks for a token and got none or
// another.
var ErrUnauthorized = errors.New("the token is missing or wrong")

// clientTimeout bounds one request of the Client as a whole.
const clientTimeout = 5 * time.Second

// maxAnswer bounds what the Client reads of an answer.
const maxAnswer = 256 << 20

// Client asks a running proxy. Make it with NewClient; it may be used by
// several goroutines and need not be closed.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient makes a Client of the listener at addr (host:port); a wildcard
// address is reached by loopback. token may be empty.
func NewClient(addr, token string) *Client {
	return &Client{
		base:  "http://" + dialable(addr),
		token: token,
		http: &http.Client{
			Timeout: clientTimeout,
			// The listener is near: proxies of the environment are not asked.
			Transport: &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return errors.New("the answer is a redirect, which rota never sends")
			},
		},
	}
}

// dialable turns the address something listens on into one to dial.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		// A wildcard listener of Go takes both families.
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// Containers asks for every container.
func (c *Client) Containers(ctx context.Context) (ContainersAnswer, error) {
	var answer ContainersAnswer
	return answer, c.get(ctx, pathContainers, &answer)
}

// Targets asks for what is served.
func (c *Client) Targets(ctx context.Context) (TargetsAnswer, error) {
	var answer TargetsAnswer
	return answer, c.get(ctx, pathTargets, &answer)
}

// Health asks whether the process is alive; nil is yes.
func (c *Client) Health(ctx context.Context) error {
	var answer Health
	return c.get(ctx, pathHealth, &answer)
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", c.base, err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	body := io.LimitReader(response.Body, maxAnswer)
	if response.StatusCode != http.StatusOK {
		return failed(path, response, body)
	}
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	return nil
}

// withoutURL drops method and URL, which say nothing to who typed neither.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func failed(path string, response *http.Response, body io.Reader) error {
	if response.StatusCode == http.StatusUnauthorized {
		return ErrUnauthorized
	}
	var failure Failure
	if err := json.NewDecoder(body).Decode(&failure); err != nil || failure.Error == "" {
		return fmt.Errorf("%s answered %s", path, response.Status)
	}
	return fmt.Errorf("%s answered %s: %s", path, response.Status, failure.Error)
}
