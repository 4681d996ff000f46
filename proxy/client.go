package proxy

import (
	"context"

	"github.com/rota-proxy/rota/proxy/h1"
)

// followClient ends the request when its client is gone, until the function it
// returns is called. Of a client of the engine it is known whether it only stopped
// sending, which gets it a grace; of those of other servers it is not.
func (x *exchange) followClient() (stop func()) {
	if client := h1.ClientOf(x.r); client != nil {
		client.Follow(x)
		return client.Unfollow
	}
	ended := context.AfterFunc(x.r.Context(), x.ClientGone)
	return func() { ended() }
}

// ClientGone implements [h1.Follower].
func (x *exchange) ClientGone() { x.cancel(errClientGone) }
