package main

import (
	"fmt"
	"os/exec"
	"strings"
)

// tools are the programs that are not ours.
type tools struct{ nginx, haproxy, wrk string }

func findTools() (tools, error) {
	var t tools
	var missing []string
	for name, into := range map[string]*string{"nginx": &t.nginx, "haproxy": &t.haproxy, "wrk": &t.wrk} {
		// Debian does not have the servers in everybody's PATH.
		path, err := exec.LookPath(name)
		if err != nil {
			path, err = exec.LookPath("/usr/sbin/" + name)
		}
		if err != nil {
			missing = append(missing, name)
		}
		*into = path
	}
	if len(missing) > 0 {
		return t, fmt.Errorf("not installed: %s; on Debian: apt-get install nginx haproxy wrk", strings.Join(missing, ", "))
	}
	return t, nil
}
