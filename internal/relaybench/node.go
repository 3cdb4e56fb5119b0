package relaybench

// The relay: a node of an overlay that exists for measuring only.

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"time"

	"sotto/noise"
	"sotto/overlay"
	"sotto/overlay/link"
	"sotto/overlay/peer"
)

// open is an authority that admits everybody.
type open struct{}

func (open) VerifyAdmission(uint32, []byte, []byte) error { return nil }

func (open) NodeRevoked(peer.NodeID) bool { return false }

// oneDay keeps the day that the node signs.
type oneDay struct{ day *overlay.Day }

func (d *oneDay) Day(uint32) (overlay.Day, bool, error) {
	if d.day == nil {
		return overlay.Day{}, false, nil
	}
	return *d.day, true, nil
}

func (d *oneDay) KeepDay(day overlay.Day) error {
	d.day = &day
	return nil
}

// relay is the node under measurement. It gives on what the first of its two clients sends to the second.
type relay struct {
	*overlay.Node
	target  noise.Target
	overlay [32]byte
	pass    func(frame []byte) bool
	passed  func(n int)        // told how many cells of a batch were given on
	linked  chan link.Neighbor // clients as they come; two of them
	near    link.Neighbor
	far     link.Neighbor
	batch   int
}

// newRelay makes a relay over a pipe that others reach at an address. It is not started.
func newRelay(pipe noise.Pipe, closePipe func() error, at netip.AddrPort, pass func(frame []byte) bool) (*relay, error) {
	r := &relay{pass: pass, linked: make(chan link.Neighbor, 2), passed: func(int) {}}
	id, overlayID, err := newIdentity(at)
	if err != nil {
		return nil, err
	}
	calendar, err := peer.NewCalendar(time.Now().Add(-time.Minute).Unix(), peer.DefaultPeriod, peer.DefaultKeyEpoch)
	if err != nil {
		return nil, err
	}
	r.overlay = overlayID.Bytes()
	r.target = noise.Target{Addr: at, Key: id.Link.Public(), Node: id.Static.NodeID().Bytes(), Pattern: noise.NK}
	r.Node, err = overlay.New(overlay.Config{
		Role: overlay.Relay, Overlay: overlayID, Calendar: calendar, Trust: open{}, Identity: id, MaxClients: 2,
		Pipe: pipe, ClosePipe: closePipe, Cells: r.cell, CellsDone: r.done, Links: r.link,
	})
	return r, err
}

// newIdentity makes keys and an admission that only this relay's authority takes.
func newIdentity(at netip.AddrPort) (*overlay.Identity, peer.OverlayID, error) {
	id, err := peer.ParseOverlayID(append([]byte("bench"), make([]byte, peer.OverlayIDLen-5)...))
	signing, serr := peer.GenerateSigningKey(rand.Reader)
	key, kerr := noise.GenerateStaticKey(rand.Reader)
	address, aerr := peer.NewAddress(at)
	if err := errors.Join(err, serr, kerr, aerr); err != nil {
		return nil, id, err
	}
	static, err := peer.NewStatic(id, 0, signing.Public(), make([]byte, peer.AdmissionSignatureLen))
	return &overlay.Identity{
		Static: static, Signing: signing, Link: key, FreshLink: true, Days: &oneDay{},
		Roles: peer.RoleRelay | peer.RoleGuard, Addresses: []peer.Address{address},
	}, id, err
}

// link takes the two clients in the order in which they come.
func (r *relay) link(ev link.Event) {
	if ev.Kind == link.Up && ev.Client {
		r.linked <- ev.Neighbor // at most MaxClients
		switch {
		case r.near == 0:
			r.near = ev.Neighbor
		case r.far == 0:
			r.far = ev.Neighbor
		}
	}
}

// cell gives a cell on.
func (r *relay) cell(_ link.Neighbor, _ bool, frame []byte) {
	if r.pass(frame) {
		r.Queue(r.far, frame)
	}
	r.batch++
}

// done tells of the cells of a batch.
func (r *relay) done() {
	r.passed(r.batch)
	r.batch = 0
}
