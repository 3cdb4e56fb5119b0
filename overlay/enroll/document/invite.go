// Invites: a file that lets one person in once.

package document

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// CodeLen is the length of a one-time code in bytes: 128 bits cannot be guessed.
const CodeLen = 16

// MaxInvite bounds an invite in bytes.
const MaxInvite = MaxOverlay + 512

const inviteLabel = "sotto invite v1"

// Code is the secret in an invite. It never travels: a request proves knowledge of it, so that whoever
// intercepts a request file cannot use it for a key of his own. It does not print.
type Code struct{ b [CodeLen]byte }

// NewCode reads 16 bytes from random, a cryptographic source.
func NewCode(random io.Reader) (Code, error) {
	var c Code
	if _, err := io.ReadFull(random, c.b[:]); err != nil {
		return Code{}, fmt.Errorf("document: no randomness for a code: %w", err)
	}
	return c, nil
}

// ParseCode reads what Bytes gave out; ErrMalformed otherwise.
func ParseCode(b []byte) (Code, error) {
	if len(b) != CodeLen {
		return Code{}, ErrMalformed
	}
	return Code{[CodeLen]byte(b)}, nil
}

// Bytes returns the secret for storing.
func (c Code) Bytes() [CodeLen]byte { return c.b }

// CodeHash is what an authority keeps of a code: a name to find it by and a key to check proofs with. Both
// are hashes under labels of their own, so the invite cannot be made again from them.
type CodeHash struct {
	ID  [HashLen]byte
	key [HashLen]byte
}

// Hash returns what the authority keeps.
func (c Code) Hash() CodeHash {
	return CodeHash{ID: hash("sotto invite id v1", c.b[:]), key: hash("sotto invite proof v1", c.b[:])}
}

// CodeHashLen is the length of a stored CodeHash in bytes.
const CodeHashLen = 2 * HashLen

// ParseCodeHash reads what Append wrote; ErrMalformed otherwise.
func ParseCodeHash(b []byte) (CodeHash, error) {
	if len(b) != CodeHashLen {
		return CodeHash{}, ErrMalformed
	}
	return CodeHash{ID: [HashLen]byte(b), key: [HashLen]byte(b[HashLen:])}, nil
}

// Append appends the CodeHashLen bytes for storing.
func (h CodeHash) Append(b []byte) []byte { return append(append(b, h.ID[:]...), h.key[:]...) }

func (h CodeHash) prove(message []byte) []byte {
	m := hmac.New(sha256.New, h.key[:])
	m.Write(message)
	return m.Sum(nil)
}

// Format prints a fixed text for every verb.
func (c Code) Format(s fmt.State, _ rune) { redact(s, "[invite code]") }

// LogValue logs a fixed text.
func (c Code) LogValue() slog.Value { return redacted("[invite code]") }

// Format prints a fixed text for every verb.
func (h CodeHash) Format(s fmt.State, _ rune) { redact(s, "[invite code]") }

// LogValue logs a fixed text.
func (h CodeHash) LogValue() slog.Value { return redacted("[invite code]") }

// Invite is a checked invite: the overlay document with the authority's address and pin, a name and a
// one-time code.
//
//	11  8  issued, unix seconds
//	19  8  expires
//	27  1  flags: 1 this person's relay may be listed as a seed
//	28 16  one-time code
//	44  1  length of the name, then the name (canonical AoR)
//	 .  .  overlay document, which has its own length
//	 . 64  Ed25519 signature of the authority over label and everything before
type Invite struct {
	Issued, Expires time.Time
	Seed            bool
	Code            Code
	AoR             AoR
	Overlay         Overlay
	wire            []byte
}

const inviteSeed = 1

// SignInvite makes an invite.
func SignInvite(i Invite, key SigningKey) (Invite, error) {
	b := appendHeader(nil, kindInvite)
	b = appendTime(appendTime(b, i.Issued), i.Expires)
	var flags byte
	if i.Seed {
		flags |= inviteSeed
	}
	b = append(append(b, flags), i.Code.b[:]...)
	b = appendShort(b, []byte(i.AoR.s))
	b = setLength(append(b, i.Overlay.Bytes()...), sigLen)
	b = append(b, key.sign(labelled(inviteLabel, b))...)
	return ParseInvite(b)
}

// ParseInvite reads an invite and verifies it against the document in it. Trusting that document is trusting
// whoever handed over the invite: with an overlay already pinned, compare Overlay.ID as well.
func ParseInvite(b []byte) (Invite, error) {
	s, err := body(b, kindInvite, MaxInvite)
	if err != nil {
		return Invite{}, err
	}
	if len(s) < sigLen {
		return Invite{}, ErrMalformed
	}
	r := newReader(s[:len(s)-sigLen])
	i := Invite{Issued: r.time(), Expires: r.time()}
	flags := r.u8()
	i.Seed = flags&inviteSeed != 0
	copy(i.Code.b[:], r.bytes(CodeLen))
	name := r.short(maxAoR)
	r.require(flags&^inviteSeed == 0 && i.Issued.Before(i.Expires))
	if !r.ok {
		return Invite{}, ErrMalformed
	}
	if i.AoR, err = parseCanonical(name); err != nil {
		return Invite{}, err
	}
	if i.Overlay, err = ParseOverlay(r.s); err != nil {
		return Invite{}, whole(err)
	}
	n := len(b) - sigLen
	if !i.Overlay.signedByAny(inviteLabel, b[:n], b[n:]) {
		return Invite{}, ErrSignature
	}
	i.wire = append([]byte(nil), b...)
	return i, nil
}

// Check compares the dates with this machine's clock: ErrFuture or ErrExpired.
func (i Invite) Check(now time.Time) error {
	switch {
	case now.Add(Slack).Before(i.Issued):
		return ErrFuture
	case now.After(i.Expires):
		return ErrExpired
	}
	return nil
}

// Bytes returns the signed bytes; they are not to be changed.
func (i Invite) Bytes() []byte { return i.wire }

// File returns the invite as an armoured text.
func (i Invite) File() []byte { return Armor(FileInvite, i.wire) }

// ReadInvite reads an armoured invite.
func ReadInvite(text []byte) (Invite, error) {
	b, err := Dearmor(FileInvite, text)
	if err != nil {
		return Invite{}, err
	}
	i, err := ParseInvite(b)
	return i, whole(err)
}

// Format prints a fixed text for every verb.
func (i Invite) Format(s fmt.State, _ rune) { redact(s, "[invite]") }

// LogValue logs a fixed text.
func (i Invite) LogValue() slog.Value { return redacted("[invite]") }
