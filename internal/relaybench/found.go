package relaybench

// The overlay: an authority that admits everybody, and relays that sign for themselves.

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"net/netip"
	"sync"
	"time"

	"sotto/noise"
	"sotto/overlay"
	"sotto/overlay/peer"
)

// Overlay is one that exists for measuring only.
type Overlay struct {
	ID       peer.OverlayID
	Calendar peer.Calendar
}

// NewOverlay makes one without relays, that began a minute ago.
func NewOverlay() (Overlay, error) { return OverlayOf(time.Now().Add(-time.Minute)) }

// OverlayOf is the one that began at some moment: the same in every process.
func OverlayOf(genesis time.Time) (Overlay, error) {
	id, err := peer.ParseOverlayID(append([]byte("bench"), make([]byte, peer.OverlayIDLen-5)...))
	if err != nil {
		return Overlay{}, err
	}
	calendar, err := peer.NewCalendar(genesis.Unix(), peer.DefaultPeriod, peer.DefaultKeyEpoch)
	return Overlay{id, calendar}, err
}

// Member is a relay that has joined.
type Member struct {
	Identity *overlay.Identity
	Seed     *peer.Descriptor // by which others find it
}

// Relay makes the keys of a relay at an address. A declared prefix tells networks apart where all have one address.
func (o Overlay) Relay(at netip.AddrPort, declared peer.DeclaredPrefix) (Member, error) {
	signing, err := peer.GenerateSigningKey(rand.Reader)
	if err != nil {
		return Member{}, err
	}
	key, err := noise.GenerateStaticKey(rand.Reader)
	if err != nil {
		return Member{}, err
	}
	address, err := peer.NewAddress(at)
	if err != nil {
		return Member{}, err
	}
	signature := make([]byte, peer.AdmissionSignatureLen) // a NodeID is made of it
	if _, err := rand.Read(signature); err != nil {
		return Member{}, err
	}
	static, err := peer.NewStatic(o.ID, 0, signing.Public(), signature)
	if err != nil {
		return Member{}, err
	}
	id := &overlay.Identity{
		Static: static, Signing: signing, Link: key, FreshLink: true, Days: &days{},
		Roles: peer.RoleRelay | peer.RoleGuard, Capacity: peer.CapacityOf(2048), Declared: declared,
		Addresses: []peer.Address{address},
	}
	seed, err := o.seed(id)
	return Member{id, seed}, err
}

// seed signs a descriptor of the next period, which is good for dialling and for nothing else. That of this period the
// relay makes when it starts: creates to a key from before the start would be refused for minutes.
func (o Overlay) seed(id *overlay.Identity) (*peer.Descriptor, error) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	onion, err := peer.ParseOnionPublic(private.PublicKey().Bytes())
	if err != nil {
		return nil, err
	}
	public := id.Link.Public().Bytes()
	link, err := peer.ParseLinkPublic(public[:])
	if err != nil {
		return nil, err
	}
	const next = 1
	daily, err := peer.SignDaily(id.Static, peer.DailyFields{
		Period: next, Roles: id.Roles, Capacity: id.Capacity, Declared: id.Declared, Link: link, Onion: onion, Addresses: id.Addresses,
	}, id.Signing)
	if err != nil {
		return nil, err
	}
	admitted, err := peer.Admit(id.Static, o.ID, open{})
	if err != nil {
		return nil, err
	}
	return admitted.Verify(daily, o.Calendar, next)
}

// SeedLen is the length of a seed as bytes.
const SeedLen = peer.StaticLen + peer.DailyLen

// AppendSeed appends a seed for another process.
func AppendSeed(b []byte, d *peer.Descriptor) []byte {
	return d.Daily().Append(d.Static().Append(b))
}

// ParseSeed reads a seed of another process.
func (o Overlay) ParseSeed(b []byte) (*peer.Descriptor, error) {
	if len(b) != SeedLen {
		return nil, peer.ErrMalformed
	}
	static, err := peer.ParseStatic(b[:peer.StaticLen])
	if err != nil {
		return nil, err
	}
	daily, err := peer.ParseDaily(b[peer.StaticLen:])
	if err != nil {
		return nil, err
	}
	admitted, err := peer.Admit(static, o.ID, open{})
	if err != nil {
		return nil, err
	}
	return admitted.Verify(daily, o.Calendar, daily.Period())
}

// Config is a node of this overlay over a pipe. Without an identity it has no name.
func (o Overlay) Config(id *overlay.Identity, seeds []*peer.Descriptor, pipe noise.Pipe, closePipe func() error) overlay.Config {
	role := overlay.Relay
	if id == nil {
		role = overlay.Anonymous
	}
	return overlay.Config{
		Role: role, Overlay: o.ID, Calendar: o.Calendar, Trust: open{}, Identity: id, Seeds: seeds, Pipe: pipe, ClosePipe: closePipe,
	}
}

// open is an authority that admits everybody.
type open struct{}

func (open) VerifyAdmission(uint32, []byte, []byte) error { return nil }

func (open) NodeRevoked(peer.NodeID) bool { return false }

// days keeps days for as long as the process lives.
type days struct {
	mu   sync.Mutex
	kept map[uint32]overlay.Day
}

// Day implements overlay.Days.
func (d *days) Day(period uint32) (overlay.Day, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	day, ok := d.kept[period]
	return day, ok, nil
}

// errSigned means that a period would be signed twice.
var errSigned = errors.New("relaybench: a second descriptor of one period")

// KeepDay implements overlay.Days.
func (d *days) KeepDay(day overlay.Day) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept == nil {
		d.kept = make(map[uint32]overlay.Day)
	}
	period := day.Daily().Period()
	if _, ok := d.kept[period]; ok {
		return errSigned
	}
	d.kept[period] = day
	return nil
}
