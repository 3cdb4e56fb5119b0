package lab

import (
	"io"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
	"sotto/onion/request"
)

// The parts of a relay, which show each event of its circuits before it is acted on.

// relayCore is what a relay runs.
type relayCore interface {
	SetKeys(keys []circuit.Key)
	Receive(now time.Time, from circuit.Neighbor, client bool, frame []byte)
	NextCreate(now time.Time) (*circuit.CreateJob, bool)
	FinishCreate(now time.Time, job *circuit.CreateJob)
	LinkDown(now time.Time, n circuit.Neighbor)
	Tick(now time.Time)
	Deadline() time.Time
	Outgoing(dst []circuit.Out) []circuit.Out
	Recycle(sent []circuit.Out)
}

// parts implements relayCore as onion.Relay does.
type parts struct {
	relay    *Relay
	transit  *circuit.Transit
	leases   *lease.Registry
	requests *request.Server
	asked    []request.Action
	events   []circuit.Event
}

// newParts makes them in the order in which onion.Relay does, so that they draw the same from random.
func (r *Relay) newParts(random io.Reader) (*parts, error) {
	p := &parts{relay: r}
	var err error
	if p.transit, err = circuit.NewTransit(r.now(), circuit.TransitConfig{
		Overlay: r.world.Overlay, Node: r.identity.static.NodeID().Bytes(), Peers: r, MaxCircuits: r.cfg.MaxCircuits, Rand: random,
	}); err != nil {
		return nil, err
	}
	if p.leases, err = lease.NewRegistry(lease.RegistryConfig{
		Place: r.LeasePlace(), Limits: r.cfg.Limits, Secrets: secrets{p.transit}, Rand: random,
	}); err != nil {
		return nil, err
	}
	p.requests, err = request.NewServer(request.ServerConfig{
		Rand: random, Limits: request.DefaultLimits(), Services: []request.Service{request.Echo, request.EchoTrain},
	})
	return p, err
}

// secrets implements lease.Secrets.
type secrets struct{ t *circuit.Transit }

// Binding implements lease.Secrets.
func (s secrets) Binding(c lease.Circuit) [cell.KeyLen]byte {
	b, _ := s.t.Binding(circuit.Circuit(c))
	return b
}

// Agree implements lease.Secrets.
func (s secrets) Agree(c lease.Circuit, theirs [cell.KeyLen]byte) ([cell.KeyLen]byte, bool) {
	return s.t.Agree(circuit.Circuit(c), theirs)
}

// SetKeys implements relayCore.
func (p *parts) SetKeys(keys []circuit.Key) { p.transit.SetKeys(keys) }

// Receive implements relayCore.
func (p *parts) Receive(now time.Time, from circuit.Neighbor, client bool, frame []byte) {
	p.transit.Receive(now, from, client, frame)
	p.digest(now)
}

// NextCreate implements relayCore.
func (p *parts) NextCreate(now time.Time) (*circuit.CreateJob, bool) {
	job, ok := p.transit.NextCreate(now)
	p.digest(now)
	return job, ok
}

// FinishCreate implements relayCore.
func (p *parts) FinishCreate(now time.Time, job *circuit.CreateJob) {
	p.transit.FinishCreate(now, job)
	p.digest(now)
}

// LinkDown implements relayCore.
func (p *parts) LinkDown(now time.Time, n circuit.Neighbor) {
	p.transit.LinkDown(now, n)
	p.digest(now)
}

// Tick implements relayCore.
func (p *parts) Tick(now time.Time) {
	p.transit.Tick(now)
	p.actLeases(now, p.leases.Tick(now))
	p.actRequests(now, p.requests.Tick(now))
	p.digest(now)
}

// Deadline implements relayCore.
func (p *parts) Deadline() time.Time {
	d := p.transit.Deadline()
	for _, next := range []time.Time{p.leases.Next(), p.requests.Next()} {
		if !next.IsZero() && next.Before(d) {
			d = next
		}
	}
	return d
}

