package proxy

import "context"

// followClient ends the request when its client is gone, until unfollowClient is
// called. Of a client of the engine it is known whether it only stopped sending,
// which gets it a grace; of those of other servers it is not.
func (x *exchange) followClient() {
	if x.in.client != nil {
		x.following.Follower = x
		x.in.client.Follow(&x.following)
		return
	}
	x.unfollow = context.AfterFunc(x.r.Context(), x.ClientGone)
}

// unfollowClient may be called twice.
func (x *exchange) unfollowClient() {
	if x.in.client != nil {
		x.in.client.Unfollow()
		return
	}
	x.unfollow()
}

// ClientGone implements [h1.Follower].
func (x *exchange) ClientGone() { x.cancel(errClientGone) }
