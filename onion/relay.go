// What a relay does for others, as a core without I/O.

package onion

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
	"sotto/onion/request"
	"sotto/overlay/peer"
)

// RelayConfig are the inputs of a Relay.
type RelayConfig struct {
	Overlay peer.OverlayID
	Node    peer.NodeID
	Peers   circuit.Peers
	// Observe is shown what a circuit has brought to this hop, before it is acted on: for whoever measures what a relay reads.
	// It may be nil.
	Observe func(now time.Time, ev *circuit.Event)
	// Services are what this relay answers beside the echoes that measure.
	Services []request.Service
	// MaxCircuits bounds circuits; 0: circuit.DefaultMaxCircuits.
	MaxCircuits int
	// CellsPerSecond bounds what is forwarded; 0: no bound.
	CellsPerSecond float64
	Limits         lease.Limits // zero: lease.DefaultLimits
	Rand           io.Reader    // nil: crypto/rand
	// Taken tells which IDs this node's own circuits have; nil: it makes none.
	Taken func(circuit.Neighbor, cell.ID) bool
}

// Relay forwards the circuits of others, and answers where they end. It is not safe for concurrent use.
type Relay struct {
	transit  *circuit.Transit
	leases   *lease.Registry
	requests *request.Server
	asked    []Asked
	observe  func(time.Time, *circuit.Event)
	events   []circuit.Event
}

// NewRelay makes a relay without keys: SetKeys gives it some. It fails with circuit.ErrConfig or lease.ErrConfig.
func NewRelay(now time.Time, c RelayConfig) (*Relay, error) {
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Limits == (lease.Limits{}) {
		c.Limits = lease.DefaultLimits()
	}
	r := &Relay{observe: c.Observe}
	var err error
	r.transit, err = circuit.NewTransit(now, circuit.TransitConfig{
		Overlay: c.Overlay.Bytes(), Node: c.Node.Bytes(), Peers: c.Peers, MaxCircuits: c.MaxCircuits,
		CellsPerSecond: c.CellsPerSecond, Rand: c.Rand, Taken: c.Taken,
	})
	if err != nil {
		return nil, err
	}
	r.leases, err = lease.NewRegistry(lease.RegistryConfig{
		Place: lease.NewPlace(c.Overlay.Bytes(), c.Node.Bytes()), Limits: c.Limits, Secrets: secrets{r.transit}, Rand: c.Rand,
	})
	if err != nil {
		return nil, err
	}
	r.requests, err = request.NewServer(request.ServerConfig{Rand: c.Rand, Limits: request.DefaultLimits(), Services: services(c.Services)})
	return r, err
}

// secrets gives the registry what it shares with the origin of a circuit.
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

// SetKeys replaces the onion keys that creates are taken for.
func (r *Relay) SetKeys(keys []circuit.Key) { r.transit.SetKeys(keys) }

// Receive takes a cell from a neighbour, as circuit.Transit.Receive does.
func (r *Relay) Receive(now time.Time, from circuit.Neighbor, client bool, frame []byte) {
	r.transit.Receive(now, from, client, frame)
	r.digest(now)
}

// NextCreate returns a create to be answered: Run it, anywhere, then call FinishCreate.
func (r *Relay) NextCreate(now time.Time) (*circuit.CreateJob, bool) {
	return r.transit.NextCreate(now)
}

// FinishCreate takes a job that has run.
func (r *Relay) FinishCreate(now time.Time, job *circuit.CreateJob) {
	r.transit.FinishCreate(now, job)
	r.digest(now)
}

// LinkDown ends what goes over a link that is lost.
func (r *Relay) LinkDown(now time.Time, n circuit.Neighbor) {
	r.transit.LinkDown(now, n)
	r.digest(now)
}

// Reply sends a message of this relay to the origin of a circuit, as circuit.Transit.Reply does: whatever a relay may say,
// also out of turn.
func (r *Relay) Reply(now time.Time, c circuit.Circuit, m cell.Message, payload []byte) error {
	return r.transit.Reply(now, c, m, payload)
}

// Taken tells whether a circuit made here has an ID on a link.
func (r *Relay) Taken(n circuit.Neighbor, id cell.ID) bool { return r.transit.Taken(n, id) }

// Tick does what is due.
func (r *Relay) Tick(now time.Time) {
	r.transit.Tick(now)
	r.actLeases(now, r.leases.Tick(now))
	r.actRequests(now, r.requests.Tick(now))
	r.digest(now)
}

// Deadline is when Tick wants to be called next.
func (r *Relay) Deadline() time.Time {
	return earliest(r.transit.Deadline(), r.leases.Next(), r.requests.Next())
}

