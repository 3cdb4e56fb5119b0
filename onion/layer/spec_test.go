// A second implementation of circuits, written from the package comments alone: neither this package nor package noise nor
// the geometry of package cell is used in this file.

package layer_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// must is for what cannot fail with the lengths that this file uses.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func xored(a, b []byte) []byte {
	if len(a) != len(b) {
		panic(fmt.Sprintf("xor of %d and %d bytes", len(a), len(b)))
	}
	c := make([]byte, len(a))
	for i := range a {
		c[i] = a[i] ^ b[i]
	}
	return c
}

func specHMAC(key, data []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(data)
	return m.Sum(nil)
}

func specHash(parts ...[]byte) []byte {
	h := sha256.Sum256(join(parts...))
	return h[:]
}

// specExpand is HKDF-Expand (RFC 5869 §2.3).
func specExpand(prk []byte, info string, n int) []byte {
	var out, block []byte
	for i := byte(1); len(out) < n; i++ {
		block = specHMAC(prk, join(block, []byte(info), []byte{i}))
		out = append(out, block...)
	}
	return out[:n]
}

// specExtract is HKDF-Extract (RFC 5869 §2.2).
func specExtract(salt, secret []byte) []byte {
	if salt == nil {
		salt = make([]byte, 32)
	}
	return specHMAC(salt, secret)
}

func specDH(private, public []byte) []byte {
	k := must(ecdh.X25519().NewPrivateKey(private))
	return must(k.ECDH(must(ecdh.X25519().NewPublicKey(public))))
}

func specPublic(private []byte) []byte {
	return must(ecdh.X25519().NewPrivateKey(private)).PublicKey().Bytes()
}

func specNonce(purpose byte, counter uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{purpose, 0, 0, 0}, counter)
}

// specStream is what GCM makes of zeros: counter mode from block 2 on (NIST SP 800-38D §7.1).
func specStream(key []byte, purpose byte, counter uint64, n int) []byte {
	out := make([]byte, n)
	block := must(aes.NewCipher(key))
	cipher.NewCTR(block, join(specNonce(purpose, counter), []byte{0, 0, 0, 2})).XORKeyStream(out, out)
	return out
}

func specSeal(key []byte, nonce, plain, associated []byte) (ciphertext, tag []byte) {
	sealed := must(cipher.NewGCM(must(aes.NewCipher(key)))).Seal(nil, nonce, plain, associated)
	return sealed[:len(plain)], sealed[len(plain):]
}

func specOpen(key []byte, nonce, ciphertext, tag, associated []byte) ([]byte, bool) {
	plain, err := must(cipher.NewGCM(must(aes.NewCipher(key)))).Open(nil, nonce, join(ciphertext, tag), associated)
	return plain, err == nil
}

// specNoise is the symmetric state of Noise (rev. 34 §5.2), with a cipher key that seals one message.
type specNoise struct{ h, ck, k []byte }

func newSpecNoise(prologue, responder []byte) *specNoise {
	name := make([]byte, 32)
	copy(name, "Noise_NK_25519_AESGCM_SHA256")
	return &specNoise{h: specHash(specHash(name, prologue), responder), ck: name}
}

func (n *specNoise) mixHash(b []byte) { n.h = specHash(n.h, b) }

func (n *specNoise) mixKey(secret []byte) {
	prk := specHMAC(n.ck, secret)
	n.ck = specHMAC(prk, []byte{1})
	n.k = specHMAC(prk, append(bytes.Clone(n.ck), 2))
}

// seal seals with nonce 0: every message of NK has a key of its own.
func (n *specNoise) seal(plain []byte) []byte {
	ciphertext, tag := specSeal(n.k, make([]byte, 12), plain, n.h)
	sealed := join(ciphertext, tag)
	n.mixHash(sealed)
	return sealed
}

func (n *specNoise) split() (first, second []byte) {
	prk := specHMAC(n.ck, nil)
	first = specHMAC(prk, []byte{1})
	return first, specHMAC(prk, append(bytes.Clone(first), 2))
}

