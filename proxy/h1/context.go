package h1

import (
	"context"
	"net"
	"net/http"

	"github.com/rota-proxy/rota/internal/lifetime"
)

// requestContext is the context of a connection's requests. It is the same for
// one after the other as long as nobody waits for its end: making one for each
// would cost more than parsing the request. Who waits gets his at the end of the
// request, and the next request a new one.
type requestContext struct {
	lifetime.Lifetime
	client *Client
	local  net.Addr

	// template is a request that has the context, which nothing but WithContext
	// can give it.
	template *http.Request
}

func newRequestContext(c *serverConn) *requestContext {
	x := &requestContext{client: (*Client)(c), local: c.link.conn.LocalAddr()}
	x.template = (&http.Request{}).WithContext(x)
	return x
}

// Value knows the connection and the local address.
func (x *requestContext) Value(key any) any {
	switch key {
	case clientKey{}:
		return x.client
	case http.LocalAddrContextKey:
		return x.local
	}
	return nil
}

// beginContext gives the request at hand its context.
func (c *serverConn) beginContext() *requestContext {
	x := c.context.Load()
	if x == nil {
		x = newRequestContext(c)
		c.context.Store(x)
	}
	if c.halfEnd.Load() != 0 {
		c.halfEnd.Store(0)
	}
	return x
}

// endContext ends the request's context for who follows it, if somebody does.
func (c *serverConn) endContext() (followed bool) {
	x := c.context.Load()
	if x == nil || !x.Followed() {
		return false
	}
	x.End(context.Canceled)
	c.context.Store(nil)
	return true
}

// cancelContext ends the context before the request.
func (c *serverConn) cancelContext() {
	if x := c.context.Load(); x != nil {
		x.End(context.Canceled)
	}
}
