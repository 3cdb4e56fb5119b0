package threatmodel

import (
	"context"
	"fmt"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/request"
)

// Cells that make circuits, altered: creates, their answers, extensions with early data, and the cells behind those.

// tamperStage is what is altered.
type tamperStage struct {
	name    string
	command cell.Command
	back    bool
	extend  bool // of the extension, not of the first create
	early   bool // the cell behind the extension
}

// creation alters one cell of one circuit in the making.
type creation struct {
	*tamperRun
	tamperStage
}

// tamperCreates is the measurement.
func tamperCreates(ctx context.Context, s Scale, m *Measurement) error {
	for _, stage := range []tamperStage{
		{name: "creates", command: cell.Create},
		{name: "answers to creates", command: cell.Created, back: true},
		{name: "answers passed back", command: cell.Backward, back: true},
		{name: "extensions with early data", command: cell.Forward, extend: true},
		{name: "early cells behind them", command: cell.Forward, extend: true, early: true},
	} {
		r, err := newTamperRun(4)
		if err != nil {
			return err
		}
		if err := (&creation{tamperRun: r, tamperStage: stage}).all(ctx, s, m); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// links are those that a stage's cells pass.
func (c *creation) links() int {
	switch {
	case c.early:
		return cell.MaxHops
	case c.tamperStage.command == cell.Backward:
		return cell.MaxCreateHops - 1
	}
	return cell.MaxCreateHops
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// matters reports whether what is at a position of the body is anything at all: behind its 48 bytes a created is filled
// with random ones, which end at the hop that gets it; and the last bytes of a backward cell are dropped by the next hop.
func (c *creation) matters(link, position int) bool {
	body := position - cell.HeaderLen
	switch c.tamperStage.command {
	case cell.Created:
		return body >= 0 && body < cell.CreatedLen
	case cell.Backward:
		return body >= 0 && (link == 0 || body < cell.BodyLen-cell.LayerLen)
	}
	return body >= 0
}

func (c *creation) all(ctx context.Context, s Scale, m *Measurement) error {
	if done, err := c.once(-2, 0); err != nil || !done {
		return fmt.Errorf("%w: %s, unaltered: %w", errNoCircuit, c.name, err)
	}
	step := s.pick(3, 1)
	altered, built, taken := 0, 0, 0
	for link := range c.links() {
		for position := link % step; position < cell.Len; position += step {
			for _, bit := range bitsOf(s, position) {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				changed := c.changed
				done, err := c.once(link, 8*position+bit)
				if err != nil {
					return err
				}
				taken += c.changed - changed
				if c.altered && c.matters(link, position) {
					altered++
					built += btoi(done)
				}
			}
		}
	}
	m.add(c.name, never("that took effect although altered", built, altered), never("altered messages or early data that anybody took", taken, altered))
	if altered == 0 {
		return fmt.Errorf("%w: %s", errNoCircuit, c.name)
	}
	return nil
}

// once makes a circuit of three hops, extends it if that is what is altered, and reports whether the altered cell did
// what it was for.
func (c *creation) once(link, bit int) (done bool, err error) {
	c.world.Run(400 * time.Millisecond)
	c.user.Take()
	c.link, c.tamperRun.back, c.bit, c.altered, c.tamperRun.command, c.skip = link, c.tamperStage.back, bit, false, c.tamperStage.command, 0
	c.armed = !c.extend
	if c.circuit, err = c.user.Build(c.path[:cell.MaxCreateHops]...); err != nil {
		return false, err
	}
	defer c.end()
	events := c.user.Take()
	c.armed = false
	if !c.extend {
		return c.progress(events) > c.behind(link), nil
	}
	if c.progress(events) != cell.MaxCreateHops {
		return false, fmt.Errorf("%w: before the extension", errNoCircuit)
	}
	c.random.Read(c.sent[:])
	c.sent[0] = 1 // the index of the piece that follows
	c.first = append([]byte{byte(cell.Ask), request.EchoTrain.Number}, c.sent[:cell.EarlyFirstLen-2]...)
	arrived := c.arrived
	c.armed = true
	c.skip = btoi(c.early && link < cell.MaxCreateHops) // the extension goes first, and ends at the last hop there is
	c.user.Do(func(now time.Time, o *circuit.Origin) {
		err = o.Extend(now, c.circuit, c.path[3].Target(), c.first, []circuit.EarlyCell{{Message: cell.Request, Payload: c.sent[:]}})
	})
	events = c.user.Take()
	c.armed = false
	if c.early {
		return c.arrived > arrived, err
	}
	return len(events) > 0 && events[len(events)-1].Kind == circuit.Built, err
}

// progress is how many hops have answered.
func (c *creation) progress(events []circuit.OwnEvent) (hops int) {
	for _, e := range events {
		if e.Kind == circuit.Built || e.Kind == circuit.Progress {
			hops = max(hops, e.Hop)
		}
	}
	return hops
}

// behind is how many hops may have answered although the cell on a link was altered: those before it.
func (c *creation) behind(link int) int {
	if c.tamperStage.command == cell.Backward {
		return link + 1
	}
	return link
}