// specDirection is an AEAD key and the counter of the next cell.
type specDirection struct {
	key  []byte
	next uint64
}

func newSpecDirection(secret []byte, label string) *specDirection {
	b := specExpand(secret, label, 40)
	return &specDirection{key: b[:32], next: binary.BigEndian.Uint64(b[32:]) >> 2}
}

func (d *specDirection) stream(purpose byte, n int) []byte {
	return specStream(d.key, purpose, d.next, n)
}

// seal makes 449 bytes a body of 473, and counts.
func (d *specDirection) seal(plain []byte) []byte {
	ciphertext, tag := specSeal(d.key, specNonce(0, d.next), plain, nil)
	body := join(binary.BigEndian.AppendUint64(nil, d.next), tag, ciphertext)
	d.next++
	return body
}

// specRelayOpen is the forward work of a hop: a message, or the next hop's body.
func specRelayOpen(key, body []byte) (plain, next []byte, ok bool) {
	counter := binary.BigEndian.Uint64(body)
	if plain, ok = specOpen(key, specNonce(0, counter), body[24:], body[8:24], nil); !ok {
		return nil, nil, false
	}
	if plain[0]&0x80 != 0 {
		return plain, nil, true
	}
	return nil, join(plain, specStream(key, 1, counter, 24)), true
}

// specForward is the forward work of the origin: what hops 1…k get, in order.
func specForward(keys []*specDirection, message byte, payload, fill []byte) (bodies [][]byte, plain []byte) {
	k := len(keys)
	var t []byte
	for _, d := range keys[:k-1] {
		t = xored(t, d.stream(0, 449)[449-len(t):])
		t = append(t, d.stream(1, 24)...)
	}
	t = xored(t, keys[k-1].stream(0, 449)[449-len(t):])
	plain = join([]byte{0x80 | message}, payload, fill, t)
	if len(plain) != 449 {
		panic(fmt.Sprintf("plaintext of %d bytes", len(plain)))
	}
	bodies = make([][]byte, k)
	holds := plain
	for j := k - 1; j >= 0; j-- {
		bodies[j] = keys[j].seal(holds)
		holds = bodies[j][:449]
	}
	return bodies, plain
}

// specBackward is the work of hops k…1: what each sends, in this order.
func specBackward(keys []*specDirection, message byte, payload []byte) (bodies [][]byte) {
	holds := join([]byte{0x80 | message}, payload, make([]byte, 72))
	for j := len(keys) - 1; j >= 0; j-- {
		body := keys[j].seal(holds)
		bodies = append(bodies, body)
		holds = body[:449]
	}
	return bodies
}

// specOriginOpen is the backward work of the origin, without windows: the hop that speaks, and its message of 377 bytes.
func specOriginOpen(keys [][]byte, body []byte) (from int, message []byte, ok bool) {
	known := [][]byte{body} // what is known of each layer's body, from its beginning
	var plain []byte
	for j, key := range keys {
		b := known[j]
		counter := binary.BigEndian.Uint64(b)
		plain = xored(b[24:], specStream(key, 0, counter, len(b)-24))
		if plain[0]&0x80 != 0 {
			from = j + 1
			break
		}
		known = append(known, plain[:min(len(plain), 449)])
	}
	if from == 0 {
		return 0, nil, false
	}
	message = plain[:377]
	whole := join(message, make([]byte, 72)) // plaintext of the layer that is looked at
	for j := from - 1; j >= 0; j-- {
		b := known[j]
		counter := binary.BigEndian.Uint64(b)
		full := join(b[:24], xored(whole, specStream(keys[j], 0, counter, 449)))
		if !bytes.HasPrefix(full, b) {
			return 0, nil, false
		}
		if _, ok := specOpen(keys[j], specNonce(0, counter), full[24:], full[8:24], nil); !ok {
			return 0, nil, false
		}
		whole = full[:449]
	}
	return from, message, true
}
