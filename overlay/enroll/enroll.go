// Package enroll gets people and peers into an overlay (protocol §5).
//
// Its rooms: blind has the one foreign cryptography, document what people and authority hand each other,
// authority the one side, identity the other, visit carries requests over HTTPS, store keeps both states.
// This package puts them together: joining and renewing, and the sentences that errors are told in.
package enroll

import (
	"context"
	"errors"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
)

// Sender takes the bytes of a request to the authority and brings the bytes of the answer back, without
// padding. Package visit has the one over HTTPS; over a circuit there will be another.
type Sender interface {
	Send(ctx context.Context, request []byte) ([]byte, error)
}

// Role is what a node joins as, as far as enrolment differs.
type Role int

const (
	// Anonymous asks for no admission: its peer's follows over a circuit on a later day, so that the authority
	// cannot tell by address or time which peer is whose.
	Anonymous Role = iota
	// Relay asks for certificate and admission in one visit: its address is public anyway.
	Relay
	// Client never needs an admission.
	Client
)

// Join enrols by invite in dir, or carries on what was begun there, and returns the open identity. This is the
// one direct contact with the authority: it learns the address that the request comes from. After a final
// refusal nothing is left in dir; after an error of the network everything is kept for the next try.
func Join(ctx context.Context, dir string, invite document.Invite, role Role, sender Sender) (*identity.Identity, error) {
	id, err := identity.Begin(dir, invite, time.Now())
	if err != nil {
		return nil, err
	}
	want, err := firstWant(id, role, time.Now())
	if err == nil {
		err = Visit(ctx, id, want, sender)
	}
	if err == nil {
		return id, nil
	}
	return nil, abandon(id, err)
}

// abandon closes an identity that could not be enrolled, and removes it if it never can be.
func abandon(id *identity.Identity, err error) error {
	var refused document.Refusal
	if errors.As(err, &refused) && refused.EndsEnrolment() {
		if gone := id.Discard(); !errors.Is(gone, identity.ErrJoined) {
			return errors.Join(err, gone)
		}
	}
	return errors.Join(err, id.Close())
}

func firstWant(id *identity.Identity, role Role, now time.Time) (identity.Want, error) {
	o, err := id.Document()
	if err != nil {
		return identity.Want{}, err
	}
	want := identity.Want{Slots: !now.Before(o.Contents().Founding.Genesis)}
	if role == Relay {
		want.Admit, want.AdmitEpoch = true, KeyEpoch(o, now)
	}
	return want, nil
}

// KeyEpoch returns the key epoch to be admitted in: that of now, and the first one before the genesis.
func KeyEpoch(o document.Overlay, now time.Time) uint32 {
	cal := o.Calendar()
	p, err := cal.PeriodAt(now)
	if err != nil {
		return 0
	}
	return cal.KeyEpochOf(p)
}

// Visit asks the authority for want and takes over the answer. The authority grants a request whole or refuses it; when
// one part is refused, the parts are asked for one by one, so that a quota that is used up does not end a certificate.
// The error is that of the parts that were not got.
func Visit(ctx context.Context, id *identity.Identity, want identity.Want, sender Sender) error {
	err := visitOnce(ctx, id, want, sender)
	var refused document.Refusal
	list := parts(want)
	if len(list) < 2 || !errors.As(err, &refused) || !refused.OfPart() {
		return err
	}
	var faults []error
	for _, part := range list {
		faults = append(faults, visitOnce(ctx, id, part, sender))
	}
	return errors.Join(faults...)
}

// parts takes a want apart. A change of keys is asked for alone in any case.
func parts(want identity.Want) []identity.Want {
	if want.NewKey {
		return nil
	}
	var list []identity.Want
	if want.Renew {
		list = append(list, identity.Want{Renew: true})
	}
	if want.Slots {
		list = append(list, identity.Want{Slots: true})
	}
	if want.Admit {
		list = append(list, identity.Want{Admit: true, AdmitEpoch: want.AdmitEpoch, Random: want.Random})
	}
	if !want.Seed.Static.IsZero() {
		list = append(list, identity.Want{Seed: want.Seed})
	}
	return list
}

func visitOnce(ctx context.Context, id *identity.Identity, want identity.Want, sender Sender) error {
	q, err := id.Request(time.Now(), want)
	if err != nil {
		return err
	}
	b, err := sender.Send(ctx, q.Bytes())
	if err != nil {
		return err
	}
	answer, err := document.ParseAnswer(b)
	if err != nil {
		return err
	}
	return id.Accept(time.Now(), answer)
}

// JoinByFile begins to enrol in dir without a network and returns the request to hand to the authority's
// operator; FinishByFile takes the response. Called again, it returns the same request.
func JoinByFile(dir string, invite document.Invite, role Role) ([]byte, error) {
	id, err := identity.Begin(dir, invite, time.Now())
	if err != nil {
		return nil, err
	}
	defer id.Close()
	want, err := firstWant(id, role, time.Now())
	if err != nil {
		return nil, err
	}
	q, err := id.Request(time.Now(), want)
	if err != nil {
		return nil, err
	}
	return q.File(), nil
}

// FinishByFile takes the response over into what JoinByFile began, and returns the open identity.
func FinishByFile(dir string, response []byte) (*identity.Identity, error) {
	answer, err := document.ReadAnswer(response)
	if err != nil {
		return nil, err
	}
	id, err := identity.Resume(dir)
	if err != nil {
		return nil, err
	}
	if err := id.Accept(time.Now(), answer); err != nil {
		return nil, abandon(id, err)
	}
	return id, nil
}
