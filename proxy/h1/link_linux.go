package h1

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawIO: sockets are read and written by the calls below.
const rawIO = true

// recv and send are system calls on a non-blocking socket. They cannot block, so
// the scheduler need not know of them: RawSyscall.

func recv(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

func send(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
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
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&message)), syscall.MSG_NOSIGNAL)
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
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
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&one)), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
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
