//go:build unix

package proxy

import "golang.org/x/sys/unix"

// spareDescriptors are for everything but the connections of clients and
// Upstreams.
const spareDescriptors = 128

// connsAllowed is how many clients the process's descriptors are enough for.
func connsAllowed() int {
	const unlimited = 1 << 20
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > unlimited {
		return unlimited / 2
	}
	return max(1, (int(limit.Cur)-spareDescriptors)/2)
}