// Outgoing implements relayCore.
func (p *parts) Outgoing(dst []circuit.Out) []circuit.Out { return p.transit.Outgoing(dst) }

// Recycle implements relayCore.
func (p *parts) Recycle(sent []circuit.Out) { p.transit.Recycle(sent) }

// digest gives events of circuits to whom they concern, until there are none.
func (p *parts) digest(now time.Time) {
	for {
		p.echo(now)
		p.events = p.transit.Events(p.events[:0])
		if len(p.events) == 0 {
			return
		}
		for i := range p.events {
			p.relay.note(now, &p.events[i])
			p.react(now, &p.events[i])
		}
	}
}

func (p *parts) react(now time.Time, e *circuit.Event) {
	switch e.Kind {
	case circuit.Early:
		switch cell.Operation(e.Data[0]) {
		case cell.Open:
			p.actLeases(now, p.leases.Early(now, lease.Circuit(e.Circuit), lease.Neighbor(e.Neighbor), e.Data))
		case cell.Ask:
			p.actRequests(now, p.requests.Early(now, request.Circuit(e.Circuit), request.Neighbor(e.Neighbor), e.Data))
		default:
			p.transit.Close(now, e.Circuit)
		}
	case circuit.Arrived:
		switch e.Message {
		case cell.Listen, cell.Splice, cell.Cut:
			from, _, _ := p.transit.From(e.Circuit)
			p.actLeases(now, p.leases.Arrived(now, lease.Circuit(e.Circuit), lease.Neighbor(from), e.Message, e.Data))
		case cell.Request, cell.Again:
			p.actRequests(now, p.requests.Arrived(now, request.Circuit(e.Circuit), e.Message, e.Data))
		}
	case circuit.Closed:
		p.actLeases(now, p.leases.Closed(lease.Circuit(e.Circuit)))
		p.requests.Closed(request.Circuit(e.Circuit))
	}
}

// actLeases carries out what the leases ask for. A circuit that is gone meanwhile needs nothing.
func (p *parts) actLeases(now time.Time, actions []lease.Action) {
	for i := range actions {
		switch a := &actions[i]; a.Kind {
		case lease.ActSend:
			_ = p.transit.Reply(now, circuit.Circuit(a.Circuit), a.Message, a.Payload)
		case lease.ActClose:
			p.transit.Close(now, circuit.Circuit(a.Circuit))
		}
	}
}

// actRequests is the same for requests.
func (p *parts) actRequests(now time.Time, actions []request.Action) {
	for i := range actions {
		switch a := &actions[i]; a.Kind {
		case request.ActSend:
			_ = p.transit.Reply(now, circuit.Circuit(a.Circuit), a.Message, a.Payload)
		case request.ActClose:
			p.transit.Close(now, circuit.Circuit(a.Circuit))
		case request.ActAsk:
			p.asked = append(p.asked, *a)
		}
	}
}

// echo answers requests with what they ask.
func (p *parts) echo(now time.Time) {
	waiting := p.asked
	p.asked = nil
	for _, a := range waiting {
		actions, err := p.requests.Answer(now, a.Circuit, a.Content)
		if err != nil {
			actions = p.requests.Refuse(a.Circuit)
		}
		p.actRequests(now, actions)
	}
}

// Reply has the relay send a message to the origin of a circuit. It is for OnEvent, which is called while a cell is at
// hand: what it sends leaves with the rest. It fails as circuit.Transit.Reply.
func (r *Relay) Reply(now time.Time, c circuit.Circuit, m cell.Message, payload []byte) error {
	return r.parts.transit.Reply(now, c, m, payload)
}

// Say has the relay send a message to the origin of a circuit, out of nothing: an evil relay's own. It fails as
// circuit.Transit.Reply.
func (r *Relay) Say(c circuit.Circuit, m cell.Message, payload []byte) error {
	err := r.parts.transit.Reply(r.now(), c, m, payload)
	r.flush(nil)
	return err
}
