// Whatever happens, everybody who waits is told once, and nothing is left behind.

package onion

import (
	"fmt"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/onion/session"
)

// outcome counts what one caller was told.
type outcome struct {
	what string
	told int
	late int // after the last word
}

// chaos is a network of which nobody can be sure.
type chaos struct {
	*network
	dice     *mathrand.Rand
	users    []*place
	leases   []Lease
	wants    map[*place][]lease.Want
	talks    map[*place][]*Talk
	outcomes []*outcome
}

func (c *chaos) session(p *place, o *outcome) func(session.Event) {
	return func(ev session.Event) {
		if o.told > 0 {
			o.late++
		}
		if ev.Kind == session.Closed {
			o.told++
		}
	}
}

// lie has a relay send what it should not on all circuits that end at it.
func (c *chaos) lie(p *place) {
	for number := range circuit.Circuit(400) {
		if _, _, ok := p.relay.transit.From(number); !ok || c.dice.IntN(3) > 0 {
			continue
		}
		payload := make([]byte, cell.PayloadLen)
		c.read(payload)
		if c.dice.IntN(2) == 0 {
			clear(payload[:8])
		}
		messages := []cell.Message{cell.Listening, cell.Opening, cell.Splice, cell.Cut, cell.Answer, cell.Again, cell.Request, cell.Listen, cell.Drop}
		for range 1 + c.dice.IntN(4) {
			_ = p.relay.transit.Reply(c.now, number, messages[c.dice.IntN(len(messages))], payload)
		}
		if c.dice.IntN(4) == 0 {
			p.relay.transit.Close(c.now, number)
		}
	}
	p.relay.digest(c.now)
	c.flush(p)
}

// act does something at random.
func (c *chaos) act(i int) {
	p := c.users[c.dice.IntN(len(c.users))]
	r := c.all[c.dice.IntN(c.dir.Len())]
	switch c.dice.IntN(16) {
	case 0, 1, 2, 3:
		o := &outcome{what: fmt.Sprintf("request %d", i)}
		c.outcomes = append(c.outcomes, o)
		p.client.Ask(c.now, Question{
			Peer: r.d.NodeID(), Purpose: path.Purpose(c.dice.IntN(path.Purposes)), Service: request.Echo, Content: []byte("x"),
			Limit: time.Duration(1+c.dice.IntN(20)) * time.Second, Done: func([]byte, error) { o.told++ },
		})
	case 4, 5, 6:
		if len(c.leases) == 0 {
			return
		}
		o := &outcome{what: fmt.Sprintf("call %d", i)}
		first := c.dice.IntN(len(c.leases))
		list := c.callees(c.leases[first:min(first+3, len(c.leases))])
		t, fresh, err := p.client.Dial(c.now, Call{
			Pair: session.PairOf([32]byte{byte(c.dice.IntN(8))}), Callees: list, First: []byte("hello"), Tell: c.session(p, o),
		})
		if err == nil {
			c.talks[p] = append(c.talks[p], t)
		}
		if fresh {
			c.outcomes = append(c.outcomes, o)
		}
	case 7:
		if id, err := p.client.Listen(c.now, ListenConfig{
			Spec:   lease.Spec{Kind: lease.ShortLived, Lifetime: 10 * time.Minute, Overlap: time.Minute},
			Stands: func(l Lease) { c.leases = append(c.leases, l) },
		}); err == nil {
			c.wants[p] = append(c.wants[p], id)
		}
	case 8:
		if w := c.wants[p]; len(w) > 0 {
			p.client.Unlisten(c.now, w[0])
			c.wants[p] = w[1:]
		}
	case 9, 10:
		if t := c.talks[p]; len(t) > 0 {
			if c.dice.IntN(2) == 0 {
				t[0].Leave(c.now)
			} else {
				t[0].Close(c.now)
			}
			c.talks[p] = t[1:]
		}
	case 11:
		if t := c.talks[p]; len(t) > 0 && !t[0].over {
			t[0].Session(c.now, func(s *session.Session) {
				if s != nil {
					_ = s.SendMessage(c.now, make([]byte, 1+c.dice.IntN(5000)))
				}
			})
		}
	case 12:
		c.kill(r)
	case 13:
		r.off = false
		for _, u := range c.users {
			c.flush(u)
		}
	default:
		c.lie(r)
	}
	c.flush(p)
}

func TestEverybodyIsToldOnceAndNothingIsLeft(t *testing.T) {
	for seed := range uint64(1) {
		n := newNetwork(t, byte(40+seed), 24)
		n.loss = 0.03
		c := &chaos{
			network: n, dice: mathrand.New(mathrand.NewPCG(seed, 1)), wants: map[*place][]lease.Want{}, talks: map[*place][]*Talk{},
		}
		for range 4 {
			var p *place
			p = n.user(func(cfg *ClientConfig) {
				cfg.Incoming = func(talk *Talk) func(session.Event) {
					o := &outcome{what: "called"}
					c.outcomes = append(c.outcomes, o)
					if c.dice.IntN(4) == 0 {
						talk.refuse = true
					}
					c.talks[p] = append(c.talks[p], talk)
					return c.session(p, o)
				}
			})
			c.users = append(c.users, p)
		}
		n.run(10 * time.Second)
		for i := range 150 {
			c.act(i)
			n.run(time.Duration(c.dice.IntN(2000)) * time.Millisecond)
		}
		for _, p := range c.users {
			for _, w := range c.wants[p] {
				p.client.Unlisten(n.now, w)
			}
			for _, one := range append([]*Talk(nil), p.client.talks...) {
				one.Close(n.now)
			}
			n.flush(p)
		}
		n.run(3 * time.Minute)
		if len(c.outcomes) < 30 || len(c.leases) < 3 {
			t.Errorf("seed %d: only %d outcomes, %d leases", seed, len(c.outcomes), len(c.leases))
		}
		for _, o := range c.outcomes {
			if o.told != 1 || o.late != 0 {
				t.Errorf("seed %d: %s was told %d times, %d times afterwards", seed, o.what, o.told, o.late)
			}
		}
		for i, p := range c.users {
			l := p.client
			if len(l.trips) != len(l.stems) || l.origin.Len() != len(l.trips) {
				t.Errorf("seed %d: client %d has %d trips, %d stems, %d circuits", seed, i, len(l.trips), len(l.stems), l.origin.Len())
			}
			left := []int{
				len(l.asked), len(l.questions), l.requests.Requests(), len(l.talks), len(l.spliced), len(l.keys), len(l.dirty), len(l.cuts), len(l.wants), len(l.retry), l.table.Len(),
			}
			for _, k := range left {
				if k != 0 {
					t.Errorf("seed %d: client %d has something left: %v", seed, i, left)
					break
				}
			}
		}
	}
}
