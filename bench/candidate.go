package main

import (
	"context"
	"fmt"
	"os"
)

// candidate is one proxy in one configuration.
type candidate interface {
	// Name is the row it has in the tables.
	Name() string
	// Prepare writes its files into the site's folder and says how to start it.
	Prepare(site) (launch, error)
	// Host is one that it routes.
	Host() string
	// Kind is what -candidates calls it.
	Kind() string
}

// site is what a candidate is given for one run.
type site struct {
	dir       string // its own, removed afterwards
	addr      string // where it has to listen
	upstreams []string
	self      string // this program
	tools     tools
}

// instance is a candidate that runs and has been found to do its work.
type instance struct {
	*process
	addr, host string
}

// start brings up a candidate. The caller stops it.
func start(ctx context.Context, c candidate, s site) (*instance, error) {
	addrs, err := freeAddrs(1)
	if err != nil {
		return nil, err
	}
	s.addr = addrs[0]
	l, err := c.Prepare(s)
	if err != nil {
		return nil, fmt.Errorf("preparing %s: %w", c.Name(), err)
	}
	p, err := startProcess(ctx, c.Name(), s.dir, l)
	if err != nil {
		return nil, err
	}
	err = untilReady(ctx, p, func() error { return spreads(ctx, s.addr, c.Host(), s.upstreams) })
	if err != nil {
		p.stop()
		return nil, err
	}
	return &instance{p, s.addr, c.Host()}, nil
}

// newDir is a folder that programs which give up root's rights can look into.
func newDir(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, "rota-bench-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}
