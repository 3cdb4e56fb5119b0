package noise

import (
	"errors"
	"slices"
	"time"
)

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
	switch l.state {
	case dialing:
		c.endDial(l)
	case halfOpen:
		c.half = remove(c.half, l)
	case up:
		c.upLinks--
		if !l.dialed {
			c.uncount(l)
		}
	}
	c.dropSession(l.current)
	c.dropSession(l.previous)
	c.dropSession(l.next)
	c.dropHeader(l)
	c.timers.drop(l)
	delete(c.links, l.id)
}

// remove takes one element out of a list, keeping the order.
func remove[T comparable](list []T, x T) []T {
	if i := slices.Index(list, x); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// down ends a link, tells the peer once where it may still listen, and says so to
// the shell.
func (c *Core) down(now time.Time, l *link, reason error) {
	if l.state == up && !errors.Is(reason, ErrPeerClosed) {
		c.sendControl(now, l, opClose, nil)
	}
	c.forget(l)
	c.events = append(c.events, Event{
		Kind: LinkDown, Link: l.id, Pattern: l.pattern, Dialed: l.dialed, Peer: l.peer, Err: reason,
	})
}

// Close ends a link and tells the peer, once and unreliably. Events of the link
// that have happened before may still be delivered.
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

// CloseSome ends links, as the last thing before the socket closes, and reports
// whether there are more, for when what waits has been sent.
func (c *Core) CloseSome(now time.Time) (more bool) {
	n := 0
	for id := range c.links {
		if n++; n > BatchLen*maxOut/2 {
			return true
		}
		c.Close(now, id)
	}
	return false
}

// promote takes the next keys of a link into use, because a datagram sealed with
// them has come: only now is it proven that the initiator is there. It reports
// whether the link may go on.
func (c *Core) promote(now time.Time, l *link) bool {
	if l.state == halfOpen {
		if l.pattern == NK && c.cfg.MaxNameless > 0 && c.nameless.n >= c.cfg.MaxNameless && !c.makeRoom(now, true) {
			c.forget(l)
			return false
		}
		if c.upLinks+c.dialing >= c.cfg.MaxLinks-c.cfg.MaxLinks/strangersShare && !c.makeRoom(now, false) {
			c.forget(l)
			return false
		}
		c.half = remove(c.half, l)
		l.state = up
		c.upLinks++
		c.count(now, l)
		c.events = append(c.events, Event{Kind: LinkUp, Link: l.id, Pattern: l.pattern, Peer: l.peer})
	}
	c.useNext(now, l)
	return true
}

// count notes an answered link under its place and its key. Of one key the newest
// maxPerPeer links stay.
func (c *Core) count(now time.Time, l *link) {
	l.prefix = crowdOf(l.addr.Addr())
	if l.pattern == NK {
		c.nameless.add(l)
		return
	}
	if ids := c.answered[l.peer]; len(ids) >= maxPerPeer {
		c.down(now, c.links[ids[0]], ErrEvicted)
	}
	c.answered[l.peer] = append(c.answered[l.peer], l.id)
	c.named.add(l)
}

// uncount is the undoing of count.
func (c *Core) uncount(l *link) {
	if l.pattern == NK {
		c.nameless.drop(l)
		return
	}
	c.named.drop(l)
	if ids := remove(c.answered[l.peer], l.id); len(ids) > 0 {
		c.answered[l.peer] = ids
	} else {
		delete(c.answered, l.peer)
	}
}

// useNext moves the generations of keys on by one.
func (c *Core) useNext(now time.Time, l *link) {
	c.dropSession(l.previous)
	l.previous, l.current, l.next = l.current, l.next, nil
	l.previousUntil = now.Add(keysOverlap)
	l.heard = now
	c.timers.set(l, l.nextDeadline(now))
}

// makeRoom evicts an answered link that is no known peer's, from the place from
// which most of its kind come: whoever comes from one place with many links so
// evicts his own. nameless says that it must be one without a name. It reports
// whether there was one.
func (c *Core) makeRoom(now time.Time, nameless bool) bool {
	victim := c.nameless.pick(func(*link) bool { return false })
	if !nameless && (victim == nil || c.named.most > c.nameless.most) {
		if l := c.named.pick(c.isKnown); l != nil {
			victim = l
		} else if victim == nil {
			victim = c.anyStranger()
		}
	}
	if victim == nil {
		return false
	}
	c.down(now, victim, ErrEvicted)
	return true
}

// isKnown reports whether a link is that of a known peer.
func (c *Core) isKnown(l *link) bool { return c.cfg.Known != nil && c.cfg.Known(l.peer) }

// anyStranger looks at all answered IK links, for when the sample had known peers
// only: at most maxPerPeer of them are one peer's, so that is where many peers
// share an address.
func (c *Core) anyStranger() *link {
	for _, g := range c.named.groups {
		for _, l := range g {
			if !c.isKnown(l) {
				return l
			}
		}
	}
	return nil
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
	if keepalive || l.asks(now) && now.Sub(l.pinged) >= tryInterval {
		c.sendPing(now, l)
	}
}
