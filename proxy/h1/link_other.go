//go:build !linux

package h1

import (
	"net"
	"syscall"
)

// rawIO: everything goes through net.Conn here.
const rawIO = false

func recv(uintptr, []byte) (int, syscall.Errno) { panic("BUG: no raw reads on this system") }
func sendBoth(uintptr, []byte, []byte) (int, syscall.Errno) {
	panic("BUG: no raw writes on this system")
}

func quiet(uintptr) bool { panic("BUG: no raw reads on this system") }

func (l *link) onSendable(uintptr) {}
func (l *link) onPeekable(uintptr) {}

func (l *link) sendNow([]byte) (int, syscall.Errno) { return 0, syscall.EAGAIN }

// sound cannot be told here without taking bytes away: a request that meets a
// closed connection is repeated if it may be.
func (l *link) sound() bool { return true }

type presence int

const (
	here presence = iota
	halfClosed
	gone
)

// presenceOf cannot be told here: that a client has left is noticed when it is
// written to.
func presenceOf(net.Conn) presence { return here }
