package threatmodel

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"sotto/onion"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
	"sotto/threatmodel/lab"
)

// P16 for openings: strangers open leases at a relay, without the knock key, and with it but faster than the owner lets
// them. Somebody who is called over another lease of that relay is called all the while.

// openingFlood is a world with the strangers in it.
type openingFlood struct {
	*pairRun
	place              *lab.Relay  // of both leases
	noisy              onion.Lease // whose record the strangers have
	strangers          []*lab.Bare
	random             *lab.Source
	knocked, unknocked openingTally
}

// openingTally is what came of openings.
type openingTally struct{ sent, cut int }

// measureOpeningFlood is the part of P16 about openings.
func measureOpeningFlood(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: floodSeed}
	o, err := newOpeningFlood()
	if err != nil {
		return m, err
	}
	calls, good := 0, 0
	seconds := s.pick(80, 400)
	for range seconds {
		if ctx.Err() != nil {
			return m, ctx.Err()
		}
		if err := o.fire(); err != nil {
			return m, err
		}
		ok, err := o.call()
		if err != nil {
			return m, err
		}
		calls++
		good += btoi(ok)
	}
	allowed := lease.DefaultOpeningsBurst + lease.DefaultOpeningsPerMinute*float64(seconds+1)/60
	m.add("flood of openings", atLeast("honest calls to another lease there that were accepted", good, calls, honestLimit),
		never("openings without the knock key that were passed on", o.unknocked.sent-o.unknocked.cut, o.unknocked.sent),
		atMost("openings with it that were passed on", float64(o.knocked.sent-o.knocked.cut), allowed, "openings"),
		shown("openings with it", float64(o.knocked.sent), ""))
	return m, nil
}

func newOpeningFlood() (*openingFlood, error) {
	r, err := newPairRun(floodSeed, lab.WorldConfig{Bare: true, Relays: 12})
	if err != nil {
		return nil, err
	}
	if err := r.listen(); err != nil {
		return nil, err
	}
	o := &openingFlood{pairRun: r, random: r.world.Source("openings of strangers")}
	for _, relay := range r.world.Relays() {
		if relay.ID().Bytes() == r.standing.Lease.Place.Relay() {
			o.place = relay
		}
	}
	noisy, err := r.world.NewUser(lab.UserConfig{Name: "whose record the strangers have"})
	if err != nil {
		return nil, err
	}
	r.world.Run(10 * time.Second)
	standing, err := noisy.ListenAt(o.place)
	if err != nil {
		return nil, err
	}
	r.world.Run(10 * time.Second)
	if !standing.Up {
		return nil, fmt.Errorf("%w: no lease to flood", errNoSession)
	}
	o.noisy = standing.Lease
	for i := range 10 {
		b, err := r.world.NewBare(fmt.Sprintf("stranger %d", i), netip.Addr{})
		if err != nil {
			return nil, err
		}
		o.strangers = append(o.strangers, b)
	}
	return o, nil
}

// fire has every stranger open the lease that they know with its knock key, and the other one with another's.
func (o *openingFlood) fire() error {
	for i, b := range o.strangers {
		via := o.world.Relays()[i%len(o.world.Relays())]
		if via == o.place {
			via = o.world.Relays()[len(o.strangers)]
		}
		for _, c := range []struct {
			lease onion.Lease
			count *openingTally
		}{{o.noisy, &o.knocked}, {o.standing.Lease, &o.unknocked}} {
			if err := o.open(b, via, c.lease, c.count); err != nil {
				return err
			}
		}
	}
	return nil
}

// open sends one opening, and takes note of whether it was cut.
func (o *openingFlood) open(b *lab.Bare, via *lab.Relay, at onion.Lease, count *openingTally) error {
	number, err := b.Build(via)
	if err != nil {
		return err
	}
	var opening [cell.OpeningLen]byte
	o.random.Read(opening[:])
	first, err := lease.First(at.Place, at.ID, o.noisy.Knock, opening[:])
	if err != nil {
		return err
	}
	cells := make([]circuit.EarlyCell, cell.MaxEarly)
	for i := range cells {
		cells[i].Message = cell.Splice
		cells[i].Payload = make([]byte, cell.PayloadLen)
		o.random.Read(cells[i].Payload)
	}
	b.Do(func(now time.Time, origin *circuit.Origin) {
		err = origin.Extend(now, number, o.place.Target(), first[:], cells)
	})
	if err != nil {
		return err
	}
	count.sent++
	built := false
	for _, e := range b.Take() {
		built = built || e.Kind == circuit.Built && e.Hop == 2
		if e.Kind == circuit.Answered && e.Message == cell.Cut {
			count.cut++
			break
		}
	}
	if !built {
		return fmt.Errorf("%w: of a stranger", errNoCircuit)
	}
	b.Do(func(_ time.Time, origin *circuit.Origin) { origin.Close(number) })
	b.Take()
	return nil
}

// call makes an honest call and reports whether it was accepted within a second.
func (o *openingFlood) call() (accepted bool, err error) {
	o.users[0].Heard = lab.Heard{}
	talk, err := o.users[0].Call(o.standing.Lease, []byte("honest"))
	if err != nil {
		return false, err
	}
	o.world.Run(time.Second)
	accepted = o.users[0].Heard.Accepted == 1
	o.users[0].HangUp(talk)
	return accepted, nil
}
