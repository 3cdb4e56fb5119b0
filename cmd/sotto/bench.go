// The command `sotto bench`: how fast this machine is.

package main

import (
	"context"
	"fmt"
	"time"

	"sotto/internal/linkbench"
	"sotto/internal/netbench"
)

// benchBudget is what `sotto bench` takes unless asked for more: with preparation and the longest flood below 50 s.
const benchBudget = 35 * time.Second

func runBenchLink(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	asJSON := flags.Bool("json", false, "")
	budget := flags.Duration("budget", benchBudget, "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	if *budget < linkbench.Least {
		return usagef("--budget must be %s or more", linkbench.Least)
	}
	return e.bench(ctx, *asJSON, func(progress func(string), emit func(linkbench.Figure) error) error {
		return linkbench.Run(ctx, *budget, progress, emit)
	})
}

// netSeconds is for how long `sotto bench net` measures unless asked for more: with its nodes finding each other over long
// distances, below 50 s.
const netSeconds = 28

// netMostDelay and netMostLoss are those of distances that anybody has: beyond, nodes give each other up.
const (
	netMostDelay = time.Second
	netMostLoss  = 0.2
)

func runBenchNet(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	asJSON := flags.Bool("json", false, "")
	seconds := flags.Float64("seconds", netSeconds, "")
	var c netbench.Config
	flags.DurationVar(&c.Delay, "delay", 0, "")
	flags.Var((*share)(&c.Loss), "loss", "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	c.Budget = time.Duration(*seconds * float64(time.Second))
	switch {
	case !(c.Budget >= netbench.Least):
		return usagef("--seconds must be %g or more", netbench.Least.Seconds())
	case c.Delay < 0 || c.Delay > netMostDelay:
		return usagef("--delay must be from 0 to %s", netMostDelay)
	case c.Loss > netMostLoss:
		return usagef("--loss must be from 0%% to %.0f%%", netMostLoss*100)
	}
	return e.bench(ctx, *asJSON, func(progress func(string), emit func(linkbench.Figure) error) error {
		c.Progress, c.Emit = progress, emit
		return netbench.Run(ctx, c)
	})
}

// bench prints figures as they come, and says why there are no more.
func (e *env) bench(ctx context.Context, asJSON bool, measure func(progress func(string), emit func(linkbench.Figure) error) error) error {
	var unwritten error
	err := measure(func(what string) {
		e.progress("measuring %s", what)
	}, func(f linkbench.Figure) error {
		if asJSON {
			unwritten = e.printJSON(f)
		} else {
			unwritten = e.printf("%s\n", f)
		}
		return unwritten
	})
	switch {
	case err == nil, unwritten != nil:
		return unwritten
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted; what was measured until then is printed")
	default:
		return fmt.Errorf("cannot go on measuring (%w); see that UDP over loopback is permitted and try again", err)
	}
}
