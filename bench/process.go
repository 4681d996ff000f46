package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// stopGrace is for programs that tidy up after themselves.
	stopGrace = 3 * time.Second
	// tail is how much of a program's last words an error repeats.
	tail = 2 << 10
)

// launch says how a program is started.
type launch struct {
	argv   []string
	stdout string // a file; empty: with its errors
}

// process is a program in a process group of its own, with all its children.
type process struct {
	name    string
	command *exec.Cmd
	output  string        // the file with what it says
	exited  chan struct{} // closed once it has been waited for
	err     error         // how it ended; read after exited
}

// startProcess runs a program with dir as its folder. It ends with stop, and
// with ctx.
func startProcess(ctx context.Context, name, dir string, l launch) (*process, error) {
	p := &process{name: name, output: filepath.Join(dir, "output"), exited: make(chan struct{})}
	output, err := os.Create(p.output)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	stdout := output
	if l.stdout != "" {
		if stdout, err = os.Create(l.stdout); err != nil {
			return nil, err
		}
		defer stdout.Close()
	}
	p.command = exec.CommandContext(ctx, l.argv[0], l.argv[1:]...)
	p.command.Dir, p.command.Env = dir, plainEnvironment()
	p.command.Stdout, p.command.Stderr = stdout, output
	p.command.SysProcAttr = ownGroup()
	p.command.Cancel = func() error { return killGroup(p.command.Process.Pid) }
	// Our end of it is closed when the program is gone, or with us.
	if _, err := p.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go p.await()
	return p, nil
}

func (p *process) await() {
	p.err = p.command.Wait()
	close(p.exited)
}

// plainEnvironment is ours without what would change rota's defaults.
func plainEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ROTA_") })
}

// group is what identifies the program and its children.
func (p *process) group() int { return p.command.Process.Pid }

// stop ends the program and its children.
func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopGrace)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
	}
	_ = killGroup(p.group())
	<-p.exited
}

// ended is why the program is gone, or nil while it runs.
func (p *process) ended() error {
	select {
	case <-p.exited:
		how := "status 0"
		if p.err != nil {
			how = p.err.Error()
		}
		return fmt.Errorf("%s has ended by itself (%s)%s", p.name, how, p.lastWords())
	default:
		return nil
	}
}

// lastWords is the end of what the program said, for an error.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.output)
	if err != nil || len(text) == 0 {
		return "; it said nothing"
	}
	return "; its last words:\n" + string(text[max(0, len(text)-tail):])
}

// freeAddrs are loopback addresses the kernel has just had to spare.
func freeAddrs(n int) ([]string, error) {
	var addrs []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close() // together, so that all are different
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs, nil
}
