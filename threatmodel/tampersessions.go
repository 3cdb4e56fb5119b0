package threatmodel

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"time"

	"sotto/onion"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/threatmodel/lab"
)

// A session over six links, altered on each of them, and in the hands of the relay of the lease.

// pairRun is a caller and a callee with a session over a lease.
type pairRun struct {
	world    *lab.World
	users    [2]*lab.User // caller, callee
	standing *lab.Standing
	talk     [2]*onion.Talk
	random   *lab.Source
	sent     [1300]byte
	calls    int

	way     []lab.Passing // of the latest datagram
	watch   bool
	link    int // which of them is altered; below 0: none
	bit     int
	seen    int
	altered bool
	at      func(now time.Time, e *circuit.Event) // what an evil relay of the lease does
	log     func(r *lab.Relay, e *circuit.Event)  // is shown everything that relays open
}

// newPairRun makes a world in which a user calls another.
func newPairRun(seed uint64, c lab.WorldConfig) (*pairRun, error) {
	c.Seed = seed
	w, err := lab.NewWorld(c)
	if err != nil {
		return nil, err
	}
	r := &pairRun{world: w, random: w.Source("what is said"), link: -1}
	w.Meet()
	for i, name := range []string{"caller", "callee"} {
		if r.users[i], err = w.NewUser(lab.UserConfig{Name: name, Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)})}); err != nil {
			return nil, err
		}
	}
	for _, relay := range w.Relays() {
		relay.OnEvent = func(now time.Time, e *circuit.Event) {
			if r.log != nil {
				r.log(relay, e)
			}
			if r.at != nil && r.standing.Lease.Place.Relay() == relay.ID().Bytes() {
				r.at(now, e)
			}
		}
	}
	w.Run(10 * time.Second)
	return r, nil
}

// listen has the callee listen.
func (r *pairRun) listen() (err error) {
	r.standing, err = r.users[1].Listen()
	r.world.Run(10 * time.Second)
	return err
}

// errNoSession means that a lab did not get as far as its measurement.
var errNoSession = fmt.Errorf("%w: no session between two users", errNoCircuit)

// ready sees to a session that stands.
func (r *pairRun) ready() error {
	for range 20 {
		if r.talk[0] != nil && len(r.users[0].Heard.Closed) == 0 && len(r.users[1].Heard.Closed) == 0 {
			return nil
		}
		r.drop()
		r.world.Run(3 * time.Second)
		if !r.standing.Up {
			r.world.Run(10 * time.Minute) // so does an owner whose circuits are closed again and again pause
			continue
		}
		r.users[0].Heard, r.users[1].Heard = lab.Heard{}, lab.Heard{}
		talk, err := r.users[0].Call(r.standing.Lease, []byte("first"))
		if err != nil {
			return err
		}
		r.calls++
		r.world.Run(2 * time.Second)
		if r.users[0].Heard.Accepted == 1 && len(r.users[1].Heard.Talks) == 1 {
			r.talk = [2]*onion.Talk{talk, r.users[1].Heard.Talks[0]}
			continue
		}
		r.world.Run(time.Hour) // so many calls to one relay that end badly are what a caller makes in an hour
	}
	return errNoSession
}

// drop ends the session, if there is one.
func (r *pairRun) drop() {
	if r.talk[0] != nil {
		r.users[0].HangUp(r.talk[0])
	}
	r.talk = [2]*onion.Talk{}
}

// throw sends a datagram from one end to the other and reports whether it came, and whether anything else did.
func (r *pairRun) throw(from int) (came bool, changed int, err error) {
	datagram := r.sent[:200]
	r.random.Read(datagram)
	heard := &r.users[1-from].Heard
	heard.Datagrams, heard.Messages = nil, nil
	r.watch, r.way, r.seen, r.altered = true, nil, 0, false
	err = r.users[from].Throw(r.talk[from], datagram)
	r.watch = false
	r.world.Run(10 * time.Millisecond)
	for _, d := range heard.Datagrams {
		if bytes.Equal(d, datagram) {
			came = true
		} else {
			changed++
		}
	}
	return came, changed + len(heard.Messages), err
}

// touch notes the way of a datagram, and alters it on one link of six.
func (r *pairRun) touch(p lab.Passing) bool {
	_, command := cell.Header(p.Frame)
	if !r.watch || command != cell.Forward && command != cell.Backward {
		return true
	}
	if r.seen == r.link {
		p.Frame[1+r.bit/8] ^= 1 << (r.bit % 8)
		r.altered = true
	}
	r.seen++
	p.Frame = nil
	r.way = append(r.way, p)
	return true
}

// sessionLinks is how many links there are between two users.
const sessionLinks = 6

