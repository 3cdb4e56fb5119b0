// The cells that wait to be acknowledged, on whichever leg they went, and what becomes of them.

package session

import "time"

// sentCell is a cell whose fate is unknown.
type sentCell struct {
	counter uint64
	at      time.Time
	leg     *leg
	order   uint32 // among those of the leg
	set     frameSet
	message *outMessage
	index   uint8
	fate    fate
}

// ledger is the cells whose fate is unknown, by counter. At maxLedger no cell of a message is sent.
type ledger struct{ cells []sentCell }

// add notes a cell that asks to be acknowledged.
func (g *ledger) add(c sentCell) {
	c.order = c.leg.order
	c.leg.order++
	c.leg.inFlight++
	c.fate = flying
	g.cells = append(g.cells, c)
}

// settle fixes the fate of cell i.
func (g *ledger) settle(i int, f fate) {
	c := &g.cells[i]
	c.fate = f
	c.leg.inFlight--
	c.leg.count(c.order, f == arrived)
	if c.message == nil {
		return
	}
	if f == arrived {
		c.message.came(int(c.index))
	} else {
		c.message.gone(int(c.index))
	}
}

// acknowledge takes an acknowledgement and returns the frames that have arrived with what it names, and those that are
// lost since so much later ones have come. RTT is sampled from the largest if it is new. What was taken for lost and
// has come after all counts for its message.
func (g *ledger) acknowledge(now time.Time, a *ack) (came, gone frameSet) {
	for i := range g.cells {
		c := &g.cells[i]
		if c.fate == arrived || !a.has(c.counter) {
			continue
		}
		came |= c.set
		if c.fate == lost {
			c.fate = arrived
			if c.message != nil {
				c.message.came(int(c.index))
			}
			continue
		}
		if c.counter == a.largest {
			wait := min(time.Duration(a.delay)*100*time.Microsecond, ackDelayMost)
			c.leg.sample(now.Sub(c.at) - wait)
		}
		c.leg.best = max(c.leg.best, c.order+1)
		c.leg.timeouts = 0
		g.settle(i, arrived)
	}
	gone = g.lose(func(c *sentCell) bool { return c.order+reorder < c.leg.best })
	g.trim(now)
	return came, gone
}

// lose takes the cells under way that which names for lost, and returns their frames.
func (g *ledger) lose(which func(*sentCell) bool) (gone frameSet) {
	for i := range g.cells {
		if c := &g.cells[i]; c.fate == flying && which(c) {
			gone |= c.set
			g.settle(i, lost)
		}
	}
	return gone
}

// trim forgets what is settled in front: the lost only after a while, in which an acknowledgement may come after all.
func (g *ledger) trim(now time.Time) {
	n := 0
	for n < len(g.cells) && (g.cells[n].fate == arrived || g.cells[n].fate == lost && now.Sub(g.cells[n].at) > ptoMost) {
		n++
	}
	if n == 0 {
		return
	}
	rest := copy(g.cells, g.cells[n:])
	clear(g.cells[rest:])
	g.cells = g.cells[:rest]
}

// oldest is when the oldest cell under way on a leg was sent.
func (g *ledger) oldest(l *leg) (time.Time, bool) {
	if l.inFlight == 0 {
		return time.Time{}, false
	}
	for i := range g.cells {
		if c := &g.cells[i]; c.fate == flying && c.leg == l {
			return c.at, true
		}
	}
	return time.Time{}, false
}
