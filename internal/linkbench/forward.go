package linkbench

// Two cores with a link between them: what a datagram costs from Send to its event.

import (
	"context"
	"time"

	"sotto/noise"
)

// couple is two cores with a link between them. Batches go from hand to hand, so the addresses in them mean nothing.
type couple struct {
	a, b   *noise.Core
	link   noise.LinkID // a's
	frame  [noise.FrameLen]byte
	out    []*noise.Batch
	events []noise.Event
}

// newCouple makes the link, NK since its datagrams are the same.
func newCouple() (*couple, error) {
	r, err := newResponder(noise.NK)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	c := &couple{b: r.core}
	if c.a, err = noise.NewCore(now, noise.Config{Overlay: benchOverlay()}); err != nil {
		return nil, err
	}
	if c.link, err = c.a.Dial(now, r.target); err != nil {
		return nil, err
	}
	c.carry(now, c.a, c.b) // first message
	c.carry(now, c.b, c.a) // answer
	c.carry(now, c.a, c.b) // the first datagram
	if c.b.Stats().Links != 1 {
		return nil, errRefused
	}
	c.carry(now, c.b, c.a)
	return c, nil
}

// carry brings what waits at one core to the other and returns how many frames it delivered.
func (c *couple) carry(now time.Time, from, to *noise.Core) (frames int) {
	c.out = from.Outgoing(c.out[:0])
	for _, b := range c.out {
		to.Receive(now, b)
	}
	c.events = to.Events(c.events[:0])
	for _, e := range c.events {
		if e.Kind == noise.FrameReceived {
			frames++
		}
	}
	from.Recycle(c.out)
	return frames
}

// train sends one train over the link.
func (c *couple) train() (time.Duration, error) {
	began := time.Now()
	for range goalTrain {
		if err := c.a.Send(began, c.link, c.frame[:]); err != nil {
			return 0, err
		}
	}
	frames := c.carry(began, c.a, c.b)
	took := time.Since(began)
	if frames != goalTrain {
		return 0, errRefused
	}
	return took, nil
}

// MeasureForward measures one datagram from Send at one core to its event at another, in trains of 16, beside sealing
// and opening alone.
func MeasureForward(ctx context.Context, budget time.Duration) (Figure, error) {
	c, err := newCouple()
	if err != nil {
		return Figure{}, err
	}
	w, err := newWork()
	if err != nil {
		return Figure{}, err
	}
	samples, err := Alternate(ctx, budget, c.train, func() (time.Duration, error) {
		began := time.Now()
		for i := range goalTrain {
			d := w.datagram(i)
			if err := w.sealer.Seal(d); err != nil {
				return 0, err
			}
			if _, err := w.opener.Open(d); err != nil {
				return 0, err
			}
		}
		return time.Since(began), nil
	})
	if err != nil {
		return Figure{}, err
	}
	f := NewFigure("link_forward_us", "us", Scaled(samples[0], 1000*goalTrain))
	f.N *= goalTrain
	f.Add("train", goalTrain).Add("seal_open_us", Quantile(samples[1], 0.5)/(1000*goalTrain))
	f.Add("ratio", MedianRatio(samples[0], samples[1]))
	return f, nil
}
