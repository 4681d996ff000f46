package main

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine is what figures depend on, to be kept with them.
type machine struct {
	Time       time.Time `json:"time"`
	Kernel     string    `json:"kernel"`
	Processors int       `json:"processors"`
	Versions   []string  `json:"versions"`
}

func describeMachine(ctx context.Context, t tools, rotas []binary) machine {
	m := machine{Time: time.Now().Truncate(time.Second), Kernel: kernel(), Processors: runtime.NumCPU()}
	m.Versions = []string{
		runtime.Version(),
		firstLine(ctx, t.nginx, "-v"),
		firstLine(ctx, t.haproxy, "-v"),
		firstLine(ctx, t.wrk, "-v"),
	}
	for _, r := range rotas {
		m.Versions = append(m.Versions, fmt.Sprintf("%s: %s", r.name, firstLine(ctx, r.path, "version")))
	}
	return m
}

// firstLine is how a program presents itself, or where it lies if it does not.
// Some do so on standard error, and wrk with an error's exit code.
func firstLine(ctx context.Context, argv ...string) string {
	out, _ := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	line, _, _ = strings.Cut(line, " Copyright")
	return cmp.Or(strings.TrimSpace(line), argv[0])
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %s, %d processors, %s", m.Time.Format(time.RFC3339), m.Kernel, m.Processors, strings.Join(m.Versions, ", "))
}
