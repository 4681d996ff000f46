package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// haproxy with two threads. Idle connections to the upstreams serve whoever
// comes, as those of the others do.
type haproxy struct{}

func (haproxy) Name() string { return nameHAProxy }

func (haproxy) Host() string { return benchHost }

func (haproxy) Kind() string { return nameHAProxy }

func (h haproxy) Prepare(s site) (launch, error) {
	file := filepath.Join(s.dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(h.configuration(s)), 0o644); err != nil {
		return launch{}, err
	}
	return launch{argv: []string{s.tools.haproxy, "-db", "-f", file}}, nil
}

func (haproxy) configuration(s site) string {
	var servers strings.Builder
	for i, addr := range s.upstreams {
		fmt.Fprintf(&servers, "    server u%d %s\n", i, addr)
	}
	return fmt.Sprintf(`global
    nbthread 2
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 10m
    timeout server 60s
    timeout http-keep-alive 10m
    http-reuse always
    option forwardfor
frontend bench
    bind %s backlog 4096
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %%[req.hdr(Host)]
    default_backend upstreams
backend upstreams
    balance roundrobin
%s`, s.addr, servers.String())
}
