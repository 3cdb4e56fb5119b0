// How a link comes up: the handshake is done, now both ends say who they are, and check it.

package link

import (
	"slices"
	"time"

	"sotto/noise"
	"sotto/overlay/peer"
)

func (p *Pool) newConn(id noise.LinkID, pattern noise.Pattern, dialed bool) *conn {
	l := &conn{id: id, pattern: pattern, dialed: dialed}
	l.repeat.fire = func(now time.Time) { p.repeatHello(now, l) }
	l.life.fire = func(now time.Time) { p.lifeOver(now, l) }
	p.links[id] = l
	return l
}

// linkUp takes a link whose handshake is done.
func (p *Pool) linkUp(now time.Time, ev noise.Event) {
	l := p.links[ev.Link]
	nameless := ev.Pattern == noise.IK && p.own == nil
	if ev.Dialed == (l == nil) || nameless || !ev.Dialed && !p.answers(ev.Pattern) {
		// Dialled by nobody, before Announce, or answered although there is no room.
		p.counters.LinksRefused++
		if l != nil {
			p.close(now, l, ErrDown)
			return
		}
		p.actions = append(p.actions, Action{Kind: ActClose, Link: ev.Link})
		return
	}
	if l == nil {
		l = p.newConn(ev.Link, ev.Pattern, false)
	}
	p.lastUp++
	l.up, l.key, l.since, l.number = true, ev.Peer, now, p.lastUp
	l.hellos, l.echoes, l.pages = helloLinkRate().full(now), echoRate().full(now), pageLinkRate().full(now)
	switch {
	case l.pattern == noise.IK:
		p.beginGreeting(now, l)
	case l.dialed:
		l.contact.conns = append(l.contact.conns, l)
		p.getReady(now, l)
	default:
		c := p.addContact(peer.NodeID{})
		c.client, c.conns, l.contact = true, []*conn{l}, c
		p.clients++
		p.getReady(now, l)
	}
}

// answers reports whether this pool takes one more answered link of a pattern.
func (p *Pool) answers(pattern noise.Pattern) bool {
	if pattern == noise.NK {
		return p.clients < p.cfg.MaxClients
	}
	return p.cfg.Relay
}

// beginGreeting sends the own hello and waits for the other.
func (p *Pool) beginGreeting(now time.Time, l *conn) {
	if !l.dialed {
		if len(p.greeting) >= maxGreeting {
			p.counters.HellosEvicted++
			p.close(now, p.greeting[0], ErrFull)
		}
		p.greeting = append(p.greeting, l)
	}
	p.agenda.set(&l.life, now.Add(helloTime))
	p.sendHello(now, l)
}

// sendHello begins a hello with the newest descriptor.
func (p *Pool) sendHello(now time.Time, l *conn) {
	l.out = outgoing{number: l.out.number + 1, message: p.own, waiting: true}
	p.repeatHello(now, l)
}

// repeatHello sends the own hello, again and again until it is answered.
func (p *Pool) repeatHello(now time.Time, l *conn) {
	if l.out.tries >= helloTries {
		l.out.waiting = false // noise will notice if the peer is gone
		return
	}
	p.emitMessage(now, l, typeHello, l.out.number, 0, l.out.message)
	p.agenda.set(&l.repeat, now.Add(helloFirst<<l.out.tries))
	l.out.tries++
}

// Announce sets the own descriptor, and tells all neighbours. A relay's pool needs it before its first link.
func (p *Pool) Announce(now time.Time, d *peer.Descriptor) {
	p.own = hello{p.boot, describe(d)}.append(nil)
	for _, l := range p.links {
		if l.up && l.pattern == noise.IK {
			p.sendHello(now, l)
		}
	}
}

// hearGot takes the answer to the own hello.
func (p *Pool) hearGot(now time.Time, l *conn, number uint32) {
	if !l.out.waiting || number != l.out.number {
		return
	}
	l.out.waiting, l.ours = false, true
	p.agenda.stop(&l.repeat)
	p.getReady(now, l)
}

