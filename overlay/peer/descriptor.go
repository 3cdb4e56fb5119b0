// A descriptor: an admitted peer and one verified daily part of it.

package peer

import (
	"fmt"
	"log/slog"
)

// Descriptor is what a directory holds. It is made by Admitted.Verify only, so that whoever has one need not
// verify again, and it is immutable.
type Descriptor struct {
	admitted Admitted
	daily    Daily
}

// Verify checks a daily part of an admitted peer in period now: a period of the peer's key epoch and one that
// may be accepted now (UsableForLinks), else ErrPeriod; signed by the peer, else ErrSignature.
func (a Admitted) Verify(d Daily, calendar Calendar, now uint32) (*Descriptor, error) {
	if !UsableForLinks(d.Period(), now) {
		return nil, ErrPeriod
	}
	if err := a.verify(d, calendar); err != nil {
		return nil, err
	}
	return &Descriptor{a, d}, nil
}

// verify is what stays true of a daily part at all times.
func (a Admitted) verify(d Daily, calendar Calendar) error {
	if calendar.KeyEpochOf(d.Period()) != a.static.KeyEpoch() {
		return ErrPeriod
	}
	if a.static.IsZero() || !d.signedBy(a.static) {
		return ErrSignature
	}
	return nil
}

// NodeID returns the identifier of the peer.
func (d *Descriptor) NodeID() NodeID { return d.admitted.NodeID() }

// Admitted returns the static part, for verifying the next daily part without another RSA verification.
func (d *Descriptor) Admitted() Admitted { return d.admitted }

// Static returns the static part.
func (d *Descriptor) Static() Static { return d.admitted.static }

// Daily returns the daily part.
func (d *Descriptor) Daily() Daily { return d.daily }

// Period returns the period of the daily part.
func (d *Descriptor) Period() uint32 { return d.daily.Period() }

// Format prints a fixed text for every verb.
func (d Descriptor) Format(s fmt.State, _ rune) { redact(s, "[descriptor]") }

// LogValue logs a fixed text.
func (d Descriptor) LogValue() slog.Value { return slog.StringValue("[descriptor]") }
