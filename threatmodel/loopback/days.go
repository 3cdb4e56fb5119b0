package loopback

// The own descriptors of relays: that of period 0 is signed for the founding, before the node runs for the first time.

import (
	"crypto/ecdh"
	"crypto/rand"
	"sync"

	"sotto/overlay"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/peer"
)

// days implements overlay.Days: in memory, which lives longer than every start of a node here, and under the watch of
// the identity, which lets no second descriptor of a period pass.
type days struct {
	identity *identity.Identity

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

// KeepDay implements overlay.Days.
func (d *days) KeepDay(day overlay.Day) error {
	if err := d.identity.KeepDaily(day.Daily()); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept == nil {
		d.kept = make(map[uint32]overlay.Day)
	}
	d.kept[day.Daily().Period()] = day
	return nil
}

// firstDay signs and keeps the descriptor of period 0.
func firstDay(i *overlay.Identity, o document.Overlay) error {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	onion, err := peer.ParseOnionPublic(private.PublicKey().Bytes())
	if err != nil {
		return err
	}
	public := i.Link.Public().Bytes()
	link, err := peer.ParseLinkPublic(public[:])
	if err != nil {
		return err
	}
	daily, err := peer.SignDaily(i.Static, peer.DailyFields{
		Period: 0, Document: o.Hash(), Roles: i.Roles, Capacity: i.Capacity, Declared: i.Declared,
		Link: link, Onion: onion, Addresses: i.Addresses,
	}, i.Signing)
	if err != nil {
		return err
	}
	return i.Days.KeepDay(overlay.NewDay(daily, [32]byte(private.Bytes())))
}
