package noise

// What a handshake and a datagram cost, ours and with the suites that were not
// chosen: the numbers of docs/decisions/0008-suite.md. `sotto bench link`
// measures ours beside the bare primitives, in alternation.

import (
	"bytes"
	"testing"

	flynn "github.com/flynn/noise"
)

func TestSealAndOpenDoNotAllocate(t *testing.T) {
	s, o := NewSealer([keyLen]byte{1}, 7, [headerKeyLen]byte{2}), NewOpener([keyLen]byte{1})
	d := make([]byte, DatagramLen)
	if n := testing.AllocsPerRun(1000, func() {
		if s.Seal(d) != nil {
			t.Fatal("not sealed")
		}
		if _, err := o.Open(d); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a datagram", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	s := NewSealer([keyLen]byte{1}, 7, [headerKeyLen]byte{2})
	d := make([]byte, DatagramLen)
	b.ReportAllocs()
	b.SetBytes(DatagramLen)
	for b.Loop() {
		if err := s.Seal(d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSealAndOpen(b *testing.B) {
	s, o := NewSealer([keyLen]byte{1}, 7, [headerKeyLen]byte{2}), NewOpener([keyLen]byte{1})
	d := make([]byte, DatagramLen)
	b.ReportAllocs()
	b.SetBytes(DatagramLen)
	for b.Loop() {
		if err := s.Seal(d); err != nil {
			b.Fatal(err)
		}
		if _, err := o.Open(d); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDH is the parts of a handshake that every suite has.
func BenchmarkDH(b *testing.B) {
	k := labStatic(b, 1)
	b.Run("base", func(b *testing.B) {
		for b.Loop() {
			if _, err := StaticKeyFromBytes(k.private[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("point", func(b *testing.B) {
		for b.Loop() {
			if _, err := (dh25519{}).DH(k.private[:], k.public.b[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// candidate is a suite that could have been chosen.
type candidate struct {
	name   string
	cipher flynn.CipherFunc
	hash   flynn.HashFunc
}

func candidates() []candidate {
	return []candidate{
		{"AESGCM_SHA256", flynn.CipherAESGCM, flynn.HashSHA256},
		{"AESGCM_BLAKE2s", flynn.CipherAESGCM, flynn.HashBLAKE2s},
		{"ChaChaPoly_SHA256", flynn.CipherChaChaPoly, flynn.HashSHA256},
		{"ChaChaPoly_BLAKE2s", flynn.CipherChaChaPoly, flynn.HashBLAKE2s},
	}
}

// BenchmarkSuiteHandshake is the responder of one handshake, message 1 read and
// message 2 written, without datagrams and envelopes.
func BenchmarkSuiteHandshake(b *testing.B) {
	ours, theirs := labStatic(b, 1), labStatic(b, 2)
	pair := func(k *StaticKey) flynn.DHKey {
		return flynn.DHKey{Private: k.private[:], Public: k.public.b[:]}
	}
	for _, c := range candidates() {
		for _, p := range []struct {
			name    string
			pattern flynn.HandshakePattern
			static  flynn.DHKey // the initiator's
		}{{"IK", flynn.HandshakeIK, pair(theirs)}, {"NK", flynn.HandshakeNK, flynn.DHKey{}}} {
			b.Run(p.name+"/"+c.name, func(b *testing.B) {
				cfg := flynn.Config{
					CipherSuite: flynn.NewCipherSuite(dh25519{}, c.cipher, c.hash), Pattern: p.pattern, Random: labRand(3),
					Prologue: linkPrologue(labOverlay, labNode, 1, 2, noCookie), Initiator: true, StaticKeypair: p.static, PeerStatic: ours.public.b[:],
				}
				initiator, err := flynn.NewHandshakeState(cfg)
				if err != nil {
					b.Fatal(err)
				}
				message, _, _, err := initiator.WriteMessage(nil, make([]byte, payloadLen))
				if err != nil {
					b.Fatal(err)
				}
				cfg.Initiator, cfg.StaticKeypair, cfg.PeerStatic = false, pair(ours), nil
				payload := make([]byte, payloadLen)
				for b.Loop() {
					// The library keeps no memory of first messages, so the same one is as good as a new one.
					responder, err := flynn.NewHandshakeState(cfg)
					if err != nil {
						b.Fatal(err)
					}
					if _, _, _, err := responder.ReadMessage(nil, message); err != nil {
						b.Fatal(err)
					}
					if _, _, _, err := responder.WriteMessage(nil, payload); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkSuiteDatagram seals and opens what a datagram of 512 bytes has inside.
func BenchmarkSuiteDatagram(b *testing.B) {
	for _, c := range candidates()[1:3] { // the hash has no part in it
		cipher := flynn.NewCipherSuite(dh25519{}, c.cipher, c.hash).Cipher([keyLen]byte{1})
		plain := make([]byte, DatagramLen-dataHeaderLen-tagLen)
		sealed := make([]byte, 0, DatagramLen)
		opened := make([]byte, 0, DatagramLen)
		name := c.cipher.CipherName()
		b.Run("seal/"+name, func(b *testing.B) {
			for b.Loop() {
				sealed = cipher.Encrypt(sealed[:0], 1, nil, plain)
			}
		})
		sealed = cipher.Encrypt(sealed[:0], 1, nil, plain)
		b.Run("open/"+name, func(b *testing.B) {
			for b.Loop() {
				out, err := cipher.Decrypt(opened, 1, nil, sealed)
				if err != nil || !bytes.Equal(out[:1], plain[:1]) {
					b.Fatal("not opened")
				}
			}
		})
	}
}
