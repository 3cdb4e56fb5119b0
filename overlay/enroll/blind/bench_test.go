// What an admission costs each side.

package blind

import (
	"crypto/rand"
	"testing"
)

func BenchmarkBlind(b *testing.B) {
	k := testKey().Public()
	for b.Loop() {
		if _, _, err := k.Blind(rand.Reader, []byte("m")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	m, _, err := testKey().Public().Blind(rand.Reader, []byte("m"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := testKey().Sign(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	k := testKey()
	m, f, err := k.Public().Blind(rand.Reader, []byte("m"))
	if err != nil {
		b.Fatal(err)
	}
	given, err := k.Sign(m)
	if err != nil {
		b.Fatal(err)
	}
	sig, err := k.Public().Unblind(f, []byte("m"), given)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := k.Public().Verify([]byte("m"), sig); err != nil {
			b.Fatal(err)
		}
	}
}
