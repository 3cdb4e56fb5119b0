// What shows a relay that an owner has the lease's key, and that a caller was told of the lease.

package lease

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"

	"sotto/onion/cell"
)

// prove computes the proof of a Listen: shared is X25519 of lease key and onion key.
func prove(p Place, shared, binding [cell.KeyLen]byte, l *listen) [proofLen]byte {
	key, err := hkdf.Key(sha256.New, shared[:], binding[:], "sotto lease proof v1", sha256.Size)
	if err != nil {
		panic("lease: HKDF does not give one hash") // it refuses lengths over 255 hashes only
	}
	var fields [fieldsLen]byte
	m := hmac.New(sha256.New, key)
	m.Write(p.overlay[:])
	m.Write(p.relay[:])
	m.Write(l.appendFields(fields[:0]))
	return [proofLen]byte(m.Sum(nil))
}

// knock computes the MAC of an opening of cell.OpeningLen bytes.
func knock(p Place, k KnockKey, id ID, opening []byte) [cell.KnockLen]byte {
	m := hmac.New(sha256.New, k.b[:])
	m.Write([]byte("sotto knock v1"))
	m.Write(p.overlay[:])
	m.Write(p.relay[:])
	m.Write(id.b[:])
	m.Write(opening)
	return [cell.KnockLen]byte(m.Sum(nil)[:cell.KnockLen])
}
