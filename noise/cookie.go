package noise

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net/netip"
	"time"
)

// Cookies prove that a source address is real before anything is spent on it,
// without any state: the cookie is a MAC over the address under a secret that
// changes every two minutes (the idea of WireGuard's cookies, RFC 7296 §2.6).

// cookieJar makes and recognises cookies. Two generations of the secret are
// accepted, so a cookie lives between cookieLife and twice that. The secrets are
// never stored: after a restart no old cookie is right, which is what makes a
// cookie the proof of freshness then.
type cookieJar struct {
	rand    io.Reader
	secret  [2][sha256.Size]byte // current, previous
	rotated time.Time
}

// rotate renews the secret when it is due.
func (j *cookieJar) rotate(now time.Time) error {
	if !j.rotated.IsZero() && now.Sub(j.rotated) < cookieLife {
		return nil
	}
	j.secret[1] = j.secret[0]
	if j.rotated.IsZero() || now.Sub(j.rotated) >= 2*cookieLife {
		// Nothing from before may be right: neither zeros nor a stale secret.
		if _, err := io.ReadFull(j.rand, j.secret[1][:]); err != nil {
			return err
		}
	}
	j.rotated = now
	_, err := io.ReadFull(j.rand, j.secret[0][:])
	return err
}

// bake returns the cookie of an address in one generation.
func (j *cookieJar) bake(generation int, from netip.AddrPort) (c [cookieLen]byte) {
	h := hmac.New(sha256.New, j.secret[generation][:])
	a := from.Addr().As16()
	h.Write(a[:])
	var port [2]byte
	binary.BigEndian.PutUint16(port[:], from.Port())
	h.Write(port[:])
	copy(c[:], h.Sum(nil))
	return c
}

// proves reports whether an initiation carries a MAC under a cookie of from.
func (j *cookieJar) proves(from netip.AddrPort, in *initiation) bool {
	for generation := range j.secret {
		c := j.bake(generation, from)
		mac := cookieMAC(&c, in.salt[:], in.body)
		if hmac.Equal(mac[:], in.cookieMAC[:]) {
			return true
		}
	}
	return false
}
