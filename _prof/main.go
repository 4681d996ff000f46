package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/rota-proxy/rota/cmd"
)

func main() {
	go func() {
		time.Sleep(3 * time.Second)
		f, _ := os.Create("/tmp/cpu.prof")
		runtime.SetCPUProfileRate(2000); pprof.StartCPUProfile(f)
		time.Sleep(5 * time.Second)
		pprof.StopCPUProfile()
		f.Close()
		f, _ = os.Create("/tmp/mem.prof")
		pprof.Lookup("allocs").WriteTo(f, 0)
		f.Close()
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cmd.Execute(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
