package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/spec"
)

const upgradeRequest = "GET /chat HTTP/1.1\r\nHost: t.test\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"

// dialRaw opens a plain connection to the proxy.
func (g *rig) dialRaw() (net.Conn, *bufio.Reader) {
	g.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(g.base, "http://"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(testrig.Patience))
	return c, bufio.NewReader(c)
}

// echo upgrades to protocol and returns what it is sent, then half-closes.
func echo(t *testing.T, protocol string) string {
	return testrig.RawServer(t, func(c *net.TCPConn) {
		if !testrig.ReadHead(c) {
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocol)
		io.Copy(c, c)
		io.WriteString(c, "bye")
	})
}

func TestUpgrade(t *testing.T) {
	g := newRig(t, Options{})
	g.mux.Apply(target(upstream("echo", echo(t, "websocket"))))
	g.ready(1)
	c, r := g.dialRaw()
	fmt.Fprintf(c, upgradeRequest, "websocket")
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "websocket" {
		t.Fatalf("got %v, error %v", res, err)
	}
	io.WriteString(c, "hello")
	c.(*net.TCPConn).CloseWrite() // the half-close must pass, and the rest come back
	if got, err := io.ReadAll(r); string(got) != "hellobye" || err != nil {
		t.Errorf("read %q, error %v", got, err)
	}
}

func TestUpgradeToSomethingElse(t *testing.T) {
	g := newRig(t, Options{})
	g.mux.Apply(target(upstream("echo", echo(t, "irc"))))
	g.ready(1)
	c, r := g.dialRaw()
	fmt.Fprintf(c, upgradeRequest, "websocket")
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 502 {
		t.Errorf("got %v, error %v, want 502", res, err)
	}
}

// Only websocket is passed on; h2c least of all.
func TestUpgradeIsNotPassedOn(t *testing.T) {
	a := newBackend(t, "a", nil)
	g := newRig(t, Options{})
	g.mux.Apply(target(a.upstream()))
	g.ready(1)
	for _, protocol := range []string{"h2c", "TLS/1.2"} {
		c, r := g.dialRaw()
		fmt.Fprintf(c, upgradeRequest, protocol)
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != 200 || a.last().Header.Get("Upgrade") != "" {
			t.Errorf("%s: got %v, error %v; the Upstream saw Upgrade %q", protocol, res, err, a.last().Header.Get("Upgrade"))
		}
		c.Close()
	}
}

// An upgraded connection ends with the drain time, and its place is free.
func TestUpgradeDrains(t *testing.T) {
	address := echo(t, "websocket")
	g := newRig(t, Options{})
	def := target(upstream("echo", address))
	def.Drain = 20 * time.Millisecond
	g.mux.Apply(def)
	g.ready(1)
	c, r := g.dialRaw()
	fmt.Fprintf(c, upgradeRequest, "websocket")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	def.Upstreams = []spec.Upstream{upstream("echo", address)}
	def.Upstreams[0].Phase = spec.Signalled
	g.mux.Apply(def)
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("the end of the connection was %v", err)
	}
	testrig.Eventually(t, "the Upstream to be idle", func() bool { return g.mux.Targets()[0].Upstreams[0].InFlight == 0 })
}
