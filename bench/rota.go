package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// rota with its defaults, the access log apart, and Targets from a file.
type rota struct {
	binary
	variant   string // what is special about it, for its name
	hosts     int    // each a Target of its own with the same Upstreams; 0 means 1
	accessLog string // as the flag; empty: off
}

// binary is a rota that can be run.
type binary struct{ name, path string }

func (r rota) Name() string {
	if r.variant == "" {
		return r.name
	}
	return r.name + ", " + r.variant
}

// Host is one from the middle, so that it is neither the first nor the last to
// be found.
func (r rota) Host() string { return hostNumber(r.count() / 2) }

func (r rota) count() int { return max(r.hosts, 1) }

func hostNumber(i int) string { return fmt.Sprintf("h%d.%s", i, benchHost) }

func (r rota) Kind() string { return r.name }

func (r rota) Prepare(s site) (launch, error) {
	file, log := filepath.Join(s.dir, "targets.yml"), "off"
	if err := r.writeTargets(file, s.upstreams); err != nil {
		return launch{}, err
	}
	l := launch{}
	if r.accessLog != "" {
		log, l.stdout = r.accessLog, filepath.Join(s.dir, "access.log")
	}
	l.argv = []string{r.path, "serve", "--docker", "off", "--file", file, "--http", s.addr, "--https=",
		"--admin", "127.0.0.1:0", "--data", s.dir, "--access-log", log}
	return l, nil
}

func (r rota) writeTargets(name string, upstreams []string) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if closing := file.Close(); err == nil {
			err = closing
		}
	}()
	w := bufio.NewWriter(file)
	fmt.Fprintln(w, "targets:")
	for i := range r.count() {
		fmt.Fprintf(w, "  h%d:\n    host: %s\n    upstreams: [ %s ]\n", i, hostNumber(i), urls(upstreams))
	}
	return w.Flush()
}

func urls(addrs []string) string {
	var list []string
	for _, addr := range addrs {
		list = append(list, fmt.Sprintf("%q", "http://"+addr))
	}
	return strings.Join(list, ", ")
}

// build makes the binaries of what is to be measured; what is one already is
// taken as it is.
func build(ctx context.Context, sources []source, dir string) ([]binary, error) {
	var binaries []binary
	for _, s := range sources {
		info, err := os.Stat(s.path)
		if err != nil {
			return nil, fmt.Errorf("-rota: %w", err)
		}
		path := s.path
		if info.IsDir() {
			path = filepath.Join(dir, s.name)
			command := exec.CommandContext(ctx, "go", "build", "-o", path, ".")
			command.Dir = s.path
			if out, err := command.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("building rota in %s: %w\n%s", s.path, err, out)
			}
		}
		binaries = append(binaries, binary{s.name, path})
	}
	return binaries, nil
}
