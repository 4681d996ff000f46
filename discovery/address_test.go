package discovery

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/discovery/labels"
)

// on puts a container on a network: `edge 10.1.0.5/16 via 10.1.0.1`.
func on(texts ...string) []attachment {
	var all []attachment
	for _, text := range texts {
		fields := strings.Fields(text)
		a := attachment{Name: fields[0], ID: "id-of-" + fields[0]}
		for i, f := range fields[1:] {
			switch {
			case f == "via":
				a.Gateway = netip.MustParseAddr(fields[i+2])
			case strings.Contains(f, "/") && strings.Contains(f, ":"):
				a.IPv6 = netip.MustParsePrefix(f)
			case strings.Contains(f, "/"):
				a.IPv4 = netip.MustParsePrefix(f)
			}
		}
		all = append(all, a)
	}
	sortAttachments(all)
	return all
}

// ports publishes: `8080 on 0.0.0.0:32768`.
func ports(texts ...string) []publication {
	var all []publication
	for _, text := range texts {
		inner, outer, _ := strings.Cut(text, " on ")
		at := netip.MustParseAddrPort(outer)
		all = append(all, publication{netip.MustParseAddrPort("0.0.0.0:" + inner).Port(), at.Addr(), at.Port()})
	}
	sortPublications(all)
	return all
}

// boxed is a container of compose project shop, service web, on networks.
func boxed(networks ...string) container {
	return container{
		ID: "web-id", Name: "shop-web-1", State: stateRunning, NetworkMode: "shop_default", Exposed: []uint16{8080}, Networks: on(networks...),
		Labels: map[string]string{labelProject: "shop", labelService: "web"},
	}
}

// proxyIn is the outlook from a container of project infra on networks.
func proxyIn(networks ...string) outlook {
	return outlook{
		Self: &container{
			ID: "rota-id", Name: "infra-rota-1", State: stateRunning, NetworkMode: "infra_default", Networks: on(networks...),
			Labels: map[string]string{labelProject: "infra", labelService: "rota"},
		},
		Namespace: "rota-id", Prefix: "rota", OwnPorts: []int{80, 9900},
	}
}

// proxyOn is the outlook from a host with interfaces.
func proxyOn(interfaces ...string) outlook {
	o := outlook{Prefix: "rota", OwnPorts: []int{80, 9900}}
	for _, i := range interfaces {
		o.Interfaces = append(o.Interfaces, netip.MustParsePrefix(i))
	}
	return o
}

func edit[T any](v T, change func(*T)) T {
	change(&v)
	return v
}

