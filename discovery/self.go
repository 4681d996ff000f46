package discovery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// traces are what a process finds of the container it may live in.
type traces struct {
	MountInfo string // /proc/self/mountinfo
	Cgroup    string // /proc/self/cgroup
	Hostname  string
}

// readTraces looks around. What cannot be read is empty: outside Linux, all.
func readTraces() traces {
	var t traces
	if b, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
		t.MountInfo = string(b)
	}
	if b, err := os.ReadFile("/proc/self/cgroup"); err == nil {
		t.Cgroup = string(b)
	}
	t.Hostname, _ = os.Hostname()
	return t
}

// candidates are ids the process's own container may have, most trustworthy
// first. None of them is believed before the engine has confirmed it.
func (t traces) candidates() []string {
	id := regexp.MustCompile(`[0-9a-f]{64}`)
	var all []string
	for line := range strings.Lines(t.MountInfo) {
		// Engines mount these three from the container's own folder. Other
		// mounts with an id in them may be of other containers' folders.
		if root, point := mountOf(line); point == "/etc/hostname" || point == "/etc/hosts" || point == "/etc/resolv.conf" {
			all = append(all, id.FindAllString(root, -1)...)
		}
	}
	for line := range strings.Lines(t.Cgroup) {
		if found := id.FindAllString(line, -1); len(found) > 0 {
			all = append(all, found[len(found)-1])
		}
	}
	if regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(t.Hostname) {
		all = append(all, t.Hostname)
	}
	return unique(all)
}

// mountOf cuts the fields root and mount point out of a line of mountinfo, see
// proc(5).
func mountOf(line string) (root, point string) {
	fields := strings.Fields(line)
	if len(fields) < 5 {
		return "", ""
	}
	return fields[3], fields[4]
}

// unique keeps the first of equal strings, in order.
func unique(all []string) []string {
	var kept []string
	for _, s := range all {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// findSelf asks the engine which candidate is a running container of its own.
// Not being in one is no error. An id that was given by hand has to exist.
func findSelf(ctx context.Context, e engine, given string, t traces) (container, bool, error) {
	if given != "" {
		c, err := e.inspect(ctx, given)
		if err != nil {
			return container{}, false, fmt.Errorf("looking for the proxy's own container %q: %w", given, err)
		}
		return c, true, nil
	}
	for _, id := range t.candidates() {
		c, err := e.inspect(ctx, id)
		switch {
		case errors.Is(err, errGone):
			continue // of another engine: one inside this container, or around it
		case err != nil:
			return container{}, false, fmt.Errorf("looking for the proxy's own container: %w", err)
		case c.alive() && strings.HasPrefix(c.ID, id):
			return c, true, nil
		}
	}
	return container{}, false, nil
}
