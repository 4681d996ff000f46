package proxy

import (
	"context"
	"io"
	"net/http"
	"time"
)

// carrier is how requests get to one Upstream. All of it may be used from any
// goroutine.
type carrier interface {
	// send has the request of x sent as attempt a, and waits for the head of the
	// answer. After an error the attempt's account says how far it got.
	send(x *exchange, a *attempt, c choice) (response, error)
	// ask asks for something harmless, to see whether there is an answer.
	ask(ctx context.Context) error
	// closeIdle closes the connections that no request uses.
	closeIdle()
	// retire is closeIdle for good: those in use are closed after their request.
	retire()
}

// response is an Upstream's answer, its body on the way. The goroutine of the
// attempt owns it, and ends it with close.
type response interface {
	status() int
	// header is for the caller to change. Ask for it before the body.
	header() http.Header
	// silent: a body of this kind may stand still for ever.
	silent() bool
	// length of the body, -1 if only its end will tell.
	length() int64
	// next is a piece of the body, valid until the next call; io.EOF at the end.
	// No byte may take longer than stall to come; 0 is for ever.
	next(stall time.Duration) ([]byte, error)
	// trailer is the fields that follow the body: announced ones without values
	// before its end, and all afterwards.
	trailer() http.Header
	// hijack gives away the connection of a 101.
	hijack() (io.ReadWriteCloser, error)
	close()
}
