// Package netbench measures circuits, requests and sessions on this machine: it is behind `sotto bench net`.
//
// What a relay spends is measured on one relay alone; how long things take is measured in a whole network of one process
// over UDP on loopback, with distance and loss between its nodes. Goals and ideals stand beside the figures; no test fails
// over a figure.
package netbench

import (
	"context"
	"time"

	"sotto/internal/linkbench"
	"sotto/internal/shaper"
	"sotto/noise"
	"sotto/onion"
)

// Goals (protocol §8). Those of times are what may come on top of the links, in ms.
const (
	goalCreates  = 6000 // a CPU-second
	goalIdle     = 2048 // bytes
	goalBuild    = 12   // three relays' work on a create, and the way back
	goalRequest  = 5
	goalOpen     = 10
	goalDatagram = 2
	goalWithin   = 0.99 // of messages of 3 KB, at 1 % loss, in so many round trips:
	messageTrips = 3
)

const (
	// fewest and samplesMost are how often something is done at least and at most.
	fewest      = 3
	samplesMost = 20_000
	// talks is how many sessions carry messages at a time.
	talks = 16
)

// Least is the shortest budget that gives every measurement a sample.
const Least = 100 * time.Millisecond

// Config is what is measured.
type Config struct {
	Delay  time.Duration // per link, one way
	Loss   float64       // share of datagrams lost per link, one way
	Budget time.Duration // elapsed time, besides some seconds in which nodes find each other; at least Least
	// Progress hears what is measured next, Emit gets the figures as they come.
	Progress func(what string)
	Emit     func(linkbench.Figure) error
}

// bench is one run.
type bench struct {
	Config
	link float64 // the median round trip of a link in ms
}

// Run makes all measurements. It ends early with ctx's error, Emit's, or one of sockets and links.
func Run(ctx context.Context, c Config) error {
	c.Budget = max(c.Budget, Least)
	b := &bench{Config: c}
	if err := b.relay(ctx); err != nil {
		return err
	}
	return b.network(ctx)
}

// part is a part of the budget.
func (b *bench) part(share float64) time.Duration { return time.Duration(share * float64(b.Budget)) }

// emit gives out figures, unless there are none because of err.
func (b *bench) emit(err error, figures ...linkbench.Figure) error {
	for _, f := range figures {
		if err == nil {
			err = b.Emit(f)
		}
	}
	return err
}

// relay measures what circuits cost a relay.
func (b *bench) relay(ctx context.Context) error {
	b.Progress("a relay's work on cells")
	figures, err := measureRelay(ctx, b.part(0.16))
	if err := b.emit(err, figures...); err != nil {
		return err
	}
	b.Progress("a relay's work on creates")
	f, err := measureCreate(ctx, b.part(0.05))
	if err := b.emit(err, f); err != nil {
		return err
	}
	b.Progress("the memory of idle circuits")
	f, err = measureIdle(ctx)
	return b.emit(err, f)
}

// network measures how long things take.
func (b *bench) network(ctx context.Context) error {
	shape := shaper.Shape{Delay: b.Delay, Loss: b.Loss, Seed: 1}
	b.Progress("round trips of links")
	f, err := linkbench.MeasureDistance(ctx, linkbench.Distance{Wrap: func(below noise.Pipe) (noise.Pipe, func(context.Context), error) {
		shape.Seed++
		p, err := shaper.New(below, shape)
		return p, p.Run, err
	}}, b.part(0.04))
	b.link = f.P50
	if err := b.emit(err, f); err != nil {
		return err
	}
	b.Progress("a network that links up")
	n, err := openNetwork(ctx, shape)
	if err != nil {
		return err
	}
	defer n.close()
	var probe *prober
	var asker *onion.Node
	var two *pair
	if err := together(
		func() (err error) { probe, err = n.newProber(); return err },
		func() (err error) { asker, err = n.newAsker(); return err },
		func() (err error) { two, err = n.newPair(); return err },
	); err != nil {
		return err
	}
	b.Progress("circuits")
	f, err = n.measureBuild(ctx, probe, b.part(0.14))
	if err := b.emit(err, b.beside(f, 3, goalBuild)); err != nil {
		return err
	}
	b.Progress("requests")
	f, err = n.measureRequest(ctx, asker, b.part(0.12))
	if err := b.emit(err, b.beside(f, 3, goalRequest)); err != nil {
		return err
	}
	return b.sessions(ctx, two)
}

// sessions measures what two nodes without a name have of each other.
func (b *bench) sessions(ctx context.Context, p *pair) error {
	b.Progress("sessions that open")
	f, err := p.measureOpen(ctx, b.part(0.16))
	if err := b.emit(err, b.beside(f, 6, goalOpen)); err != nil {
		return err
	}
	open, err := p.callAll(ctx)
	if err != nil {
		return err
	}
	b.Progress("round trips of a session")
	f, err = measureRoundTrip(ctx, open[0], b.part(0.07))
	if err := b.emit(err, b.beside(f, 6, -1)); err != nil {
		return err
	}
	b.Progress("datagrams")
	f, err = p.measureDatagrams(ctx, open[0], b.part(0.1))
	if err := b.emit(err, b.beside(f, 3, goalDatagram)); err != nil {
		return err
	}
	b.Progress("messages of 3 KB")
	f, err = p.measureMessages(ctx, open, 6*b.link, b.part(0.14))
	return b.emit(err, f)
}

// beside puts beside a time what the links alone take, so many round trips of one, and what may come on top; below 0 there
// is no goal.
func (b *bench) beside(f linkbench.Figure, trips int, most float64) linkbench.Figure {
	ideal := float64(trips) * b.link
	f.Add("ideal", ideal)
	if most >= 0 {
		f.Add("goal", ideal+most)
	}
	return f
}