// earliest is the first of some moments that is not zero.
func earliest(moments ...time.Time) time.Time {
	var first time.Time
	for _, t := range moments {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// Outgoing appends the cells to be sent to dst; Recycle takes them back.
func (r *Relay) Outgoing(dst []circuit.Out) []circuit.Out { return r.transit.Outgoing(dst) }

// Recycle takes cells back that have been sent.
func (r *Relay) Recycle(sent []circuit.Out) { r.transit.Recycle(sent) }

// RelayStatus is what an operator sees.
type RelayStatus struct {
	circuit.Counters
	Leases, Splices int
}

// Status returns counts.
func (r *Relay) Status() RelayStatus {
	return RelayStatus{r.transit.Counters(), r.leases.Leases(), r.leases.Splices()}
}

// digest gives events of circuits to whom they concern, until there are none.
func (r *Relay) digest(now time.Time) {
	for {
		r.answerEchoes(now)
		r.events = r.transit.Events(r.events[:0])
		if len(r.events) == 0 {
			return
		}
		for i := range r.events {
			if r.observe != nil {
				r.observe(now, &r.events[i])
			}
			r.react(now, &r.events[i])
		}
	}
}

func (r *Relay) react(now time.Time, ev *circuit.Event) {
	switch ev.Kind {
	case circuit.Early:
		switch cell.Operation(ev.Data[0]) {
		case cell.Open:
			r.actLeases(now, r.leases.Early(now, lease.Circuit(ev.Circuit), lease.Neighbor(ev.Neighbor), ev.Data))
		case cell.Ask:
			r.actRequests(now, r.requests.Early(now, request.Circuit(ev.Circuit), request.Neighbor(ev.Neighbor), ev.Data))
		default:
			r.transit.Close(now, ev.Circuit)
		}
	case circuit.Arrived:
		switch ev.Message {
		case cell.Listen, cell.Splice, cell.Cut:
			from, _, _ := r.transit.From(ev.Circuit)
			r.actLeases(now, r.leases.Arrived(now, lease.Circuit(ev.Circuit), lease.Neighbor(from), ev.Message, ev.Data))
		case cell.Request, cell.Again:
			r.actRequests(now, r.requests.Arrived(now, request.Circuit(ev.Circuit), ev.Message, ev.Data))
		}
	case circuit.Closed:
		r.actLeases(now, r.leases.Closed(lease.Circuit(ev.Circuit)))
		r.requests.Closed(request.Circuit(ev.Circuit))
	}
}

// actLeases carries out what the registry asks for. A circuit that is gone meanwhile needs nothing.
func (r *Relay) actLeases(now time.Time, actions []lease.Action) {
	for i := range actions {
		switch a := &actions[i]; a.Kind {
		case lease.ActSend:
			_ = r.transit.Reply(now, circuit.Circuit(a.Circuit), a.Message, a.Payload)
		case lease.ActClose:
			r.transit.Close(now, circuit.Circuit(a.Circuit))
		}
	}
}

// actRequests is the same for the server of requests.
func (r *Relay) actRequests(now time.Time, actions []request.Action) {
	for i := range actions {
		switch a := &actions[i]; a.Kind {
		case request.ActSend:
			_ = r.transit.Reply(now, circuit.Circuit(a.Circuit), a.Message, a.Payload)
		case request.ActClose:
			r.transit.Close(now, circuit.Circuit(a.Circuit))
		case request.ActAsk:
			r.asked = append(r.asked, Asked{a.Circuit, a.Service, a.Content})
		}
	}
}

// answerEchoes answers what this package serves; the rest is for Asked.
func (r *Relay) answerEchoes(now time.Time) {
	waiting := r.asked
	r.asked = nil
	for _, a := range waiting {
		if a.Service != request.Echo.Number && a.Service != request.EchoTrain.Number {
			r.asked = append(r.asked, a)
			continue
		}
		r.Answer(now, a.Circuit, a.Content)
	}
}

// Asked is a request that waits for its answer.
type Asked struct {
	Circuit request.Circuit
	Service byte
	Content []byte
}

// Asked returns the requests of services that RelayConfig names, for Answer or Refuse, and forgets them.
func (r *Relay) Asked() []Asked {
	a := r.asked
	r.asked = nil
	return a
}

// Answer answers a request. One that is gone needs none; a content that is too long is a refusal.
func (r *Relay) Answer(now time.Time, c request.Circuit, content []byte) {
	actions, err := r.requests.Answer(now, c, content)
	if err != nil {
		r.Refuse(now, c)
		return
	}
	r.actRequests(now, actions)
}

// Refuse ends the circuit of a request without an answer.
func (r *Relay) Refuse(now time.Time, c request.Circuit) { r.actRequests(now, r.requests.Refuse(c)) }

func services(more []request.Service) []request.Service {
	return append([]request.Service{request.Echo, request.EchoTrain}, more...)
}

// Format prints a fixed text for every verb.
func (*Relay) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[relay]") }

// LogValue logs a fixed text.
func (*Relay) LogValue() slog.Value { return slog.StringValue("[relay]") }
