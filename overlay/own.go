// The own descriptor of a relay: one per period, on disk before anybody sees it.

package overlay

import (
	"crypto/ecdh"
	"fmt"
	"io"
	"time"

	"sotto/overlay/peer"
)

// own makes the descriptors of one relay.
type own struct {
	id       *Identity
	overlay  peer.OverlayID
	calendar peer.Calendar
	admitted peer.Admitted
	rand     io.Reader
	fresh    map[uint32]bool // periods whose onion key was made here; one a day until the key epoch ends
}

// newOwn verifies the own admission, so that nobody else has to find out that it is wrong.
func newOwn(c *Config) (*own, error) {
	a, err := peer.Admit(c.Identity.Static, c.Overlay, c.Trust)
	if err != nil {
		return nil, ErrAdmission
	}
	if c.Trust.NodeRevoked(a.NodeID()) {
		return nil, ErrRevoked
	}
	return &own{id: c.Identity, overlay: c.Overlay, calendar: c.Calendar, admitted: a, rand: c.Rand, fresh: make(map[uint32]bool)}, nil
}

// descriptor returns the descriptor of a period: the one on disk, or a new one that is put there first. seen is what
// others hold of this peer and period, if anything: signing another one would be equivocation.
func (o *own) descriptor(period uint32, document peer.DocumentHash, seen *peer.Descriptor) (*peer.Descriptor, error) {
	if o.calendar.KeyEpochOf(period) != o.id.Static.KeyEpoch() {
		return nil, ErrAdmission
	}
	day, ok, err := o.id.Days.Day(period)
	if err != nil {
		return nil, fmt.Errorf("overlay: read today's descriptor: %w", err)
	}
	switch {
	case !ok && seen != nil, ok && seen != nil && seen.Daily() != day.daily:
		return nil, ErrDay
	case !ok:
		if day, err = o.sign(period, document); err != nil {
			return nil, err
		}
		if err := o.id.Days.KeepDay(day); err != nil {
			return nil, fmt.Errorf("overlay: keep today's descriptor: %w", err)
		}
		o.fresh[period] = true
	}
	key := o.id.Link.Public().Bytes()
	d, err := o.admitted.Verify(day.daily, o.calendar, period)
	if err != nil || d.Daily().LinkKey().Bytes() != key {
		return nil, ErrDay
	}
	return d, nil
}

// sign makes a day with a new onion key.
func (o *own) sign(period uint32, document peer.DocumentHash) (Day, error) {
	var day Day
	if _, err := io.ReadFull(o.rand, day.onion[:]); err != nil {
		return Day{}, err
	}
	private, err := ecdh.X25519().NewPrivateKey(day.onion[:])
	if err != nil {
		return Day{}, err
	}
	onion, err := peer.ParseOnionPublic(private.PublicKey().Bytes())
	if err != nil {
		return Day{}, err
	}
	public := o.id.Link.Public().Bytes()
	key, err := peer.ParseLinkPublic(public[:])
	if err != nil {
		return Day{}, err
	}
	day.daily, err = peer.SignDaily(o.id.Static, peer.DailyFields{
		Period: period, Document: document,
		Roles: o.id.Roles, Capacity: o.id.Capacity, Family: o.id.Family, Declared: o.id.Declared,
		Link: key, Onion: onion, Addresses: o.id.Addresses,
	}, o.id.Signing)
	if err != nil {
		return Day{}, fmt.Errorf("overlay: sign today's descriptor: %w", err)
	}
	return day, nil
}

// renewal is when the descriptor of the next period is made: soon after its start, at a random moment, so that peers
// don't all speak at once.
func (o *own) renewal(period uint32) time.Time {
	start := o.calendar.PeriodStart(period + 1)
	return start.Add(random(o.rand, start.Sub(o.calendar.PeriodStart(period))/renewalSpread))
}
