package noise

import "time"

// How links of a Core begin, are kept and end.

// addLink registers a new link.
func (c *Core) addLink(l *link) {
	c.lastID++
	l.id = c.lastID
	l.position = -1
	c.links[l.id] = l
}

// addSession registers a generation of keys under its index.
func (c *Core) addSession(s *session) { c.sessions[s.index] = s }

// dropSession forgets a generation of keys. Its bytes are overwritten as far as
// Go allows: the expanded ciphers are left to the collector.
func (c *Core) dropSession(s *session) {
	if s == nil {
		return
	}
	delete(c.sessions, s.index)
	s.secrets = Secrets{}
	s.seal, s.open = nil, nil
}

// forget removes every trace of a link without a word to anybody.
func (c *Core) forget(l *link) {
	if l.state == dialing && l.dial != nil {
		c.endCall(l)
	}
	if l.state == up {
		c.upLinks--
	}
	if l.state == halfOpen {
		for i, h := range c.half {
			if h == l {
				c.half = append(c.half[:i], c.half[i+1:]...)
				break
			}
		}
	}
	c.dropSession(l.current)
	c.dropSession(l.previous)
	c.dropSession(l.next)
	if l.rekey != nil {
		l.rekey = nil
	}
	c.timers.drop(l)
	delete(c.links, l.id)
}

// down ends a link and says so to the shell.
func (c *Core) down(l *link, reason error) {
	c.forget(l)
	c.events = append(c.events, Event{
		Kind: LinkDown, Link: l.id, Pattern: l.pattern, Dialed: l.dialed, Peer: l.peer, Err: reason,
	})
}

// Close ends a link and tells the peer, once and unreliably.
func (c *Core) Close(now time.Time, id LinkID) {
	l := c.links[id]
	if l == nil {
		return
	}
	if l.state == up {
		c.sendControl(now, l, opClose, nil)
	}
	c.forget(l)
}

// CloseAll ends every link, as the last thing before the socket closes.
func (c *Core) CloseAll(now time.Time) {
	for id := range c.links {
		c.Close(now, id)
	}
}

// promote takes the next keys of a link into use, because a datagram sealed with
// them has come: only now is it proven that the initiator is there. It reports
// whether the link may go on.
func (c *Core) promote(now time.Time, l *link) bool {
	if l.state == halfOpen {
		if c.upLinks >= c.cfg.MaxLinks && !c.makeRoom() {
			c.forget(l)
			return false
		}
		c.unhalf(l)
	}
	c.useNext(now, l)
	return true
}

// unhalf makes a half-open link an established one.
func (c *Core) unhalf(l *link) {
	for i, h := range c.half {
		if h == l {
			c.half = append(c.half[:i], c.half[i+1:]...)
			break
		}
	}
	l.state = up
	c.upLinks++
	c.events = append(c.events, Event{Kind: LinkUp, Link: l.id, Pattern: l.pattern, Peer: l.peer})
}

// useNext moves the generations of keys on by one.
func (c *Core) useNext(now time.Time, l *link) {
	c.dropSession(l.previous)
	l.previous, l.current, l.next = l.current, l.next, nil
	l.previousUntil = now.Add(keysOverlap)
	l.heard = now
	c.timers.set(l, l.nextDeadline(now))
}

// makeRoom evicts the most silent of a sample of answered links that have no
// identity. Links between peers are never evicted by newcomers.
func (c *Core) makeRoom() bool {
	const sample = 32
	var victim *link
	n := 0
	for _, l := range c.links {
		if l.state != up || l.dialed || l.pattern != NK {
			continue
		}
		if victim == nil || l.heard.Before(victim.heard) {
			victim = l
		}
		if n++; n == sample {
			break
		}
	}
	if victim == nil {
		return false
	}
	c.down(victim, ErrEvicted)
	return true
}

// upkeep is what an established link needs from time to time.
func (c *Core) upkeep(now time.Time, l *link) {
	if l.previous != nil && !now.Before(l.previousUntil) {
		c.dropSession(l.previous)
		l.previous = nil
	}
	if l.dialed && (l.rekey != nil || now.Sub(l.current.made) >= RekeyAfter) {
		c.stepRekey(now, l)
	}
	keepalive := l.target.Keepalive > 0 && now.Sub(l.sent) >= l.target.Keepalive
	unanswered := l.waiting && now.Sub(l.since) >= pingAfter && now.Sub(l.pinged) >= pingAfter
	unconfirmed := !l.confirmed && now.Sub(l.pinged) >= tryInterval
	if keepalive || unanswered || unconfirmed {
		c.sendPing(now, l)
	}
}
