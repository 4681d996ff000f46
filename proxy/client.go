package proxy

import (
	"context"

	"github.com/rota-proxy/rota/proxy/h1"
)

// followClient ends the request when its client is gone, until unfollowClient is
// called. Of a client of the engine it is known whether it only stopped sending,
// which gets it a grace; of those of other servers it is not.
func (x *exchange) followClient() {
	if x.client = h1.ClientOf(x.r); x.client != nil {
		x.client.Follow(x)
		return
	}
	x.unfollow = context.AfterFunc(x.r.Context(), x.ClientGone)
}

// unfollowClient may be called twice.
func (x *exchange) unfollowClient() {
	if x.client != nil {
		x.client.Unfollow()
		return
	}
	x.unfollow()
}

// ClientGone implements [h1.Follower].
func (x *exchange) ClientGone() { x.cancel(errClientGone) }
