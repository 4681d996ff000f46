package standin

import (
	"time"

	"github.com/docker/docker/api/types/network"
)

// The ids are made up and fixed: nothing can be connected to these networks.
const (
	hostNetworkID = "5a5a0000000000000000000000000000000000000000000000000000000000a1"
	noneNetworkID = "5a5a0000000000000000000000000000000000000000000000000000000000a2"
	imageID       = "sha256:5a5a0000000000000000000000000000000000000000000000000000000000a3"
)

// networks is what /networks answers: the host's, where every container is, and
// none. There is no bridge, because nothing could bridge.
func (e *Engine) networks() []network.Summary {
	return []network.Summary{
		predefined(network.NetworkHost, hostNetworkID, "host", e.started),
		predefined(network.NetworkNone, noneNetworkID, "null", e.started),
	}
}

func predefined(name, id, driver string, created time.Time) network.Summary {
	return network.Summary{
		Name: name, ID: id, Driver: driver, Scope: "local", Created: created.UTC(),
		IPAM:       network.IPAM{Driver: "default", Config: []network.IPAMConfig{}},
		Containers: map[string]network.EndpointResource{}, Options: map[string]string{}, Labels: map[string]string{},
	}
}
