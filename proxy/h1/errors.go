package h1

import (
	"errors"
	"time"
)

// writeStall is how long a peer may take no byte at all of what is written to it,
// where nothing else is said.
const writeStall = 60 * time.Second

var (
	// ErrTimeout ends a wait that lasted longer than it may.
	ErrTimeout = errors.New("it took too long")
	// ErrInterims ends an exchange in which interim responses do not end.
	ErrInterims = errors.New("too many interim responses")

	errUnclean = errors.New("the connection was closed, or carried bytes that nobody asked for")
	errCut     = errors.New("the message was cut off")

	errUploading = errors.New("the protocol was switched while the request was being sent")
)

// Stage is how far a request got before its exchange failed. It decides whether
// the request may be sent elsewhere.
type Stage uint8

const (
	// Unsent: no byte of it was written.
	Unsent Stage = iota
	// Unanswered: some of it was, and no byte of an answer has come.
	Unanswered
	// Answering: some of the answer has come.
	Answering
)

// ExchangeError is a request that got no answer from an Upstream.
type ExchangeError struct {
	Stage Stage
	Err   error
}

func (e *ExchangeError) Error() string { return e.Err.Error() }
func (e *ExchangeError) Unwrap() error { return e.Err }

// ClientError is a client that could not be written to.
type ClientError struct{ Err error }

func (e *ClientError) Error() string { return "writing to the client: " + e.Err.Error() }
func (e *ClientError) Unwrap() error { return e.Err }

// AnswerError is an answer that broke off, or broke the rules, in its body.
type AnswerError struct{ Err error }

func (e *AnswerError) Error() string { return "reading the answer's body: " + e.Err.Error() }
func (e *AnswerError) Unwrap() error { return e.Err }
