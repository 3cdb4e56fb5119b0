// The command `sotto bench`: how fast this machine is.

package main

import (
	"context"
	"fmt"
	"time"

	"sotto/internal/linkbench"
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
	var unwritten error
	err := linkbench.Run(ctx, *budget, func(what string) {
		e.progress("measuring %s", what)
	}, func(f linkbench.Figure) error {
		if *asJSON {
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
