// The hash of the scheme, for the tests that make signatures of a neighbouring scheme.

package blind

import (
	"crypto"
	"crypto/sha512"
)

const hash384 = crypto.SHA384

func sum384(b []byte) []byte {
	d := sha512.Sum384(b)
	return d[:]
}
