package threatmodel

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"sotto/internal/simnet"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
	"sotto/threatmodel/lab"
)

// P16 for circuits: a relay under ten times as many creates as it could answer, from clients and from relays that are
// linked to it, on a processor of the costs that links are held to, with honest nodes that want circuits all the while.

// Who is there. A relay that floods is one link; what keeps it from having more is what enrolment asks for each.
const (
	createFloodClients  = 40
	createFloodRelays   = 4
	createHonestClients = 30
	createHonestRelays  = 4
	createHonestRate    = 100 // circuits a second, a third of them over other relays
)

// createPrice is what the steps of a relay's circuits take on the machine whose costs links are held to.
func createPrice() lab.Price {
	return lab.Price{
		Links: referenceCosts().of,
		// Three multiplications of 26 µs and what is hashed and sealed; one for a create whose handshake is wrong.
		Create: 100 * time.Microsecond, Bad: 33 * time.Microsecond,
		Cell: 1500 * time.Nanosecond,
	}
}

// createCapacity is how many creates a second the relay could answer if it did nothing else.
func createCapacity() float64 {
	p, c := createPrice(), referenceCosts()
	return float64(time.Second) / float64(p.Create+p.Cell+2*(kernelCost+c.data))
}

// measureCreateFlood is the part of P16 about creates.
func measureCreateFlood(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: floodSeed}
	if err := createMemory(ctx, s, &m); err != nil {
		return m, err
	}
	if err := createSuccess(ctx, time.Duration(s.pick(1, 10))*time.Second, &m); err != nil {
		return m, err
	}
	m.remark("flood of creates: a third each of valid ones that nobody uses, half of which name a next hop, of garbage and of replays; from %d client links and %d relays at once; capacity %.0f creates a second at %v each",
		createFloodClients, createFloodRelays, createCapacity(), createPrice().Create)
	return m, nil
}

// createFlood is a world with a relay that is flooded, the first.
type createFlood struct {
	world              *lab.World
	relay              *lab.Relay
	evil               []*lab.Hands
	honest             []*lab.Bare
	via                []*lab.Relay // by which an honest node goes to the relay; nil: at once
	ammo               *createAmmo
	random             *lab.Source
	fired, tried, made int
}

func newCreateFlood(valid int) (*createFlood, error) {
	price := createPrice()
	w, err := lab.NewWorld(lab.WorldConfig{
		Config: lab.Config{Seed: floodSeed, Link: simnet.Link{Latency: 20 * time.Millisecond}},
		Relays: 2 + createFloodRelays + createHonestRelays,
		Relay: func(i int, c *lab.RelayConfig) {
			if i == 0 {
				c.Price = &price
			}
		},
	})
	if err != nil {
		return nil, err
	}
	f := &createFlood{world: w, relay: w.Relays()[0], random: w.Source("flood of creates")}
	w.Meet()
	for i := range createFloodClients + createHonestClients {
		b, err := w.NewBare(fmt.Sprintf("client %d", i), netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}))
		if err != nil {
			return nil, err
		}
		if i < createFloodClients {
			b.Link(f.relay)
			f.evil = append(f.evil, b.Hands)
			continue
		}
		var via *lab.Relay
		if i%3 == 0 {
			via = w.Relays()[2+createFloodRelays+i/3%createHonestRelays]
			b.Link(via)
		} else {
			b.Link(f.relay)
		}
		f.honest, f.via = append(f.honest, b), append(f.via, via)
	}
	for _, r := range w.Relays()[2 : 2+createFloodRelays] {
		f.evil = append(f.evil, r.Hands)
	}
	f.ammo, err = newCreateAmmo(f.random, w.Overlay, w.Now(), f.relay.Target(), w.Relays()[1].Target(), valid)
	return f, err
}

// fire has the next of the attackers send a create.
func (f *createFlood) fire() bool {
	// Relays and clients in equal parts: each relay sends ten times what a client does.
	from := f.evil[f.random.IntN(createFloodClients)]
	if f.fired%2 == 0 {
		from = f.evil[createFloodClients+f.random.IntN(createFloodRelays)]
	}
	f.fired++
	from.Send(f.relay.Place(), f.ammo.next(f.random))
	return true
}

