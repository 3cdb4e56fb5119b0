// Dialling: a few peers at once, their addresses in order, with growing pauses.

package link

import (
	"errors"
	"time"

	"sotto/noise"
)

// want begins what it takes to link a contact that somebody holds.
func (p *Pool) want(now time.Time, c *contact) {
	if c.holds == 0 || len(c.conns) > 0 || c.dial != notDialing {
		return
	}
	if len(c.addrs) == 0 { // its newest descriptor has none to dial here; that of another day may
		c.notBefore = now.Add(backoffMost)
	}
	if now.Before(c.notBefore) {
		p.agenda.set(&c.timer, c.notBefore)
		return
	}
	c.dial = waitingToDial
	p.waiting = append(p.waiting, c) // each contact once, so it is bounded as they are
	p.dialNext(now)
}

// dialNext dials who waits, as far as there is room.
func (p *Pool) dialNext(now time.Time) {
	for p.dialing < maxDials && len(p.waiting) > 0 {
		c := p.waiting[0]
		p.waiting[0] = nil
		p.waiting = p.waiting[1:]
		// Its addresses may have gone while it waited: a newer descriptor came.
		if c.holds == 0 || len(c.conns) > 0 || len(c.addrs) == 0 || p.linked >= p.cfg.MaxLinks {
			c.dial = notDialing
			p.dropQueue(c)
			if len(c.conns) == 0 && c.holds > 0 {
				c.notBefore = now.Add(backoffMost) // no room for links; somebody may leave
				p.events = append(p.events, Event{Kind: Failed, Neighbor: c.number, Node: c.id, Failures: c.failures})
			}
			p.tidyOrWait(now, c)
			continue
		}
		c.dial, c.tried = dialling, 0
		p.dialing++
		p.dialAddress(c)
	}
}

// tidyOrWait sets the timer of a contact that was not dialled.
func (p *Pool) tidyOrWait(now time.Time, c *contact) {
	if c.holds > 0 && len(c.conns) == 0 {
		p.agenda.set(&c.timer, c.notBefore)
		return
	}
	p.tidy(now, c)
}

// dialAddress asks the shell to dial the next address.
func (p *Pool) dialAddress(c *contact) {
	t := noise.Target{
		Addr: c.addrs[c.at], Node: c.id.Bytes(), Pattern: noise.NK, Keepalive: p.cfg.Keepalive,
	}
	if p.cfg.Relay {
		t.Pattern = noise.IK
	}
	key := c.target.Daily().LinkKey().Bytes()
	var err error
	if t.Key, err = noise.ParsePublicKey(key[:]); err != nil {
		t.Key = noise.PublicKey{} // noise refuses it, and the dial fails like any other
	}
	p.counters.Dialed++
	p.actions = append(p.actions, Action{Kind: ActDial, Neighbor: c.number, Target: &t})
}

// Dialed tells what came of an ActDial: the link that is being made, or why there is none.
func (p *Pool) Dialed(now time.Time, n Neighbor, id noise.LinkID, err error) {
	c := p.contacts[n]
	switch {
	case c == nil || c.dial != dialling || c.attempt != nil:
		if err == nil {
			p.actions = append(p.actions, Action{Kind: ActClose, Link: id})
		}
	case errors.Is(err, noise.ErrFull):
		p.endDial(now, c)
		c.notBefore = now.Add(fullRetry)
		p.dropQueue(c)
		p.events = append(p.events, Event{Kind: Failed, Neighbor: c.number, Node: c.id, Failures: c.failures})
		p.want(now, c)
		p.tidy(now, c)
	case err != nil:
		p.nextAddress(now, c)
	default:
		l := p.newConn(id, noise.NK, true)
		l.contact = c
		if p.cfg.Relay {
			l.pattern = noise.IK
		}
		c.attempt = l
	}
}

// nextAddress goes on after an address that did not answer.
func (p *Pool) nextAddress(now time.Time, c *contact) {
	p.counters.DialsFailed++
	c.attempt = nil
	c.tried++
	if c.at++; c.at >= len(c.addrs) {
		c.at = 0
	}
	if c.tried < len(c.addrs) && len(c.conns) == 0 && c.holds > 0 {
		p.dialAddress(c)
		return
	}
	p.fail(now, c)
}

// fail ends a dial that led to nothing and begins a pause.
func (p *Pool) fail(now time.Time, c *contact) {
	p.endDial(now, c)
	if len(c.conns) > 0 {
		return // the other end has dialled meanwhile
	}
	p.dropQueue(c)
	p.pause(now, c)
	p.events = append(p.events, Event{Kind: Failed, Neighbor: c.number, Node: c.id, Failures: c.failures})
	p.want(now, c)
	p.tidy(now, c)
}

// pause doubles the time before the next dial. Half of it is random, so that those who lost the same peer at the same
// moment don't come back in step.
func (p *Pool) pause(now time.Time, c *contact) {
	d := backoffMost
	if c.failures < 10 {
		d = min(backoffMost, backoffFirst<<c.failures)
	}
	c.failures++
	c.notBefore = now.Add(d/2 + p.random(d/2+1))
}

// endDial makes room for others.
func (p *Pool) endDial(now time.Time, c *contact) {
	if c.dial != dialling {
		return
	}
	c.dial, c.attempt = notDialing, nil
	p.dialing--
	p.dialNext(now)
}

// dropQueue forgets the frames that waited for a link.
func (p *Pool) dropQueue(c *contact) {
	p.counters.QueueDropped += uint64(len(c.queue))
	c.queue = nil
}
