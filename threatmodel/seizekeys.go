package threatmodel

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"sotto/noise"
	"sotto/onion/cell"
	"sotto/onion/layer"
	"sotto/onion/lease"
	"sotto/onion/session"
	"sotto/threatmodel/lab"
)

// What somebody can do with keys that he has seized, and what he recorded before.

// links runs a relay's links once more from what was on the wire, with its static key and with randomness of the
// attacker's own, and counts the frames that come out.
func (z *seizure) links(m *Measurement) error {
	relay := z.world.Relays()[leaseRelay]
	loot, err := relay.Seize()
	if err != nil {
		return err
	}
	random := z.world.Source("ephemerals of an attacker")
	if z.flaw.keptEphemerals {
		random = z.world.Source("life 1 of " + relay.Name())
	}
	core, err := noise.NewCore(z.start, noise.Config{Overlay: loot.Overlay, Node: loot.Node, Static: loot.Link, FreshKey: true, Rand: random})
	if err != nil {
		return err
	}
	given, links, frames := 0, 0, 0
	var batch noise.Batch
	for _, d := range z.wire {
		if d.to != relay.Node().Addr() {
			continue
		}
		given++
		batch.Reset()
		copy(batch.Next(d.from), d.payload)
		core.Tick(d.time)
		core.Receive(d.time, &batch)
		for _, e := range core.Events(nil) {
			links += btoi(e.Kind == noise.LinkUp)
			frames += btoi(e.Kind == noise.FrameReceived)
		}
		core.Recycle(core.Outgoing(nil))
	}
	m.add("the static key of a relay's links", never("links that it opens", links, given), never("frames that it reads", frames, given))
	return nil
}

// opened is what onion keys open.
type opened struct {
	creates, nexts, early int // creates; those of them that name a next hop; bytes of early data
	data                  int // cells under the keys that the answer makes
	ephemerals            int // answers whose ephemeral key was guessed
	tried                 int // data cells
	openings              [][]byte
	trains                [][][]byte // of each opening
}

// circuits tries the onion keys of all relays on every create that came to them, and what it gives on every cell behind.
func (z *seizure) circuits(m *Measurement, heading string, late bool) error {
	var o opened
	for _, relay := range z.world.Relays() {
		loot, err := relay.Seize()
		if err != nil {
			return err
		}
		if err := z.open(&o, relay, loot); err != nil {
			return err
		}
	}
	total := 0
	for _, c := range z.cells {
		_, command := cell.Header(c.frame)
		total += btoi(command == cell.Create)
	}
	if !late || o.creates > 0 {
		m.add(heading, never("cells read that went under the keys of a finished circuit", o.data, o.tried),
			never("answers whose ephemeral key was guessed", o.ephemerals, o.creates))
	}
	if late {
		m.add(heading, never("creates opened", o.creates, total), never("bytes of early data read", o.early, total))
		return nil
	}
	m.add(heading, shown("creates recorded", float64(total), ""), shown("creates opened, as stated", float64(o.creates), ""),
		shown("next hops read, as stated", float64(o.nexts), ""), shown("early data read, as stated", float64(o.early), "bytes"))
	if o.creates == 0 || o.early == 0 {
		return fmt.Errorf("%w: the attacker opened nothing of what he must", errNoCircuit)
	}
	z.openings, z.trains = o.openings, o.trains
	return nil
}

// guesses are what an attacker takes for the randomness of a relay.
func (z *seizure) guesses(loot lab.Loot) []io.Reader {
	known := sha256.Sum256([]byte("weak"))
	tries := [][32]byte{{}, loot.Node, known}
	for _, key := range loot.OnionBytes {
		tries = append(tries, key, sha256.Sum256(key[:]))
	}
	list := []io.Reader{z.world.Source("ephemerals of an attacker")}
	for _, b := range tries {
		list = append(list, &repeating{b: b[:]})
	}
	return list
}

// repeating gives the same bytes again and again.
type repeating struct {
	b  []byte
	at int
}

// Read implements io.Reader.
func (r *repeating) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.b[r.at%len(r.b)]
		r.at++
	}
	return len(p), nil
}

