package noise

import (
	"crypto/rand"
	"errors"
	"io"

	"github.com/cloudflare/circl/dh/x25519"
	flynn "github.com/flynn/noise"
)

// The cipher suite: 25519, AES-256-GCM, SHA-256, chosen by measurement
// (docs/decisions/0008-suite.md), one a version and never negotiated.

// errLowOrder is final for the handshake that meets it.
var errLowOrder = errors.New("noise: low-order point")

// dh25519 is X25519 with one multiplication for each Diffie-Hellman. The
// library's own function multiplies twice, because it derives the public key
// again each time; and circl's is the fastest here and refuses low-order points.
type dh25519 struct{}

func (dh25519) GenerateKeypair(r io.Reader) (flynn.DHKey, error) {
	if r == nil {
		r = rand.Reader
	}
	var private, public x25519.Key
	if _, err := io.ReadFull(r, private[:]); err != nil {
		return flynn.DHKey{}, err
	}
	x25519.KeyGen(&public, &private)
	return flynn.DHKey{Private: private[:], Public: public[:]}, nil
}

func (dh25519) DH(private, public []byte) ([]byte, error) {
	if len(private) != x25519.Size || len(public) != x25519.Size {
		return nil, errLowOrder
	}
	var shared x25519.Key
	if !x25519.Shared(&shared, (*x25519.Key)(private), (*x25519.Key)(public)) {
		return nil, errLowOrder
	}
	return shared[:], nil
}

func (dh25519) DHLen() int     { return x25519.Size }
func (dh25519) DHName() string { return "25519" }

// suite is stateless and may be shared.
var suite = flynn.NewCipherSuite(dh25519{}, flynn.CipherAESGCM, flynn.HashSHA256)

// lowOrder reports whether a public key makes every shared secret zero. One
// multiplication; the scalar does not matter, since all are multiples of eight.
func lowOrder(public []byte) bool {
	scalar := x25519.Key{1}
	var shared x25519.Key
	return !x25519.Shared(&shared, &scalar, (*x25519.Key)(public))
}
