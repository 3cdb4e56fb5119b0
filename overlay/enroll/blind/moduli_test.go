// One message blinded under two keys must not be recognised by whoever has both.

package blind

import (
	"crypto/rand"
	"math/big"
	"sync"
	"testing"
)

var secondKey = sync.OnceValue(func() PrivateKey {
	k, err := GenerateKey()
	if err != nil {
		panic(err)
	}
	return k
})

// One factor under two moduli. The signer, who knows both private keys, would see which message (public later) fits.
func TestTwoModuliDoNotLink(t *testing.T) {
	k1, k2 := testKey(), secondKey()
	var msgs [][]byte
	linked := 0
	const users = 16
	type seen struct{ z1, z2 Message }
	var log []seen
	for u := range users {
		msg := []byte{byte(u), 's'}
		msgs = append(msgs, msg)
		z1, f, err := k1.Public().Blind(rand.Reader, msg)
		if err != nil {
			t.Fatal(err)
		}
		z2, err := k2.Public().BlindAgain(f, msg) // what identity.blindAgain does when the document names another key
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, seen{z1, z2})
	}
	root := func(k PrivateKey, z Message, msg []byte) *big.Int {
		// r^e = z / m; m^d is the signature of msg, which everybody sees in the directory (for k2), and the signer can make for k1.
		n := k.key.N
		s := sign(t, k, msg)
		zd := new(big.Int).Exp(new(big.Int).SetBytes(z[:]), k.key.D, n)
		return zd.Mul(zd, new(big.Int).ModInverse(new(big.Int).SetBytes(s[:]), n)).Mod(zd, n)
	}
	for i, l := range log {
		for j, msg := range msgs {
			if root(k1, l.z1, msg).Cmp(root(k2, l.z2, msg)) == 0 {
				if i != j {
					t.Fatal("wrong link")
				}
				linked++
			}
		}
	}
	if linked > 0 {
		t.Errorf("the signer linked %d of %d users to their messages", linked, users)
	}
}

func sign(t *testing.T, k PrivateKey, msg []byte) Signature {
	z, f, err := k.Public().Blind(rand.Reader, msg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := k.Sign(z)
	if err != nil {
		t.Fatal(err)
	}
	s, err := k.Public().Unblind(f, msg, b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