// open tries the keys of one relay.
func (z *seizure) open(o *opened, relay *lab.Relay, loot lab.Loot) error {
	for i, c := range z.cells {
		if _, command := cell.Header(c.frame); command != cell.Create || c.to != relay.Hands {
			continue
		}
		for n, guess := range z.guesses(loot) {
			a, _, err := layer.Answer(guess, loot.Overlay, loot.Node, loot.Onion, cell.Body(c.frame))
			if err != nil {
				break // not for these keys
			}
			if z.behind(o, a, i, n == 0); n == 0 {
				o.creates++
			}
		}
	}
	return nil
}

// behind counts what an opened create says, and tries its keys on the cells that followed it. first is set for what needs
// no guess, which is counted once.
func (z *seizure) behind(o *opened, a *layer.Answered, create int, first bool) {
	var train [][]byte
	var scratch layer.Scratch
	of := z.cells[create]
	for _, c := range z.cells[create+1:] {
		if _, command := cell.Header(c.frame); c.to != of.to || c.wire != of.wire || command != cell.Forward {
			continue
		}
		o.tried++
		body := bytes.Clone(cell.Body(c.frame))
		left := a.Opener.EarlyMissing()
		if _, err := a.Opener.Open(&scratch, body); err != nil {
			continue
		}
		if a.Opener.EarlyMissing() == left {
			o.data++
			continue
		}
		train = append(train, body[1:cell.MessageLen])
	}
	if !first {
		o.ephemerals += btoi(z.ephemerals[[cell.KeyLen]byte(a.Created[:])])
		return
	}
	o.nexts += btoi(a.Next != [cell.PrefixLen]byte{})
	if operation := cell.Operation(a.First[0]); a.Next != [cell.PrefixLen]byte{} || operation == cell.NoOperation {
		return
	} else if operation == cell.Open {
		o.openings = append(o.openings, bytes.Clone(a.First[cell.EarlyFirstLen-cell.OpeningLen:]))
		o.trains = append(o.trains, train)
	}
	o.early += cell.EarlyFirstLen + len(train)*cell.PayloadLen
}

// sessions tries the private keys of leases on the openings that onion keys have given, and on every cell that the relay
// of the lease passed on.
func (z *seizure) sessions(m *Measurement) error {
	left := 0
	for _, l := range z.leases {
		left += btoi(l.Key.Bytes() != [cell.KeyLen]byte{})
	}
	listener, err := session.NewListener(z.world.Source("an attacker who listens"), 64)
	if err != nil {
		return err
	}
	first, later, cells := 0, 0, 0
	for i, l := range z.leases {
		key, err := noise.StaticKeyFromBytes(z.private[i][:])
		if err != nil {
			return err
		}
		at := session.NewPoint(z.world.Overlay, l.Place.Relay(), l.ID.Bytes())
		if err := listener.SetLeases([]session.Lease{{Point: at, Key: key}}); err != nil {
			return err
		}
		for n, opening := range z.openings {
			now := z.called
			s, fresh, err := listener.Open(now, at, session.Leg(n+1), opening)
			if err != nil || !fresh {
				continue
			}
			for _, payload := range append(z.trains[n], z.spliced...) {
				content, ok := lease.ParseSplice(payload)
				if !ok {
					continue
				}
				cells++
				s.Receive(now, session.Leg(n+1), content)
				for _, e := range z.events(s, now) {
					switch {
					case e.Kind == session.Message && string(e.Bytes) == saidFirst:
						first += len(e.Bytes)
					case e.Kind == session.Message || e.Kind == session.Datagram:
						later += len(e.Bytes)
					}
				}
			}
		}
	}
	m.add("lease keys seized while the lease stood", never("bytes read of what was said once the session stood", later, cells),
		shown("first words read, as stated", float64(first), "bytes"))
	m.add("lease keys when the lease is over", never("keys that are left", left, len(z.leases)))
	if first == 0 {
		return fmt.Errorf("%w: the attacker read nothing of what he must", errNoSession)
	}
	return nil
}

// events takes what a session tells, and lets it send to nobody.
func (z *seizure) events(s *session.Session, now time.Time) []session.Event {
	s.Outgoing()
	return s.Events(now)
}
