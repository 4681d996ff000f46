package main

import (
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// reverseProxy is what a few lines of Go give: net/http's server and
// httputil.ReverseProxy, with connections to the upstreams kept in any number
// and buffers used again.
type reverseProxy struct{}

func (reverseProxy) Name() string { return nameReverseProxy }

func (reverseProxy) Host() string { return benchHost }

func (reverseProxy) Kind() string { return nameReverseProxy }

func (reverseProxy) Prepare(s site) (launch, error) {
	return launch{argv: append([]string{s.self, roleReverseProxy, s.addr}, s.upstreams...)}, nil
}

// runReverseProxy is the role of its process: args are its own address and the
// upstreams'.
func runReverseProxy(args []string) error {
	if len(args) < 2 {
		return errors.New(roleReverseProxy + " takes its own address and those of its upstreams")
	}
	server := http.Server{Addr: args[0], Handler: newReverseProxy(args[1:])}
	return server.ListenAndServe()
}

func newReverseProxy(upstreams []string) *httputil.ReverseProxy {
	var turn atomic.Uint32
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			addr := upstreams[int(turn.Add(1))%len(upstreams)]
			r.SetURL(&url.URL{Scheme: "http", Host: addr})
			r.Out.Host = r.In.Host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
		},
		Transport:  &http.Transport{MaxIdleConnsPerHost: 4096, DisableCompression: true, IdleConnTimeout: time.Minute},
		BufferPool: newBufferPool(),
	}
}

// bufferPool satisfies httputil.BufferPool.
type bufferPool struct{ pool sync.Pool }

// copyBuffer is what ReverseProxy itself would make for every answer.
const copyBuffer = 32 << 10

func newBufferPool() *bufferPool {
	return &bufferPool{sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }}}
}

func (p *bufferPool) Get() []byte { return *p.pool.Get().(*[]byte) }

func (p *bufferPool) Put(b []byte) { p.pool.Put(&b) }
