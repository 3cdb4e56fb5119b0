// Which of the links to a neighbour is used, and how links end.

package link

import (
	"slices"
	"time"

	"sotto/noise"
)

// getReady takes a link into use when both ends know each other.
func (p *Pool) getReady(now time.Time, l *conn) {
	if l.ready || p.links[l.id] != l || l.pattern == noise.IK && !(l.theirs && l.ours) {
		return
	}
	l.ready, l.since = true, now
	p.agenda.stop(&l.life)
	if l == l.contact.attempt {
		p.endDial(now, l.contact)
	}
	p.settle(now, l.contact, nil)
}

// better reports whether a is to be used rather than b. Both ends see the same two links and come to the same answer.
func (p *Pool) better(c *contact, a, b *conn) bool {
	if a.dialed != b.dialed {
		return a.dialed == (p.cfg.Self.Compare(c.id) < 0)
	}
	return a.number > b.number // whoever dials a second time has lost the first
}

// settle chooses the link to use. Those that lose stay for what is under way on them.
func (p *Pool) settle(now time.Time, c *contact, why error) {
	var best *conn
	for _, l := range c.conns {
		if l.ready && (best == nil || p.better(c, l, best)) {
			best = l
		}
	}
	for _, l := range c.conns {
		if l.ready && l != best && !l.lingering {
			l.lingering = true
			p.counters.Doubles++
			d := linger
			if !l.dialed {
				d *= 2 // its dialler closes it; this is for one that doesn't
			}
			p.agenda.set(&l.life, now.Add(d))
		}
	}
	before := c.active
	c.active = best
	if best != nil {
		best.lingering = false
		p.agenda.stop(&best.life)
		p.watchIdle(now, best)
	}
	switch {
	case before == nil && best != nil:
		p.comeUp(now, c)
	case before != nil && best == nil:
		p.goDown(now, c, before, why)
	}
}

// comeUp tells that a neighbour takes frames, and sends those that waited.
func (p *Pool) comeUp(now time.Time, c *contact) {
	c.used = now
	p.events = append(p.events, Event{Kind: Up, Neighbor: c.number, Client: c.client, Node: c.id})
	queue := c.queue
	c.queue = nil
	for _, f := range queue {
		if p.emit(now, c.active, rankCell, f) {
			p.counters.CellsSent++
		}
	}
}

// goDown tells that a neighbour takes no frames any more, and dials it again if somebody holds it.
func (p *Pool) goDown(now time.Time, c *contact, last *conn, why error) {
	p.events = append(p.events, Event{Kind: Down, Neighbor: c.number, Client: c.client, Node: c.id, Err: why})
	p.endFetch(now, c, ErrDown)
	if now.Sub(last.since) >= steadyAfter {
		c.failures = 0
		c.notBefore = now.Add(p.random(backoffFirst))
	} else {
		p.pause(now, c)
		// Who takes a link and drops it is no better than who does not answer.
		p.events = append(p.events, Event{Kind: Failed, Neighbor: c.number, Node: c.id, Failures: c.failures})
	}
	p.want(now, c)
}

// close ends a link from this side.
func (p *Pool) close(now time.Time, l *conn, why error) {
	p.actions = append(p.actions, Action{Kind: ActClose, Link: l.id})
	p.lose(now, l, why)
}

// lose forgets a link that has ended.
func (p *Pool) lose(now time.Time, l *conn, why error) {
	delete(p.links, l.id)
	l.gone = true
	p.agenda.stop(&l.repeat)
	p.agenda.stop(&l.life)
	p.ungreet(l)
	c := l.contact
	if c == nil {
		return
	}
	if i := slices.Index(c.conns, l); i >= 0 {
		c.conns = slices.Delete(c.conns, i, i+1)
		if len(c.conns) == 0 && p.cfg.Relay && !c.client {
			p.linked--
		}
		if len(c.conns) == 0 && c.dial == notDialing {
			p.dropQueue(c) // what is dialled next is for other circuits
		}
	}
	if c.client {
		p.clients--
		p.events = append(p.events, Event{Kind: Down, Neighbor: c.number, Client: true, Err: why})
		p.endFetch(now, c, ErrDown)
		delete(p.contacts, c.number)
		return
	}
	if c.active == l {
		p.settle(now, c, why)
	}
	if c.attempt == l {
		if l.up {
			p.fail(now, c) // it answered, but was not who it should be
		} else {
			p.nextAddress(now, c)
		}
	}
	p.want(now, c)
	p.tidy(now, c)
}

// watchIdle sets when a link that nobody holds is to be looked at. Only its dialler closes it: the other end may hold
// it, and dials then.
func (p *Pool) watchIdle(now time.Time, l *conn) {
	c := l.contact
	if l.dialed && c.holds == 0 {
		p.agenda.set(&l.life, later(now, c.used.Add(idleAfter)))
	}
}

// lifeOver is the end of greeting, lingering or idleness.
func (p *Pool) lifeOver(now time.Time, l *conn) {
	switch {
	case !l.ready:
		p.counters.HellosLate++
		p.close(now, l, ErrRefused)
	case l.lingering:
		p.close(now, l, ErrDown)
	case l.contact.holds > 0:
	case now.Sub(l.contact.used) >= idleAfter:
		p.counters.IdleClosed++
		p.close(now, l, ErrDown)
	default:
		p.watchIdle(now, l)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
