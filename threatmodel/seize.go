package threatmodel

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"sotto/internal/simnet"
	"sotto/onion"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/threatmodel/lab"
)

// P09: somebody records every datagram, and every cell in the hands of all relays; later he gets the private keys of links,
// circuits and leases, and tries them on all of it.

const seizeSeed = 9

// seizeFlaw is what a control breaks; the zero value is right.
type seizeFlaw struct {
	weakEphemerals bool // relays draw them from a hash that everybody can compute
	keptEphemerals bool // the randomness of links is seized too
	keptKeys       bool // relays keep onion keys that are out of use
}

// measureSeizure is the measurement of P09.
func measureSeizure(ctx context.Context, s Scale) (Measurement, error) {
	return seize(ctx, s, seizeFlaw{})
}

func controlWeakEphemerals(ctx context.Context, s Scale) (Measurement, error) {
	return seize(ctx, s, seizeFlaw{weakEphemerals: true})
}

func controlKeptEphemerals(ctx context.Context, s Scale) (Measurement, error) {
	return seize(ctx, s, seizeFlaw{keptEphemerals: true})
}

func controlKeptKeys(ctx context.Context, s Scale) (Measurement, error) {
	return seize(ctx, s, seizeFlaw{keptKeys: true})
}

// wired is a datagram as it was recorded.
type wired struct {
	time     time.Time
	from, to netip.AddrPort
	payload  []byte
}

// handedOver is a cell as it was recorded in the hands of the relay that it came to.
type handedOver struct {
	time  time.Time
	to    *lab.Hands
	wire  lab.Wire // where it came from
	frame []byte
}

// seizure is a world with all that was recorded of it.
type seizure struct {
	*pairRun
	flaw    seizeFlaw
	start   time.Time
	wire    []wired
	cells   []handedOver
	leases  []onion.Lease
	private [][cell.KeyLen]byte // of leases, copied while they stood
	keep    bool
	// What was made of it, or noted on the way.
	ephemerals map[[cell.KeyLen]byte]bool // of answers to creates
	called     time.Time                  // when the call was made
	spliced    [][]byte                   // what the relay of the lease passed on, in its hands
	openings   [][]byte                   // what onion keys gave
	trains     [][][]byte
	relaysAt   map[*lab.Hands]*lab.Relay
}

// The relay that holds the lease is the last: it is dialled by all others and dials nobody.
const leaseRelay = 11

func seize(ctx context.Context, s Scale, flaw seizeFlaw) (Measurement, error) {
	m := Measurement{Seed: seizeSeed}
	z, err := newSeizure(flaw)
	if err != nil {
		return m, err
	}
	if err := z.record(s.pick(50, 1000)); err != nil {
		return m, err
	}
	if err := z.links(&m); err != nil {
		return m, err
	}
	if err := z.circuits(&m, "onion keys seized while they are in use", false); err != nil {
		return m, err
	}
	if err := z.sessions(&m); err != nil {
		return m, err
	}
	for range 2 {
		if err := z.world.NextPeriod(); err != nil {
			return m, err
		}
	}
	if err := z.circuits(&m, "onion keys seized two periods later", true); err != nil {
		return m, err
	}
	m.remark("recorded: %d datagrams on the wires, %d cells in the hands of relays; circuits and sessions closed before the keys were seized", len(z.wire), len(z.cells))
	return m, ctx.Err()
}

func newSeizure(flaw seizeFlaw) (*seizure, error) {
	z := &seizure{flaw: flaw, keep: true, relaysAt: make(map[*lab.Hands]*lab.Relay), ephemerals: make(map[[cell.KeyLen]byte]bool)}
	var err error
	z.pairRun, err = newPairRun(seizeSeed, lab.WorldConfig{
		Config: lab.Config{Link: simnet.Link{Latency: 20 * time.Millisecond}, Watch: z.watch}, Relays: leaseRelay + 1,
		Relay: func(_ int, c *lab.RelayConfig) {
			c.KeepKeys = flaw.keptKeys
			if flaw.weakEphemerals {
				c.Rand = func(world io.Reader) io.Reader { return weak{world} }
			}
		},
	})
	if err != nil {
		return nil, err
	}
	for _, r := range z.world.Relays() {
		z.relaysAt[r.Hands] = r
	}
	z.world.Touch(z.touch)
	z.log = func(r *lab.Relay, e *circuit.Event) {
		if e.Kind == circuit.Arrived && e.Message == cell.Splice && r == z.world.Relays()[leaseRelay] {
			z.spliced = append(z.spliced, slices.Clone(e.Data))
		}
	}
	return z, nil
}

