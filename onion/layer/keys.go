// Onion keys: what creates are sealed to.

package layer

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"

	"sotto/noise"
	"sotto/onion/cell"
)

// Private is the private half of a daily onion key, X25519.
type Private struct{ k *noise.StaticKey }

// PrivateFromBytes takes the 32 private bytes. It fails with noise.ErrKey.
func PrivateFromBytes(b []byte) (Private, error) {
	k, err := noise.StaticKeyFromBytes(b)
	return Private{k}, err
}

// Public returns the public half.
func (p Private) Public() Public { return Public{p.k.Public()} }

// Wipe overwrites the key, of all copies.
func (p Private) Wipe() { p.k.Wipe() }

// wiped reports whether the key was overwritten. Everybody can compute what zeros agree on.
func (p Private) wiped() bool {
	b := p.k.Bytes()
	return allZero(b[:])
}

// Agree is X25519 with somebody's public key; false for a point of low order, and when the key was wiped.
func (p Private) Agree(public [cell.KeyLen]byte) ([cell.KeyLen]byte, bool) {
	if p.wiped() {
		return [cell.KeyLen]byte{}, false
	}
	return p.k.Agree(public)
}

// Format prints a fixed text for every verb.
func (Private) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[onion private key]") }

// LogValue logs a fixed text.
func (Private) LogValue() slog.Value { return slog.StringValue("[onion private key]") }

// Public is the public half of an onion key. It is comparable.
type Public struct{ k noise.PublicKey }

// ParsePublic takes 32 bytes. It fails with noise.ErrKey, for points of low order too.
func ParsePublic(b []byte) (Public, error) {
	k, err := noise.ParsePublicKey(b)
	return Public{k}, err
}

// Bytes returns the 32 bytes.
func (p Public) Bytes() [cell.KeyLen]byte { return p.k.Bytes() }

// Format prints a fixed text for every verb.
func (Public) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[onion public key]") }

// LogValue logs a fixed text.
func (Public) LogValue() slog.Value { return slog.StringValue("[onion public key]") }

// tag tells which of a hop's keys a create is for, in a byte that is random to whoever does not look for it.
func (p Public) tag(ephemeral []byte) byte {
	const label = "sotto create key v1"
	var b [len(label) + 2*cell.KeyLen]byte
	key := p.Bytes()
	copy(b[copy(b[:], label):], key[:])
	copy(b[len(label)+cell.KeyLen:], ephemeral)
	return sha256.Sum256(b[:])[0]
}

// prologue is what both ends of a create mean.
func prologue(overlay, node [cell.KeyLen]byte) []byte {
	const label = "sotto create v1"
	b := append([]byte{byte(len(label))}, label...)
	b = append(b, overlay[:]...)
	return append(b, node[:]...)
}

// circuitKeys are what a finished handshake gives.
type circuitKeys struct {
	forward, backward direction
	binding           [cell.KeyLen]byte
}

// newCircuitKeys takes the secrets of the two directions, away from the origin first.
func newCircuitKeys(forward, backward [cell.KeyLen]byte) circuitKeys {
	c := circuitKeys{forward: newDirection(forward[:], "sotto layer v1"), backward: newDirection(backward[:], "sotto layer v1")}
	both := append(append(make([]byte, 0, 2*cell.KeyLen), forward[:]...), backward[:]...)
	copy(c.binding[:], expand(extract(both, nil), "sotto binding v1", cell.KeyLen))
	clear(both)
	return c
}

// seedKeys are what a seed gives.
func seedKeys(seed, ephemeral []byte) (layer expanded, early direction) {
	secret := extract(seed, ephemeral)
	copy(layer.key[:], expand(secret, "sotto create layer v1", cell.KeyLen))
	return layer, newDirection(secret, "sotto early v1")
}

func extract(secret, salt []byte) []byte {
	b, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		panic("layer: HKDF refuses its lengths")
	}
	return b
}