// build has the next honest node make a circuit that goes through the relay.
func (f *createFlood) build() error {
	i := f.tried % len(f.honest)
	f.tried++
	hops := []*lab.Relay{f.relay, f.world.Relays()[1]}
	if via := f.via[i]; via != nil {
		hops = []*lab.Relay{via, f.relay}
	}
	_, err := f.honest[i].Build(hops...)
	return err
}

// built counts the circuits that came about.
func (f *createFlood) built() {
	for _, b := range f.honest {
		for _, e := range b.Take() {
			if e.Kind == circuit.Built {
				f.made++
				b.Do(func(_ time.Time, o *circuit.Origin) { o.Close(e.Circuit) })
			}
		}
	}
}

// createSuccess counts the honest circuits that are made under the flood, at the first try.
func createSuccess(ctx context.Context, length time.Duration, m *Measurement) error {
	f, err := newCreateFlood(int(length.Seconds() * createCapacity()))
	if err != nil {
		return err
	}
	begin, spent := f.world.Now(), f.relay.Node().Machine().Spent()
	const ahead = 500 * time.Millisecond
	stop := begin.Add(length + ahead)
	over := false
	every(f.world.Lab, floodFactor*createCapacity(), func() bool { return f.fire() && !over })
	f.world.Run(ahead)
	var failed error
	every(f.world.Lab, createHonestRate, func() bool {
		if err := f.build(); err != nil {
			failed = err
		}
		return f.world.Now().Before(stop)
	})
	for !over && ctx.Err() == nil && failed == nil {
		f.world.Run(100 * time.Millisecond)
		f.built()
		late := f.world.Now().After(stop.Add(circuit.DefaultPatience))
		over = late || f.world.Now().After(stop) && f.made == f.tried
	}
	n, took := f.relay.Counters(), f.world.Now().Sub(begin)
	m.add("flood of creates",
		atLeast("honest circuits made at the first try", f.made, f.tried, honestLimit),
		shown("creates of the flood a second", float64(f.fired)/took.Seconds(), "/s"),
		shown("processor of the relay", 100*(f.relay.Node().Machine().Spent()-spent).Seconds()/took.Seconds(), "%"),
		shown("creates answered, honest and not", float64(n.Created), ""), shown("not authentic", float64(n.CreatesBad), ""),
		shown("refused as replays", float64(n.CreatesReplayed), ""), shown("over a limit", float64(n.CreatesLimited), ""),
		shown("circuits at the end", float64(n.Circuits), ""))
	if failed != nil {
		return failed
	}
	return ctx.Err()
}

// createAmmo is what a flood of creates is made of.
type createAmmo struct {
	valid [][]byte
	used  int
	frame [cell.FrameLen]byte
}

// newCreateAmmo makes valid creates, every other one of which goes on to a next hop.
func newCreateAmmo(random *lab.Source, overlay [32]byte, now time.Time, relay, next layer.Target, n int) (*createAmmo, error) {
	a := &createAmmo{valid: make([][]byte, n)}
	var scratch layer.Scratch
	for i := range a.valid {
		hops := []layer.Target{relay}
		if i%2 == 1 {
			hops = append(hops, next)
		}
		a.valid[i] = make([]byte, cell.BodyLen)
		train := layer.Train{First: []byte{byte(cell.NoOperation)}, Cells: i % (cell.MaxEarly + 1)}
		if _, err := layer.Create(&scratch, random, overlay, circuit.Bucket(now), hops, train, a.valid[i]); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// next is the next create, valid until the one after it. Valid ones are used once, as long as there are any.
func (a *createAmmo) next(random *lab.Source) []byte {
	cell.PutHeader(a.frame[:], cell.ID(random.Uint64()), cell.Create)
	body := cell.Body(a.frame[:])
	switch kind := random.IntN(3); {
	case kind == 0 && a.used < len(a.valid):
		copy(body, a.valid[a.used])
		a.used++
	case kind == 1 && a.used > 0:
		copy(body, a.valid[random.IntN(a.used)])
	default:
		random.Read(body)
	}
	return a.frame[:]
}