// tamperSessions is the measurement.
func tamperSessions(ctx context.Context, s Scale, m *Measurement) error {
	r, err := newPairRun(tamperSeed, lab.WorldConfig{Bare: true, Relays: 12})
	if err != nil {
		return err
	}
	if err := r.listen(); err != nil {
		return err
	}
	r.world.Touch(r.touch)
	for from := range 2 {
		if err := r.ready(); err != nil {
			return err
		}
		if came, _, err := r.throw(from); err != nil || !came || len(r.way) != sessionLinks {
			return fmt.Errorf("%w: an unaltered datagram over %d links: %w", errNoSession, len(r.way), err)
		}
		heading := fmt.Sprintf("a session over six links, from the %s", r.users[from].Name())
		if err := r.onLinks(ctx, s, m, from, heading); err != nil {
			return err
		}
		r.link = -1
		if err := r.atTheLease(ctx, s, m, from, heading); err != nil {
			return err
		}
	}
	if err := r.openings(ctx, s, m); err != nil {
		return err
	}
	m.add("sessions", shown("calls that were made to alter them", float64(r.calls), ""))
	return nil
}

// onLinks alters a datagram on every link. Those behind the lease go back to whoever closes what fails, so that each of
// them costs a session: the quick run takes few.
func (r *pairRun) onLinks(ctx context.Context, s Scale, m *Measurement, from int, heading string) error {
	bodies, delivered, changed := 0, 0, 0
	for link := range sessionLinks {
		step := s.pick(8, 1)
		if link >= sessionLinks/2 {
			step = s.pick(48, 3)
		}
		for position := cell.HeaderLen + link; position < cell.Len; position += step {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.link = -1
			if err := r.ready(); err != nil {
				return err
			}
			r.link, r.bit = link, 8*position+position%8
			came, other, err := r.throw(from)
			if err != nil || !r.altered {
				return fmt.Errorf("%w: %w", errNoSession, err)
			}
			changed += other
			if erasable := link >= sessionLinks/2 && link < sessionLinks-1 && position >= cell.Len-cell.LayerLen; !erasable {
				bodies++
				delivered += btoi(came)
			}
			if link >= sessionLinks/2 {
				r.link = -1
				r.world.Run(time.Second)
				r.drop()
			}
		}
	}
	m.add(heading, never("datagrams that came although a cell was altered", delivered, bodies), never("altered datagrams or messages", changed, bodies))
	return nil
}

// atTheLease has the relay of the lease alter what it opens and passes on, at every byte.
func (r *pairRun) atTheLease(ctx context.Context, s Scale, m *Measurement, from int, heading string) error {
	position, spoiled := 0, false
	r.at = func(_ time.Time, e *circuit.Event) {
		if r.watch && e.Kind == circuit.Arrived && e.Message == cell.Splice && !spoiled {
			e.Data[cell.SpliceIDLen+position/8] ^= 1 << (position % 8)
			spoiled = true
		}
	}
	defer func() { r.at = nil }()
	trials, delivered, changed := 0, 0, 0
	for i := 0; i < cell.SessionLen && ctx.Err() == nil; i++ {
		for _, bit := range bitsOf(s, i) {
			if err := r.ready(); err != nil {
				return err
			}
			position, spoiled = 8*i+bit, false
			came, other, err := r.throw(from)
			if err != nil || !spoiled {
				return fmt.Errorf("%w: at the lease: %w", errNoSession, err)
			}
			trials++
			delivered += btoi(came)
			changed += other
		}
	}
	m.add(heading+", altered by the relay of the lease", never("datagrams that came all the same", delivered, trials), never("altered datagrams or messages", changed, trials))
	return ctx.Err()
}

// openings has the relay of the lease alter openings before it looks at them.
func (r *pairRun) openings(ctx context.Context, s Scale, m *Measurement) error {
	trials, taken := 0, 0
	for i := 0; i < cell.EarlyFirstLen && ctx.Err() == nil; i += s.pick(8, 1) {
		r.drop()
		r.world.Run(time.Hour) // so that the caller makes as many tries as it can
		altered := false
		r.at = func(_ time.Time, e *circuit.Event) {
			if e.Kind == circuit.Early {
				e.Data[i] ^= 1 << (i % 8)
				altered = true
			}
		}
		r.users[0].Heard, r.users[1].Heard = lab.Heard{}, lab.Heard{}
		talk, err := r.users[0].Call(r.standing.Lease, []byte("first"))
		if err != nil {
			return err
		}
		r.calls++
		r.world.Run(5 * time.Second)
		r.talk[0] = talk
		if r.at = nil; !altered {
			return fmt.Errorf("%w: no opening to alter", errNoSession)
		}
		trials++
		taken += len(r.users[1].Heard.Talks) + len(r.users[1].Heard.Messages)
	}
	r.drop()
	m.add("openings, altered by the relay of the lease", never("sessions or messages that came of them", taken, trials))
	return ctx.Err()
}
