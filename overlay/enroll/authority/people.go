// People: inviting, listing, revoking. A name has one owner; the second one of a name is refused.

package authority

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/peer"
)

const (
	// DefaultInviteLife and MaxInviteLife bound an invite; the document in it must be valid as long.
	DefaultInviteLife = 7 * 24 * time.Hour
	MaxInviteLife     = DocumentLife
	// MaxOpenInvites bounds what a mistaken script can make; at the bound Invite returns ErrFull.
	MaxOpenInvites = 1000
)

// inviteRecord is a record of tableInvites.
type inviteRecord struct {
	Code    []byte // CodeHash
	Name    string
	Expires int64
	Seed    bool
	Replace bool
	UsedBy  []byte // the enrolled key, once used
}

func (r inviteRecord) open(now time.Time) bool { return r.UsedBy == nil && now.Unix() <= r.Expires }

// userRecord is a record of tableUsers.
type userRecord struct {
	Key     []byte
	Cert    []byte
	Seed    bool
	Revoked bool
	Issued  []issued // certificates that may still be in date
	Changed int64    // when the key was changed last
	// LastRequest and LastKey let a change of keys be asked for again when its answer was lost.
	LastRequest []byte
	LastKey     []byte
}

type issued struct {
	Serial []byte
	Until  int64
}

// InviteOptions say what an invite is for.
type InviteOptions struct {
	Life time.Duration // 0: DefaultInviteLife
	Seed bool          // the person's relay may be listed as a seed
	// Replace lets the invite enrol a new key under a name that is enrolled: for somebody who lost the old one.
	// The old certificates are revoked. Contacts who pinned the old key are told by their own nodes.
	Replace bool
}

// Invite makes an invite for a name. It returns ErrTaken when somebody has the name or holds an open invite
// for it, and ErrFull.
func (a *Authority) Invite(now time.Time, aor document.AoR, o InviteOptions) (document.Invite, error) {
	if o.Life == 0 {
		o.Life = DefaultInviteLife
	}
	if o.Life < time.Minute || o.Life > MaxInviteLife || aor.IsZero() {
		return document.Invite{}, ErrConfig
	}
	code, err := document.NewCode(rand.Reader)
	if err != nil {
		return document.Invite{}, err
	}
	var invite document.Invite
	err = a.update(now, func(t *transaction) error {
		if err := t.free(aor, o.Replace); err != nil {
			return err
		}
		expires := t.now.Add(o.Life).Truncate(time.Second)
		if t.current.Contents().Until.Before(expires) {
			if err := t.sign(); err != nil {
				return err
			}
		}
		h := code.Hash()
		r := inviteRecord{Code: h.Append(nil), Name: aor.Canonical(), Expires: expires.Unix(), Seed: o.Seed, Replace: o.Replace}
		if err := store.Put(t.tx, tableInvites, h.ID[:], r); err != nil {
			return err
		}
		k, err := t.keys()
		if err != nil {
			return err
		}
		invite, err = document.SignInvite(document.Invite{Issued: t.now.Truncate(time.Second), Expires: expires, Seed: o.Seed,
			Code: code, AoR: aor, Overlay: t.current}, k.signing)
		return err
	})
	return invite, err
}

