// What will stop working, and when: to be shown before it does.

package identity

import (
	"errors"
	"time"

	"sotto/overlay/enroll/document"
)

// Warning is one thing that ends soon, has ended, or cannot be as it is.
type Warning struct {
	Kind WarningKind
	// At is when it ends or ended.
	At time.Time
}

// WarningKind says what it is about.
type WarningKind int

// The kinds of warnings.
const (
	CertEnding WarningKind = iota + 1
	CertEnded
	CertRevoked
	SlotsEnding
	NoSlots
	NoAdmission
	NextAdmission
	DocumentEnding
	DocumentEnded
	ClockBehind
)

// String says it in one sentence with the date and what to do.
func (w Warning) String() string {
	date := w.At.UTC().Format("2006-01-02 15:04 MST")
	switch w.Kind {
	case CertEnding:
		return "the certificate ends on " + date + ": keep the node running while the authority can be reached, or renew by file"
	case CertEnded:
		return "the certificate ended on " + date + ": renew it with the authority"
	case CertRevoked:
		return "the authority has revoked the certificate: ask its operator for a new invite"
	case SlotsEnding:
		return "callers who only know the address find this node until " + date + ": the authority has to be reached before"
	case NoSlots:
		return "callers who only know the address cannot find this node: the authority has to be reached"
	case NoAdmission:
		return "the peer is not admitted in this key epoch, which ends on " + date + ": the authority has to be reached"
	case NextAdmission:
		return "the peer is not admitted in the key epoch that begins on " + date + ": the authority has to be reached before"
	case DocumentEnding:
		return "the overlay document ends on " + date + ": no newer one was found yet; ask the operator whether the authority is running"
	case DocumentEnded:
		return "the overlay document ended on " + date + ": get a newer one from the authority's operator"
	case ClockBehind:
		return "the overlay document is dated " + date + ", which is in the future: check this machine's clock"
	}
	return "something is wrong with the enrolment"
}

// Warnings lists what the owner should know now, the gravest first. A client has no peer; needPeer says whether
// a missing admission matters.
func (i *Identity) Warnings(now time.Time, needPeer bool) ([]Warning, error) {
	var list []Warning
	err := i.view(func(t *transaction) error {
		list = append(t.warnDocument(now), t.warnCert(now)...)
		if needPeer {
			list = append(list, t.warnPeer(now)...)
		}
		slots, err := t.warnSlots(now)
		list = append(list, slots...)
		return err
	})
	return list, err
}

// warnSlots warns a period ahead: the authority has to be back before.
func (t *transaction) warnSlots(now time.Time) ([]Warning, error) {
	until, err := t.slotsUntil(now)
	switch {
	case err != nil:
		return nil, err
	case until.IsZero():
		return []Warning{{NoSlots, now}}, nil
	case until.Sub(now) <= t.known.Contents().Founding.Period:
		return []Warning{{SlotsEnding, until}}, nil
	}
	return nil, nil
}

func (t *transaction) warnDocument(now time.Time) []Warning {
	c := t.known.Contents()
	switch err := t.known.Check(now); {
	case errors.Is(err, document.ErrFuture):
		return []Warning{{ClockBehind, c.Issued}}
	case errors.Is(err, document.ErrExpired):
		return []Warning{{DocumentEnded, c.Until}}
	case c.Until.Sub(now) < c.Until.Sub(c.Issued)/3:
		return []Warning{{DocumentEnding, c.Until}}
	}
	return nil
}

func (t *transaction) warnCert(now time.Time) []Warning {
	cert, err := document.ParseUser(t.s.Cert)
	if err != nil {
		return nil
	}
	switch {
	case t.known.CertRevoked(cert.Serial()):
		return []Warning{{CertRevoked, now}}
	case errors.Is(t.known.VerifyUser(cert, now), document.ErrSignature): // its CA was thrown out
		return []Warning{{CertEnded, now}}
	case now.After(cert.NotAfter()):
		return []Warning{{CertEnded, cert.NotAfter()}}
	case !now.Before(cert.RenewFrom()):
		return []Warning{{CertEnding, cert.NotAfter()}}
	}
	return nil
}

func (t *transaction) warnPeer(now time.Time) []Warning {
	cal, c := t.known.Calendar(), t.known.Contents()
	period, err := cal.PeriodAt(now)
	if err != nil {
		return nil
	}
	keyEpoch := cal.KeyEpochOf(period)
	next, err := cal.FirstPeriod(keyEpoch + 1)
	if err != nil {
		return nil
	}
	end := cal.PeriodStart(next)
	if !t.admitted(keyEpoch) {
		return []Warning{{NoAdmission, end}}
	}
	if end.Sub(now) < c.Params.AdmitAhead/2 && !t.admitted(keyEpoch+1) {
		return []Warning{{NextAdmission, end}}
	}
	return nil
}

func (t *transaction) admitted(keyEpoch uint32) bool {
	var r peerRecord
	return get(t.tx, tablePeers, number(keyEpoch), &r) == nil && r.Static != nil
}

// Due says what to ask the authority for now: a renewal from two thirds of the certificate's life on, slots when
// less than the days ahead are certified. Admissions are not in it: an anonymous peer asks for them apart, over
// a circuit, at a random time.
func (i *Identity) Due(now time.Time) (Want, error) {
	var want Want
	err := i.view(func(t *transaction) error {
		cert, err := document.ParseUser(t.s.Cert)
		want.Renew = err != nil || !now.Before(cert.RenewFrom()) || errors.Is(t.known.VerifyUser(cert, now), document.ErrSignature)
		until, err := t.slotsUntil(now)
		c := t.known.Contents()
		ahead := time.Duration(c.Params.SlotAhead) * c.Founding.Period
		want.Slots = !now.Before(c.Founding.Genesis) && until.Sub(now) < ahead
		return err
	})
	return want, err
}
