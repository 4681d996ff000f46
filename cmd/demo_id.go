package cmd

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The labels that say, on whatever a demo makes on an engine, whose it is. They
// do not begin like the demo's own prefix, so no proxy reads them.
const (
	demoLabelID   = "rota-demo"
	demoLabelPid  = "rota-demo.pid"
	demoLabelHost = "rota-demo.machine"
)

// demoPort is where the replicas listen in their containers. One above 1023
// needs no capability.
const demoPort = 8080

// demoID tells one demo from every other: everything it makes carries it.
type demoID string

func newDemoID() (demoID, error) {
	raw := make([]byte, 3)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("choosing a name for the demo: %w", err)
	}
	return demoID(hex.EncodeToString(raw)), nil
}

// name is the demo's own label prefix and network, and the beginning of its
// containers' names. No rota but the demo's reads that prefix.
func (id demoID) name() string { return "rota-demo-" + string(id) }

// image is the reference of the demo's image.
func (id demoID) image() string { return "rota-demo:" + string(id) }

// container is the name of a replica's container; replica is the way back.
func (id demoID) container(replica string) string { return id.name() + "-" + replica }

func (id demoID) replica(container string) string {
	return strings.TrimPrefix(container, id.name()+"-")
}

func (id demoID) owns(container string) bool { return strings.HasPrefix(container, id.name()+"-") }

// routing are the labels that a user of rota would type, under the demo's
// prefix: one Target, every host and path.
func (id demoID) routing() map[string]string {
	return map[string]string{id.portLabel(): strconv.Itoa(demoPort), id.name() + ".path": "/", id.name() + ".name": "whoami"}
}

func (id demoID) portLabel() string { return id.name() + ".port" }

// labelLines are the routing labels as a user would type them; the port is
// left out, since it is a matter of the image or of the stand-in.
func (id demoID) labelLines() []string {
	labels := id.routing()
	delete(labels, id.portLabel())
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		lines = append(lines, key+": "+labels[key])
	}
	return lines
}

// ownership are the labels by which a later demo knows what is left behind.
func (id demoID) ownership() map[string]string {
	return map[string]string{demoLabelID: string(id), demoLabelPid: strconv.Itoa(os.Getpid()), demoLabelHost: machine()}
}

// abandoned says whether what has these labels belongs to a demo of this
// machine whose process is gone.
func abandoned(labels map[string]string) bool {
	pid, err := strconv.Atoi(labels[demoLabelPid])
	return err == nil && labels[demoLabelHost] == machine() && !alive(pid)
}

// machine tells apart where process ids count anew: hosts, and containers in
// which a demo may run.
func machine() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// alive says whether there is such a process. In doubt there is: leaving
// something behind is better than removing what is in use.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	return !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