// hearHello takes a piece of the other end's hello, and judges it when it is complete.
func (p *Pool) hearHello(now time.Time, l *conn, m piece) {
	if m.number <= l.heard {
		if m.number == l.heard && m.index == typeHello.pieces()-1 { // one answer is enough for a repetition
			p.emitMessage(now, l, typeGot, m.number, 0, nil)
		}
		return
	}
	message, complete := l.in.add(m)
	if !complete {
		return
	}
	h, ok := parseHello(message)
	if ok = ok && p.plausible(l, h); ok && !p.mayVerify(now, l, h) {
		p.counters.HellosLimited++
		return
	}
	if !ok || !p.accept(now, l, m.number, h) {
		p.counters.HellosRefused++
		p.close(now, l, ErrRefused)
	}
}

// plausible asks what needs no cryptography.
func (p *Pool) plausible(l *conn, h hello) bool {
	id := h.Static.NodeID()
	return h.Daily.LinkKey().Bytes() == l.key.Bytes() && id != p.cfg.Self && (l.contact == nil || l.contact.id == id) && (!l.theirs || l.boot == h.boot)
}

// mayVerify takes what a verification costs. Half of it is kept for who is expected: whoever this end dialled, and who
// has proven the key that an earlier descriptor of his named. Otherwise strangers could keep those out.
func (p *Pool) mayVerify(now time.Time, l *conn, h hello) bool {
	reserve := helloRate().burst / 2
	if c := p.byID[h.Static.NodeID()]; l.dialed || c != nil && c.target != nil && c.target.Daily().LinkKey() == h.Daily.LinkKey() {
		reserve = 0
	}
	return l.hellos.take(now, helloLinkRate(), 1, 0) && p.hello.take(now, helloRate(), 1, reserve)
}

// accept judges a plausible hello, and reports whether it is valid.
func (p *Pool) accept(now time.Time, l *conn, number uint32, h hello) bool {
	id := h.Static.NodeID()
	d, err := p.cfg.Gate.Admit(now, h.Static, h.Daily)
	if err != nil {
		return false
	}
	if !l.theirs && !p.join(now, l, id) {
		return false
	}
	p.counters.HellosAccepted++
	l.theirs, l.heard, l.boot = true, number, h.boot
	p.update(l.contact, d)
	p.emitMessage(now, l, typeGot, number, 0, nil)
	p.events = append(p.events, Event{Kind: Met, Neighbor: l.contact.number, Descriptor: d})
	p.buryEarlier(now, l)
	p.getReady(now, l)
	return true
}

// join puts a link that has said who it is to its contact, and reports whether there was room.
func (p *Pool) join(now time.Time, l *conn, id peer.NodeID) bool {
	c := p.byID[id]
	if c == nil {
		c = p.newContact(id)
	}
	if c == nil || len(c.conns) == 0 && p.linked >= p.cfg.MaxLinks {
		p.counters.LinksRefused++
		if c != nil {
			p.tidy(now, c)
		}
		return false
	}
	p.ungreet(l)
	l.contact = c
	if len(c.conns) == 0 {
		p.linked++
	}
	c.conns = append(c.conns, l)
	for i := 0; len(c.conns) > maxConns && i < len(c.conns); {
		if o := c.conns[i]; o != l && o != c.active {
			p.close(now, o, ErrDown)
			continue
		}
		i++
	}
	return true
}

// ungreet takes a link out of those that have not said who they are.
func (p *Pool) ungreet(l *conn) {
	if i := slices.Index(p.greeting, l); i >= 0 {
		p.greeting = slices.Delete(p.greeting, i, i+1)
	}
}

// buryEarlier closes the links to an earlier process of the same peer: nobody is there any more.
func (p *Pool) buryEarlier(now time.Time, l *conn) {
	for _, o := range slices.Clone(l.contact.conns) {
		if o.boot == l.boot || !o.theirs {
			continue
		}
		if o.number < l.number {
			p.close(now, o, ErrDown)
		} else {
			p.close(now, l, ErrDown)
			return
		}
	}
}
