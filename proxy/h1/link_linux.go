package h1

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawIO: sockets are read and written by the calls below.
const rawIO = true

// onSocket makes a system call on a non-blocking socket, again if a signal came
// between. It cannot block, so the scheduler need not know of it: RawSyscall.
func onSocket(trap, fd uintptr, p unsafe.Pointer, n, flags uintptr) (int, syscall.Errno) {
	for {
		got, _, errno := syscall.RawSyscall6(trap, fd, uintptr(p), n, flags, 0, 0)
		switch errno {
		case 0:
			return int(got), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

func recv(fd uintptr, p []byte) (int, syscall.Errno) {
	return onSocket(syscall.SYS_RECVFROM, fd, unsafe.Pointer(unsafe.SliceData(p)), uintptr(len(p)), 0)
}

func send(fd uintptr, p []byte) (int, syscall.Errno) {
	return onSocket(syscall.SYS_SENDTO, fd, unsafe.Pointer(unsafe.SliceData(p)), uintptr(len(p)), syscall.MSG_NOSIGNAL)
}

// sendBoth sends two pieces as one.
func sendBoth(fd uintptr, p, q []byte) (int, syscall.Errno) {
	if len(q) == 0 {
		return send(fd, p)
	}
	pieces := [2]syscall.Iovec{{Base: unsafe.SliceData(p)}, {Base: unsafe.SliceData(q)}}
	pieces[0].SetLen(len(p))
	pieces[1].SetLen(len(q))
	message := syscall.Msghdr{Iov: &pieces[0], Iovlen: 2}
	return onSocket(syscall.SYS_SENDMSG, fd, unsafe.Pointer(&message), syscall.MSG_NOSIGNAL, 0)
}

// sendNow writes what the socket takes at once.
func (l *link) sendNow(p []byte) (n int, errno syscall.Errno) {
	l.out = p
	err := l.raw.Control(l.sendable)
	l.out = nil
	if err != nil {
		return 0, syscall.EPIPE
	}
	return l.sent, l.errno
}

func (l *link) onSendable(fd uintptr) { l.sent, l.errno = send(fd, l.out) }

// sound says whether an idle connection can be used again: still open, and
// nothing has come that nobody asked for.
func (l *link) sound() bool {
	if l.raw == nil {
		return true
	}
	err := l.raw.Control(l.peekable)
	return err == nil && l.calm
}

func (l *link) onPeekable(fd uintptr) { l.calm = quiet(fd) }

// quiet says whether neither a byte nor the end has come.
func quiet(fd uintptr) bool {
	var one [1]byte
	_, errno := onSocket(syscall.SYS_RECVFROM, fd, unsafe.Pointer(&one), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return errno == syscall.EAGAIN
}

// presence is what can be told of the other side without reading.
type presence int

const (
	here       presence = iota
	halfClosed          // it will send no more, and may still read
	gone                // it has reset the connection
)

// presenceOf looks at a socket, whatever may wait in it to be read.
func presenceOf(conn net.Conn) presence {
	sys, ok := conn.(syscall.Conn)
	if !ok {
		return here
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return here
	}
	state := here
	_ = raw.Control(func(fd uintptr) {
		set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if n, err := unix.Poll(set, 0); n != 1 || err != nil {
			return
		}
		switch events := set[0].Revents; {
		case events&(unix.POLLERR|unix.POLLHUP) != 0:
			state = gone
		case events&unix.POLLRDHUP != 0:
			state = halfClosed
		}
	})
	return state
}
