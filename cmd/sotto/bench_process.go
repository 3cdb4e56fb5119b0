// Parts of `sotto bench` that are processes of their own, so that scripts can read what they take: internal/compare.

package main

import (
	"context"
	"time"

	"sotto/internal/netbench"
)

func runBenchRelay(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	genesis := flags.Int64("genesis", 0, "")
	number := flags.Uint("number", 1, "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	if *number < 1 || *number > 200 {
		return usagef("--number must be from 1 to 200")
	}
	return netbench.Relay(ctx, begun(e, *genesis), byte(*number), e.stdin, e.stdout)
}

func runBenchCircuits(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	genesis := flags.Int64("genesis", 0, "")
	count := flags.Int("count", 1000, "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	if *count < 1 || *count > netbench.MostCircuits {
		return usagef("--count must be from 1 to %d", netbench.MostCircuits)
	}
	return netbench.Circuits(ctx, begun(e, *genesis), *count, e.stdin, e.stdout)
}

// begun is when the overlay began: a minute ago unless somebody says otherwise.
func begun(e *env, genesis int64) time.Time {
	if genesis == 0 {
		return e.now().Add(-time.Minute)
	}
	return time.Unix(genesis, 0)
}
