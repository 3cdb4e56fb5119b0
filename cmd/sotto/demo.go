// The command `sotto demo`: a whole overlay in one process, told step by step.

package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"sotto/internal/linkbench"
	"sotto/overlay/enroll"
	"sotto/threatmodel/loopback"
)

const (
	demoPeers = 24
	// demoTime is how long a demo may take; scripts count on 50 s.
	demoTime = 45 * time.Second
	// Beyond these, links and circuits don't come up in the time that a demo has.
	demoMostDelay = 200 * time.Millisecond
	demoMostLoss  = 0.05
)

func runDemo(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	cfg := loopback.Config{CPU: cpuClock()}
	flags.IntVar(&cfg.Peers, "peers", demoPeers, "")
	flags.DurationVar(&cfg.Delay, "delay", 0, "")
	flags.Var((*share)(&cfg.Loss), "loss", "")
	flags.Uint64Var(&cfg.Seed, "seed", drawSeed(), "")
	asJSON := flags.Bool("json", false, "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	switch {
	case cfg.Peers < loopback.MinPeers || cfg.Peers > loopback.MaxPeers:
		return usagef("--peers must be from %d to %d", loopback.MinPeers, loopback.MaxPeers)
	case cfg.Delay < 0 || cfg.Delay > demoMostDelay:
		return usagef("--delay must be from 0 to %s", demoMostDelay)
	case cfg.Loss > demoMostLoss:
		return usagef("--loss must be from 0%% to %.0f%%", demoMostLoss*100)
	}
	return e.demo(ctx, cfg, *asJSON)
}

// demo runs a network from its founding to its end.
func (e *env) demo(ctx context.Context, cfg loopback.Config, asJSON bool) error {
	within, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	d := &demo{env: e, cfg: cfg, asJSON: asJSON, begun: time.Now()}
	err := d.run(within)
	switch {
	case err == nil:
		return d.conclude()
	case d.unwritten != nil:
		return d.unwritten
	case ctx.Err() != nil:
		return errors.New("interrupted; nothing is left behind")
	case within.Err() != nil:
		return fmt.Errorf("not done within %s; this machine is too busy, so try again with fewer --peers", demoTime)
	}
	return aboutDemo(err)
}

// drawSeed is the seed of a run that was given none: short enough to be typed.
func drawSeed() uint64 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return uint64(binary.BigEndian.Uint16(b[:]))
}

// cpuClock is the clock of the processor time of this process, where there is one.
func cpuClock() func() time.Duration {
	if runtime.GOOS == "windows" {
		return nil
	}
	return linkbench.CPUTime
}

// share is a flag that takes 1% as well as 0.01.
type share float64

var _ flag.Value = (*share)(nil)

// String implements flag.Value.
func (s *share) String() string { return strconv.FormatFloat(float64(*s)*100, 'g', -1, 64) + "%" }

// Set implements flag.Value.
func (s *share) Set(text string) error {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return errors.New("no share")
	}
	*s = share(v)
	return nil
}

// aboutDemo is what somebody is told whose demo could not go on.
func aboutDemo(err error) error {
	switch {
	case errors.Is(err, loopback.ErrSockets):
		return errors.New("no sockets on the loopback addresses of this machine; see that UDP and TCP over 127.0.0.1 are permitted and try again")
	case errors.Is(err, loopback.ErrDisk):
		return errors.New("no temporary files can be written; make room, or set TMPDIR to a directory that has some")
	case errors.Is(err, loopback.ErrLinks):
		return errors.New("not every link came up in time; this machine is too busy, so try again, with fewer --peers or less --loss")
	case errors.Is(err, loopback.ErrStems):
		return errors.New("alice and bob found no way through the relays in time; this machine is too busy, so try again, with less --loss or --delay")
	case errors.Is(err, loopback.ErrTalk):
		return errors.New("alice and bob could not talk to each other; try again, with less --loss or --delay, and report it if it stays so without both")
	}
	return errors.New(enroll.Explain(err))
}
