// Command sotto runs a peer-to-peer SIP node that hides who talks to whom, and everything around it: the enrolment
// authority of an overlay, joining one, and a whole overlay in one process to try it.
//
// This package wires the layers together. It is the only place that reads flags, files and the environment.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default action is back, so that a second one ends even a command that hangs.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, processEnv(), os.Args[1:]))
}
