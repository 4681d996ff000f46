package main

import (
	"io"
	"os"
)

// role is what this program does as a child of itself, until it is ended.
type role func(args []string) error

const (
	roleUpstream     = "upstream"
	roleReverseProxy = "reverseproxy"
)

// roleNamed is nil for everything else.
func roleNamed(name string) role {
	switch name {
	case roleUpstream:
		return runUpstream
	case roleReverseProxy:
		return runReverseProxy
	}
	return nil
}

// runRole ends the role with its parent, which holds the other end of standard
// input and cannot tell anybody when it is killed. Whichever of the two is left
// ends with the process.
func runRole(r role, args []string) error {
	done := make(chan error, 2)
	go func() { done <- r(args) }()
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		done <- err
	}()
	return <-done
}