// free reports whether a name can be promised to somebody.
func (t *transaction) free(aor document.AoR, replace bool) error {
	var u userRecord
	err := get(t.tx, tableUsers, []byte(aor.Canonical()), &u)
	if err == nil && !replace {
		return ErrTaken
	}
	if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	if err != nil && replace {
		return ErrUnknown
	}
	open, taken := 0, false
	err = each(t.tx, tableInvites, func(_ []byte, r inviteRecord) error {
		if r.open(t.now) {
			open++
			taken = taken || r.Name == aor.Canonical()
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case taken:
		return ErrTaken
	case open >= MaxOpenInvites:
		return ErrFull
	}
	return nil
}

// Withdraw makes the open invites for a name useless; ErrUnknown if there is none.
func (a *Authority) Withdraw(now time.Time, aor document.AoR) error {
	return a.update(now, func(t *transaction) error {
		n := 0
		err := prune(t.tx, tableInvites, func(_ []byte, r inviteRecord) bool {
			hit := r.Name == aor.Canonical() && r.open(t.now)
			if hit {
				n++
			}
			return hit
		})
		if err == nil && n == 0 {
			return ErrUnknown
		}
		return err
	})
}

// Revoke takes a person out: all certificates that may be in date are listed as revoked and nothing more is
// given. What was issued between a backup and its restore is not among them (Warnings, RotateKeys). The name stays taken. Slot certificates end by themselves within SlotAhead periods. What the person's
// peers are nobody here knows; see RevokeNode.
func (a *Authority) Revoke(now time.Time, aor document.AoR) error {
	return a.update(now, func(t *transaction) error {
		var u userRecord
		if err := get(t.tx, tableUsers, []byte(aor.Canonical()), &u); err != nil {
			return err
		}
		u.Revoked = true
		if err := t.revokeCerts(&u); err != nil {
			return err
		}
		if err := store.Put(t.tx, tableUsers, []byte(aor.Canonical()), u); err != nil {
			return err
		}
		err := prune(t.tx, tableSeeds, func(_ []byte, r pairRecord) bool { return r.Owner == aor.Canonical() })
		if err != nil {
			return err
		}
		return t.sign()
	})
}

func (t *transaction) revokeCerts(u *userRecord) error {
	for _, i := range u.Issued {
		if i.Until < t.now.Unix() {
			continue
		}
		if count(t.tx, tableRevoked) >= document.MaxRevokedCerts {
			return ErrFull
		}
		if err := store.Put(t.tx, tableRevoked, i.Serial, certRecord{Until: i.Until}); err != nil {
			return err
		}
	}
	u.Issued = nil
	return nil
}

// RevokeNode excludes a peer for the rest of its key epoch.
func (a *Authority) RevokeNode(now time.Time, id peer.NodeID, keyEpoch uint32) error {
	return a.update(now, func(t *transaction) error {
		if t.over(keyEpoch) {
			return ErrLate
		}
		if count(t.tx, tableNodes) >= document.MaxRevokedNodes {
			return ErrFull
		}
		key := id.Bytes()
		if err := store.Put(t.tx, tableNodes, key[:], nodeRecord{KeyEpoch: keyEpoch}); err != nil {
			return err
		}
		return t.sign()
	})
}

// Person is a line of the operator's list. It does not print itself; AoR.Canonical is for his screen.
type Person struct {
	AoR        document.AoR
	Invited    bool      // holds an open invite only
	Until      time.Time // end of the certificate or of the invite
	Seed       bool
	Revoked    bool
	Admissions int // given in the current key epoch
}

// Format prints a fixed text for every verb.
func (p Person) Format(s fmt.State, _ rune) { io.WriteString(s, "[person]") }

// LogValue logs a fixed text.
func (p Person) LogValue() slog.Value { return slog.StringValue("[person]") }

// People lists who is enrolled, by name, and then the open invites.
func (a *Authority) People(now time.Time) ([]Person, error) {
	var list []Person
	err := a.view(now, func(t *transaction) error {
		err := each(t.tx, tableUsers, func(k []byte, u userRecord) error {
			p := Person{Seed: u.Seed, Revoked: u.Revoked}
			var err error
			if p.AoR, err = document.ParseAoR(string(k)); err != nil {
				return store.ErrDamaged
			}
			cert, err := document.ParseUser(u.Cert)
			if err != nil {
				return store.ErrDamaged
			}
			p.Until = cert.NotAfter()
			given, err := t.admissions(p.AoR, t.keyEpoch())
			p.Admissions = len(given)
			list = append(list, p)
			return err
		})
		if err != nil {
			return err
		}
		return each(t.tx, tableInvites, func(_ []byte, r inviteRecord) error {
			if !r.open(t.now) {
				return nil
			}
			aor, err := document.ParseAoR(r.Name)
			if err != nil {
				return store.ErrDamaged
			}
			list = append(list, Person{AoR: aor, Invited: true, Until: time.Unix(r.Expires, 0).UTC(), Seed: r.Seed})
			return nil
		})
	})
	return list, err
}
