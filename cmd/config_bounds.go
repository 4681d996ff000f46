package cmd

import (
	"strconv"

	"github.com/spf13/pflag"

	"github.com/rota-proxy/rota/proxy"
)

const groupBounds = "Bounds of what clients may ask"

// bindBounds defines the flags that bound connections and requests. 0, where it
// is taken, is the proxy's own default.
func bindBounds(flags *pflag.FlagSet, b *proxy.Bounds) {
	addFlag(flags, "head-timeout", flagValue(&b.HeadTimeout, proxy.DefaultHeadTimeout.String(), parsePositiveDuration), flagText{
		group: groupBounds, placeholder: "DURATION", example: "20s",
		help: "How long the head of a request may take, from its first byte on.",
	})
	addFlag(flags, "idle-timeout", flagValue(&b.IdleTimeout, "2m", parsePositiveDuration), flagText{
		group: groupBounds, placeholder: "DURATION", example: "75s",
		help: "How long a connection may be without a request.",
	})
	addFlag(flags, "stall-timeout", flagValue(&b.Stall, "1m", parsePositiveDuration), flagText{
		group: groupBounds, placeholder: "DURATION", example: "30s",
		help: "How long a client may neither send of a body nor take of an answer, unless its Target's timeout.stall says so.",
	})
	addFlag(flags, "max-head", flagValue(&b.HeadBytes, "64KiB", parseHeadSize), flagText{
		group: groupBounds, placeholder: "SIZE", example: "32KiB",
		help: "How large the head of a request may be; more is answered with 431.",
	})
	addFlag(flags, "max-fields", flagValue(&b.Fields, strconv.Itoa(proxy.DefaultFields), parseCount), flagText{
		group: groupBounds, placeholder: "COUNT", example: "100",
		help: "How many header fields a request may have; more is answered with 431.",
	})
	addFlag(flags, "max-connections", flagValue(&b.Conns, "0", parseCountOrNone), flagText{
		group: groupBounds, placeholder: "COUNT", example: "10000", shown: "half the file descriptors",
		help: "How many connections a listener serves at once; more are closed.",
	})
	addFlag(flags, "max-connections-per-client", flagValue(&b.ConnsPerClient, "0", parseCountOrNone), flagText{
		group: groupBounds, placeholder: "COUNT", example: "100", shown: "no bound",
		help: "The same for one address. Behind a bridge or a load balancer all clients may have the same.",
	})
}