// weak gives ephemeral keys that everybody knows, and random bytes of other lengths.
type weak struct{ world io.Reader }

// Read implements io.Reader.
func (w weak) Read(p []byte) (int, error) {
	if len(p) != cell.KeyLen {
		return w.world.Read(p)
	}
	key := sha256.Sum256([]byte("weak"))
	return copy(p, key[:]), nil
}

func (z *seizure) watch(d lab.Datagram) {
	if z.start.IsZero() {
		z.start = d.Time
	}
	if z.keep {
		z.wire = append(z.wire, wired{d.Time, d.From, d.To, slices.Clone(d.Payload)})
	}
}

func (z *seizure) touch(p lab.Passing) bool {
	id, command := cell.Header(p.Frame)
	if command == cell.Created {
		z.ephemerals[[cell.KeyLen]byte(cell.Body(p.Frame))] = true
	}
	if z.keep && z.relaysAt[p.To] != nil {
		z.cells = append(z.cells, handedOver{p.Time, p.To, lab.Wire{Neighbor: p.From.Place(), ID: id}, slices.Clone(p.Frame)})
	}
	return true
}

// What is said, by when it travels.
const (
	saidEarly   = "what somebody asks, in early data"
	saidFirst   = "the first words of a call, in its opening train"
	saidLater   = "what is said once the session stands"
	listenFor   = 2 * time.Hour
	listenAhead = 10 * time.Minute
)

// record has users ask, listen, call, talk, and end all of it.
func (z *seizure) record(datagrams int) error {
	u := z.users
	for _, far := range z.world.Relays()[:6] {
		u[0].Ask(far, path.Lookups, request.EchoTrain, []byte(saidEarly))
		z.world.Run(2 * time.Second)
	}
	var err error
	z.standing, err = u[1].ListenWith(onion.ListenConfig{
		Spec: lease.Spec{Kind: lease.ShortLived, Lifetime: listenFor, Overlap: listenAhead}, Purpose: path.UserLeases,
		Relay: z.world.Relays()[leaseRelay].ID(),
	})
	if err != nil {
		return err
	}
	z.world.Run(5 * time.Second)
	if !z.standing.Up {
		return fmt.Errorf("%w: no lease", errNoSession)
	}
	z.leases, z.private = append(z.leases, z.standing.Lease), append(z.private, z.standing.Lease.Key.Bytes())
	z.called = z.world.Now()
	talk, err := u[0].Call(z.standing.Lease, []byte(saidFirst))
	if err != nil {
		return err
	}
	z.world.Run(3 * time.Second)
	if u[0].Heard.Accepted != 1 || len(u[1].Heard.Messages) != 1 {
		return errNoSession
	}
	for i := range datagrams {
		if err := u[0].Throw(talk, []byte(saidLater)); err != nil {
			return err
		}
		if i%10 == 0 {
			err = u[0].Say(talk, []byte(saidLater))
		}
		if err != nil {
			return err
		}
		z.world.Run(50 * time.Millisecond)
	}
	z.world.Run(time.Second)
	if len(u[1].Heard.Datagrams) != datagrams {
		return fmt.Errorf("%w: %d of %d datagrams came", errNoSession, len(u[1].Heard.Datagrams), datagrams)
	}
	u[0].HangUp(talk)
	z.world.Run(2 * time.Second)
	u[1].Do(func(now time.Time, c *onion.Client) { c.Unlisten(now, z.standing.Want) })
	z.world.Run(10 * time.Second)
	z.keep = false
	return nil
}
