package peer

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
	"testing"
)

func TestSigningKeySurvivesItsSeed(t *testing.T) {
	k, err := GenerateSigningKey(bytes.NewReader(bytes.Repeat([]byte{7}, SeedLen)))
	must(t, err)
	seed := k.Seed()
	again, err := SigningKeyFromSeed(seed[:])
	must(t, err)
	if !k.Equal(again) || k.Public() != again.Public() {
		t.Error("another key came back")
	}
	signature := again.Sign([]byte("message"))
	if !k.Public().Verify([]byte("message"), signature[:]) {
		t.Error("own signature refused")
	}
	if k.Public().Verify([]byte("massage"), signature[:]) {
		t.Error("signature of another message accepted")
	}
	if _, err := GenerateSigningKey(bytes.NewReader(seed[:31])); err == nil {
		t.Error("a key was made of 31 random bytes")
	}
	if _, err := SigningKeyFromSeed(seed[:31]); !errors.Is(err, ErrLength) {
		t.Errorf("seed of 31 bytes: %v", err)
	}
}

func TestWipedKeySignsNothing(t *testing.T) {
	k := newTestPeer(t, 1, 0).key
	public, copied := k.Public(), k
	k.Wipe()
	if !k.IsZero() || !copied.IsZero() || copied.Seed() != [SeedLen]byte{} {
		t.Error("bytes are left after Wipe")
	}
	signature := copied.Sign([]byte("message"))
	if public.Verify([]byte("message"), signature[:]) || copied.Public().Verify([]byte("message"), signature[:]) {
		t.Error("a wiped key signs")
	}
	SigningKey{}.Wipe() // nothing to wipe is no fault
}

func TestSignatureWithUnreducedScalarIsRefused(t *testing.T) {
	// L, the order of the base point (RFC 8032 §5.1), little endian: S + L would verify as S does if it were
	// not compared with L, and everybody could make a second daily part of anybody.
	order := [32]byte{
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		31: 0x10,
	}
	k := newTestPeer(t, 1, 0).key
	signature := k.Sign([]byte("message"))
	carry := 0
	for i := range 32 {
		carry += int(signature[32+i]) + int(order[i])
		signature[32+i] = byte(carry)
		carry >>= 8
	}
	if k.Public().Verify([]byte("message"), signature[:]) {
		t.Error("a second signature was made without the key")
	}
}

func TestX25519KeysHaveOneEncoding(t *testing.T) {
	prime := bytes.Repeat([]byte{0xff}, 32) // 2^255 - 19, little endian
	prime[0], prime[31] = 0xed, 0x7f
	below := bytes.Clone(prime)
	below[0]--
	above := bytes.Repeat([]byte{0xff}, 32)
	above[31] = 0x7f
	top := x25519("key")
	top[31] |= 0x80
	private, err := ecdh.X25519().NewPrivateKey(x25519("private"))
	must(t, err)
	cases := []struct {
		name string
		b    []byte
		want error
	}{
		{"a real public key", private.PublicKey().Bytes(), nil},
		{"the largest element of the field", below, nil},
		{"zero", make([]byte, 32), ErrKey},
		{"the prime itself", prime, ErrKey},
		{"more than the prime", above, ErrKey},
		{"the ignored top bit", top, ErrKey},
		{"31 bytes", make([]byte, 31), ErrLength},
		{"33 bytes", make([]byte, 33), ErrLength},
	}
	for _, c := range cases {
		_, errLink := ParseLinkPublic(c.b)
		_, errOnion := ParseOnionPublic(c.b)
		_, errLease := ParseLeasePublic(c.b)
		for _, err := range []error{errLink, errOnion, errLease} {
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
	}
}

// Thirty-two zero bytes are a point of order 4: for one message in four, anybody can make its signature.
func TestZeroKeySignsForNobody(t *testing.T) {
	signature := make([]byte, SignatureLen)
	signature[0] = 1 // R is the neutral element, S zero
	var message []byte
	for !ed25519.Verify(make([]byte, PublicKeyLen), message, signature) {
		message = append(message, 'm')
	}
	if (SigningPublic{}).Verify(message, signature) {
		t.Error("a signature without a key is accepted")
	}
}
