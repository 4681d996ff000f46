package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// readyWithin bounds the start of a program; a rota with ten thousand
	// hosts connects to every Upstream first.
	readyWithin = time.Minute
	readyEvery  = 20 * time.Millisecond
)

// untilReady asks until there is no error any more. What is ready at last must
// be ready within readyWithin, and not have ended.
func untilReady(ctx context.Context, p *process, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	again := time.NewTicker(readyEvery)
	defer again.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if ended := p.ended(); ended != nil {
			return ended
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready (%w): %w%s", p.name, ctx.Err(), err, p.lastWords())
		case <-again.C:
		}
	}
}

// answers says whether something at addr answers at all.
func answers(ctx context.Context, addr string) error {
	c, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.ask(get(pathEcho, "bench.test"))
	return err
}

// spreads checks that the proxy at addr does for host what all candidates do:
// requests go to all upstreams in turn over HTTP/1.1, Host is passed on and the
// forwarding fields are added.
func spreads(ctx context.Context, addr, host string, upstreams []string) error {
	c, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	var met []string
	for range 2 * len(upstreams) {
		answer, err := c.ask(get(pathEcho, host))
		if err != nil {
			return err
		}
		met = append(met, answer.Header.Get(upstreamField))
		if err := checkEcho(answer.body, host); err != nil {
			return err
		}
	}
	for _, u := range upstreams {
		if !slices.Contains(met, u) {
			return fmt.Errorf("%d requests did not reach all of the %d upstreams: %s", len(met), len(upstreams), strings.Join(met, ", "))
		}
	}
	return nil
}

// checkEcho looks at the head that reached the upstream.
func checkEcho(head []byte, host string) error {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return fmt.Errorf("what reached the upstream is no request: %w: %q", err, head)
	}
	found := map[string]string{
		"protocol": r.Proto, "Host": r.Host,
		"X-Forwarded-For":   r.Header.Get("X-Forwarded-For"),
		"X-Forwarded-Proto": r.Header.Get("X-Forwarded-Proto"),
		"X-Forwarded-Host":  r.Header.Get("X-Forwarded-Host"),
	}
	for name, want := range map[string]string{
		"protocol": "HTTP/1.1", "Host": host,
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": host,
	} {
		if found[name] != want {
			return fmt.Errorf("the upstream gets %s %q instead of %q", name, found[name], want)
		}
	}
	return nil
}