func TestAddress(t *testing.T) {
	const edge, back, v6 = "edge 10.1.0.5/16 via 10.1.0.1", "back 10.2.0.5/16 via 10.2.0.1", "six fd00:6::5/64"
	const docker0, lan = "172.17.0.1/16", "192.168.1.7/24"
	bridge := "bridge 172.17.0.5/16 via 172.17.0.1"
	remote := outlook{Prefix: "rota", Remote: netip.MustParseAddr("203.0.113.9")}
	hosted := func(c *container) { c.NetworkMode, c.Networks = "host", on("host") }
	cases := []struct {
		name  string
		from  outlook
		to    container
		owner *container
		want  labels.Upstream
		addr  string // address, ` local` if it is, ` relayed` if it is
		code  Code   // of what is said: why there is no way, or a note
		fix   string // a part of it
	}{
		// In a container.
		{name: "shared network", from: proxyIn("edge 10.1.0.2/16"), to: boxed(edge), addr: "10.1.0.5:8080 local"},
		{name: "of several the first by name", from: proxyIn("edge 10.1.0.2/16", "back 10.2.0.2/16"), to: boxed(edge, back), addr: "10.2.0.5:8080 local"},
		{
			name: "the proxy's preference", from: edit(proxyIn("edge 10.1.0.2/16", "back 10.2.0.2/16"), func(o *outlook) { o.Network = "edge" }),
			to: boxed(edge, back), addr: "10.1.0.5:8080 local",
		},
		{
			name: "a preference is no condition", from: edit(proxyIn("back 10.2.0.2/16"), func(o *outlook) { o.Network = "edge" }),
			to: boxed(back), addr: "10.2.0.5:8080 local",
		},
		{
			name: "the label before the preference", from: edit(proxyIn("edge 10.1.0.2/16", "back 10.2.0.2/16"), func(o *outlook) { o.Network = "back" }),
			to: boxed(edge, back), want: labels.Upstream{Network: "edge"}, addr: "10.1.0.5:8080 local",
		},
		{
			name: "label with the name inside the container's project", from: proxyIn("shop_edge 10.1.0.2/16", "back 10.2.0.2/16"),
			to: boxed("shop_edge 10.1.0.5/16", back), want: labels.Upstream{Network: "edge"}, addr: "10.1.0.5:8080 local",
		},
		{
			name: "label with the name inside the proxy's project", from: proxyIn("infra_edge 10.1.0.2/16", "back 10.2.0.2/16"),
			to: boxed("infra_edge 10.1.0.5/16", back), want: labels.Upstream{Network: "edge"}, addr: "10.1.0.5:8080 local",
		},
		{
			name: "the plain name before the qualified one", from: proxyIn("shop_edge 10.1.0.2/16", "edge 10.2.0.2/16"),
			to: boxed("shop_edge 10.1.0.5/16", "edge 10.2.0.5/16"), want: labels.Upstream{Network: "edge"}, addr: "10.2.0.5:8080 local",
		},
		{
			name: "label names a network the container is not on", from: proxyIn("edge 10.1.0.2/16"), to: boxed(edge),
			want: labels.Upstream{Network: "egde"}, code: CodeNotOnNetwork, fix: "networks: [edge, egde]\nnetworks:\n  egde: {}",
		},
		{
			name: "label names a network the proxy is not on", from: proxyIn("edge 10.1.0.2/16"), to: boxed(edge, back),
			want: labels.Upstream{Network: "back"}, code: CodeNotOnNetwork, fix: "  rota:\n    networks: [edge, back]\nnetworks:\n  back: { external: true }",
		},
		{
			name: "label to a network the proxy is not on is not got round by a published port", from: proxyIn("edge 10.1.0.2/16 via 10.1.0.1"),
			to:   edit(boxed(back), func(c *container) { c.Published = ports("8080 on 0.0.0.0:8080") }),
			want: labels.Upstream{Network: "back"}, code: CodeNotOnNetwork,
		},
		{
			name: "same name, other network", from: edit(proxyIn("edge 10.1.0.2/16"), func(o *outlook) { o.Self.Networks[0].ID = "another" }),
			to: boxed(edge), code: CodeNoNetwork,
		},
		{
			name: "nothing shared", from: proxyIn("edge 10.1.0.2/16 via 10.1.0.1"), to: boxed("shop_default 10.3.0.5/16"), code: CodeNoNetwork,
			fix: "services:\n  web:\n    networks: [default, edge]\nnetworks:\n  edge: { external: true }",
		},
		{
			name: "nothing shared, proxy only on the default bridge", from: proxyIn("bridge 172.17.0.2/16"), to: boxed("shop_default 10.3.0.5/16"), code: CodeNoNetwork,
			fix: "services:\n  rota:\n    networks: [shop_default]\nnetworks:\n  shop_default: { external: true }",
		},
		{
			name: "nothing shared with a container compose did not make", from: proxyIn("edge 10.1.0.2/16"),
			to: edit(boxed("back 10.3.0.5/16"), func(c *container) { c.Labels = nil }), code: CodeNoNetwork, fix: "docker network connect edge shop-web-1",
		},
		{
			name: "nothing shared, published", from: proxyIn("edge 10.1.0.2/16 via 10.1.0.1"),
			to:   edit(boxed("shop_default 10.3.0.5/16"), func(c *container) { c.Published = ports("8080 on 0.0.0.0:32768", "8080 on [::]:32768") }),
			addr: "10.1.0.1:32768 local relayed", code: CodePublished,
		},
		{
			name: "nothing shared, published on an address of the host", from: proxyIn("edge 10.1.0.2/16 via 10.1.0.1"),
			to:   edit(boxed("shop_default 10.3.0.5/16"), func(c *container) { c.Published = ports("8080 on 192.168.1.7:81") }),
			addr: "192.168.1.7:81 relayed", code: CodePublished,
		},
		{
			name: "nothing shared, published on the host's loopback", from: proxyIn("edge 10.1.0.2/16 via 10.1.0.1"),
			to: edit(boxed("shop_default 10.3.0.5/16"), func(c *container) { c.Published = ports("8080 on 127.0.0.1:81") }), code: CodeNoNetwork,
		},
		{name: "IPv6 where there is no IPv4", from: proxyIn("six fd00:6::2/64"), to: boxed(v6), addr: "[fd00:6::5]:8080 local"},
		{name: "IPv4 where there are both", from: proxyIn("dual 10.6.0.2/16 fd00:6::2/64"), to: boxed("dual 10.6.0.5/16 fd00:6::5/64"), addr: "10.6.0.5:8080 local"},
		{name: "the family both have", from: proxyIn("dual fd00:6::2/64"), to: boxed("dual 10.6.0.5/16 fd00:6::5/64"), addr: "[fd00:6::5]:8080 local"},
		{name: "attached without an address", from: proxyIn("edge 10.1.0.2/16"), to: boxed("edge"), code: CodeNoAddress},
		{
			name: "on the host's network", from: proxyIn("edge 10.1.0.2/16", "front 10.4.0.2/16 via 10.4.0.1"),
			to: edit(boxed(), hosted), want: labels.Upstream{Port: 3000}, addr: "10.4.0.1:3000 local",
		},
		{name: "on the host's network without a port", from: proxyIn("front 10.4.0.2/16 via 10.4.0.1"), to: edit(boxed(), hosted), code: CodePortNeeded, fix: `rota.port: "8080"`},
		{
			name: "on the host's network, the proxy's published port",
			from: edit(proxyIn("front 10.4.0.2/16 via 10.4.0.1"), func(o *outlook) { o.Self.Published = ports("80 on 0.0.0.0:8000") }),
			to:   edit(boxed(), hosted), want: labels.Upstream{Port: 8000}, code: CodeOwnPort,
		},
		{name: "on the host's network, no gateway", from: proxyIn("edge 10.1.0.2/16"), to: edit(boxed(), hosted), want: labels.Upstream{Port: 3000}, code: CodeNoNetwork},
		{
			name: "on the proxy's own network namespace", from: proxyIn("edge 10.1.0.2/16"),
			to:    edit(boxed(), func(c *container) { c.NetworkMode = "container:rota-id" }),
			owner: &container{ID: "rota-id", State: stateRunning, Networks: on("edge 10.1.0.2/16")}, addr: "127.0.0.1:8080 local",
		},
		{
			name: "on the proxy's own network namespace, its own port", from: proxyIn("edge 10.1.0.2/16"),
			to:    edit(boxed(), func(c *container) { c.NetworkMode = "container:rota-id" }),
			owner: &container{ID: "rota-id", State: stateRunning}, want: labels.Upstream{Port: 9900}, code: CodeOwnPort,
		},
		{
			name: "beside the proxy on the network of a third", from: edit(proxyIn("edge 10.1.0.2/16"), func(o *outlook) { o.Namespace = "vpn-id" }),
			to:    edit(boxed(), func(c *container) { c.NetworkMode = "container:vpn-id" }),
			owner: &container{ID: "vpn-id", State: stateRunning, Networks: on("edge 10.1.0.2/16")}, addr: "127.0.0.1:8080 local",
		},
		{
			name: "on another's network", from: proxyIn("edge 10.1.0.2/16"), to: edit(boxed(), func(c *container) { c.NetworkMode = "container:vpn-id" }),
			owner: &container{ID: "vpn-id", State: stateRunning, NetworkMode: "edge", Networks: on(edge)}, addr: "10.1.0.5:8080 local",
		},
		{
			name: "on a stopped one's network", from: proxyIn("edge 10.1.0.2/16"), to: edit(boxed(), func(c *container) { c.NetworkMode = "container:vpn-id" }),
			owner: &container{ID: "vpn-id", Name: "vpn", State: stateExited}, code: CodeOwnerGone, fix: "docker start vpn\ndocker restart shop-web-1",
		},
		{
			name: "on a vanished one's network", from: proxyIn("edge 10.1.0.2/16"), to: edit(boxed(), func(c *container) { c.NetworkMode = "container:vpn-id" }),
			code: CodeOwnerGone, fix: "docker compose up -d --force-recreate web",
		},
		{
			name: "on the network of one out of reach", from: proxyIn("edge 10.1.0.2/16"), to: edit(boxed(), func(c *container) { c.NetworkMode = "container:vpn-id" }),
			owner: &container{ID: "vpn-id", Name: "vpn", State: stateRunning, NetworkMode: "back", Networks: on(back)},
			code:  CodeNoNetwork, fix: "docker network connect edge vpn",
		},
		{
			name: "on the network of one that publishes nothing", from: remote, to: edit(boxed(), func(c *container) { c.NetworkMode = "container:vpn-id" }),
			owner: &container{ID: "vpn-id", Name: "vpn", State: stateRunning, NetworkMode: "back", Networks: on(back)},
			code:  CodePortUnpublished, fix: "# for vpn, whose network it uses:\ndocker run --publish 8080 …",
		},
		{
			name: "without network", from: proxyIn("edge 10.1.0.2/16"), to: edit(boxed("none"), func(c *container) { c.NetworkMode = "none" }),
			code: CodeNetworkNone, fix: "services:\n  web:\n",
		},

		// On a host.
		{name: "bridge of this host", from: proxyOn(docker0, lan), to: boxed(bridge), addr: "172.17.0.5:8080 local"},
		{name: "internal bridge of this host", from: proxyOn("10.1.0.1/16"), to: boxed("edge 10.1.0.5/16"), addr: "10.1.0.5:8080 local"},
		{
			name: "published where no interface leads", from: proxyOn(lan),
			to:   edit(boxed(bridge), func(c *container) { c.Published = ports("8080 on [::]:32768", "8080 on 0.0.0.0:32768") }),
			addr: "127.0.0.1:32768 local relayed", code: CodePublished,
		},
		{
			name: "the lowest of several host ports", from: proxyOn(lan),
			to: edit(boxed(bridge), func(c *container) {
				c.Published = ports("8080 on 0.0.0.0:900", "8080 on 0.0.0.0:800", "9090 on 0.0.0.0:700")
			}),
			addr: "127.0.0.1:800 local relayed", code: CodePublished,
		},
		{
			name: "loopback before an outer address before IPv6", from: proxyOn(lan),
			to: edit(boxed(bridge), func(c *container) {
				c.Published = ports("8080 on [::1]:1", "8080 on 192.168.1.7:2", "8080 on 127.0.0.1:3")
			}),
			addr: "127.0.0.1:3 local relayed", code: CodePublished,
		},
		{
			name: "an outer address before IPv6", from: proxyOn(lan),
			to:   edit(boxed(bridge), func(c *container) { c.Published = ports("8080 on [::1]:1", "8080 on 192.168.1.7:2") }),
			addr: "192.168.1.7:2 local relayed", code: CodePublished,
		},
		{
			name: "IPv6 alone", from: proxyOn(lan), to: edit(boxed(bridge), func(c *container) { c.Published = ports("8080 on [::]:1") }),
			addr: "[::1]:1 local relayed", code: CodePublished,
		},
		{name: "nothing leads there", from: proxyOn(lan), to: boxed(bridge), code: CodePortUnpublished, fix: `ports: ["127.0.0.1::8080"]`},
		{
			name: "another port is published", from: proxyOn(lan), to: edit(boxed(bridge), func(c *container) { c.Published = ports("9090 on 0.0.0.0:700") }),
			code: CodePortUnpublished,
		},
		{
			name: "a macvlan in the host's own subnet is reached as published", from: proxyOn(lan),
			to:   edit(boxed("lan 192.168.1.50/24 via 192.168.1.1"), func(c *container) { c.Published = ports("8080 on 0.0.0.0:700") }),
			addr: "127.0.0.1:700 local relayed", code: CodePublished,
		},
		{name: "a bridge with a gateway of its own", from: proxyOn("10.1.0.254/16"), to: boxed(edge), addr: "10.1.0.5:8080 local"},
		{name: "an address in the loopback range is nobody's", from: proxyOn("127.0.0.1/8"), to: boxed("odd 127.1.0.5/16"), code: CodePortUnpublished},
		{name: "host network from the host", from: proxyOn(lan), to: edit(boxed(), hosted), want: labels.Upstream{Port: 3000}, addr: "127.0.0.1:3000 local"},
		{name: "host network, the proxy's own port", from: proxyOn(lan), to: edit(boxed(), hosted), want: labels.Upstream{Port: 9900}, code: CodeOwnPort},
		{
			name: "proxy in a container on the host's network",
			from: edit(proxyOn(docker0), func(o *outlook) { o.Self = &container{ID: "rota-id", NetworkMode: "host"} }),
			to:   boxed(bridge), addr: "172.17.0.5:8080 local",
		},
		{
			name: "label network on a host", from: proxyOn("10.1.0.1/16", "10.2.0.1/16"), to: boxed(edge, back),
			want: labels.Upstream{Network: "edge"}, addr: "10.1.0.5:8080 local",
		},

		// From another machine.
		{
			name: "remote engine, published", from: remote, to: edit(boxed(bridge), func(c *container) { c.Published = ports("8080 on 0.0.0.0:700") }),
			addr: "203.0.113.9:700 relayed", code: CodePublished,
		},
		{
			name: "remote engine, same subnet here", from: edit(remote, func(o *outlook) { o.Interfaces = proxyOn(docker0).Interfaces }),
			to: boxed(bridge), code: CodePortUnpublished, fix: `ports: ["8080"]`,
		},
		{
			name: "remote engine, published on its loopback", from: remote,
			to: edit(boxed(bridge), func(c *container) { c.Published = ports("8080 on 127.0.0.1:700") }), code: CodePortUnpublished,
		},
		{name: "remote engine, host network", from: remote, to: edit(boxed(), hosted), want: labels.Upstream{Port: 9900}, addr: "203.0.113.9:9900"},

		// Ports.
		{name: "the label's port", from: proxyIn("edge 10.1.0.2/16"), to: boxed(edge), want: labels.Upstream{Port: 7}, addr: "10.1.0.5:7 local"},
		{
			name: "of several ports 80", from: proxyIn("edge 10.1.0.2/16"), to: edit(boxed(edge), func(c *container) { c.Exposed = []uint16{22, 80, 443} }),
			addr: "10.1.0.5:80 local", code: CodePortChosen, fix: `rota.port: "80"`,
		},
		{
			name: "of several ports the lowest", from: proxyIn("edge 10.1.0.2/16"), to: edit(boxed(edge), func(c *container) { c.Exposed = []uint16{3000, 8080} }),
			addr: "10.1.0.5:3000 local", code: CodePortChosen,
		},
		{
			name: "no port", from: proxyIn("edge 10.1.0.2/16"), to: edit(boxed(edge), func(c *container) { c.Exposed = nil }),
			addr: "10.1.0.5:80 local", code: CodePortAssumed,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, reason := c.from.wayTo(c.to, c.owner, c.want, netip.Addr{})
			said := got.Notes
			if reason != nil {
				said = []Reason{*reason}
			}
			if text := wayText(got); text != c.addr {
				t.Errorf("address %q, want %q (%+v)", text, c.addr, said)
			}
			if (reason == nil) != (c.addr != "") {
				t.Errorf("reason %+v with address %q", reason, c.addr)
			}
			if codes := codesOf(said); codes != string(c.code) {
				t.Errorf("said %q, want %q", codes, c.code)
			}
			if c.fix != "" && !strings.Contains(said[0].Fix, c.fix) {
				t.Errorf("fix:\n%s\nwant in it:\n%s", said[0].Fix, c.fix)
			}
		})
	}
}

func wayText(w way) string {
	if !w.Addr.IsValid() {
		return ""
	}
	text := w.Addr.String()
	if w.Local {
		text += " local"
	}
	if w.Relayed {
		text += " relayed"
	}
	return text
}

func codesOf(reasons []Reason) string {
	var all []string
	for _, r := range reasons {
		all = append(all, string(r.Code))
	}
	return strings.Join(all, " ")
}
