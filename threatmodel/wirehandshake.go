package threatmodel

import (
	"context"
	"fmt"
	"time"

	"sotto/noise"
	"sotto/threatmodel/lab"
)

// The handshake datagrams of P06, each kind apart: first messages, challenges, first messages with a cookie, answers.

// The kinds, in the order in which a challenged handshake has them.
const (
	kindInitiation = iota
	kindCookie
	kindProven
	kindAnswer
	kinds
)

// caller is an initiator that makes one link after the other.
type caller struct {
	node    *lab.Node
	pattern noise.Pattern
	sent    int // datagrams since the last dial
	heard   int
}

// lookAtHandshakes makes links to a relay that challenges everybody, because it was restarted a moment ago. Patterns
// are in equal parts and not told apart: an outsider must not.
func lookAtHandshakes(ctx context.Context, s Scale, m *Measurement) error {
	const callers, tenth = 20, 100 * time.Millisecond
	handshakes := s.pick(5_000, 25_000) // four datagrams each
	l := lab.New(lab.Config{Seed: wireSeed + 2})
	relay, err := l.Node(lab.NodeConfig{Name: "relay", Addrs: address2(0), UsedKey: true})
	if err != nil {
		return err
	}
	byNode := make(map[*lab.Node]*caller)
	byAddr := make(map[string]*caller)
	var all []*caller
	for i := range callers {
		n, err := l.Node(lab.NodeConfig{Name: fmt.Sprintf("caller %d", i), Addrs: address2(2 + i)})
		if err != nil {
			return err
		}
		c := &caller{node: n, pattern: noise.IK + noise.Pattern(i%2)}
		all, byNode[n], byAddr[n.Addr().Addr().String()] = append(all, c), c, c
		n.OnEvent(func(_ time.Time, e noise.Event) {
			if e.Kind == noise.LinkUp {
				n.Close(e.Link)
			}
		})
	}
	looks := [kinds]*wireLook{}
	for k := range looks {
		looks[k] = newWireLook(s.pick(250, 2_000), s.pick(500, 20_000))
	}
	l.Watch(func(d lab.Datagram) {
		if c := byNode[d.Sender]; c != nil {
			if kind := kindInitiation + 2*c.sent; kind < kinds {
				looks[kind].see(c, c, d.Payload)
			}
			c.sent++
		} else if c := byAddr[d.To.Addr().String()]; c != nil {
			if kind := kindCookie + 2*c.heard; kind < kinds {
				looks[kind].see(c, c, d.Payload)
			}
			c.heard++
		}
	})
	for i := 0; i < handshakes && ctx.Err() == nil; i++ {
		c := all[i%callers]
		c.sent, c.heard = 0, 0
		if _, err := c.node.Dial(relay.Target(c.pattern)); err != nil {
			return err
		}
		if i%callers == callers-1 {
			l.Run(tenth) // ten a second and source, within what a source may
		}
	}
	if st := relay.Core().Stats(); st.Initiated != uint64(handshakes) || st.Challenged != uint64(handshakes) {
		return fmt.Errorf("threatmodel: %d of %d handshakes, %d challenged", st.Initiated, handshakes, st.Challenged)
	}
	for k, name := range [kinds]string{"first messages", "challenges", "first messages with a cookie", "answers"} {
		m.add(name, looks[k].figures()...)
	}
	return ctx.Err()
}
