package proxy

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// mostUnsent is how much of an answer the kernel keeps for a client before it
// makes us wait.
const mostUnsent = 128 << 10

// limitUnsent keeps the kernel from taking in megabytes for a client that reads
// slowly. It would then not ask for more until a third of that is gone, which
// looks like a client that does not read at all.
func limitUnsent(conn net.Conn) {
	sys, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, mostUnsent)
	})
}
