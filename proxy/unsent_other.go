//go:build !linux

package proxy

import "net"

// limitUnsent is left to the system's defaults.
func limitUnsent(net.Conn) {}
