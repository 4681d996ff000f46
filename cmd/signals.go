package cmd

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilSignal is a context that ends with the first SIGINT or SIGTERM, which
// asks every command to finish what it does. The second one calls force. The
// kernel ignores unhandled signals to the first process of a container, so
// falling back to their default would not do.
func UntilSignal(parent context.Context, force func()) context.Context {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	// The goroutine lasts as long as the process whose signals it takes.
	go func() {
		<-signals
		cancel()
		<-signals
		force()
	}()
	return ctx
}
