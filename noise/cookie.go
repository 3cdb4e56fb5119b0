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

// cookie is what a challenge gives; noCookie stands where there is none.
type cookie [cookieLen]byte

// noCookie is the cookie that nobody bakes.
var noCookie = cookie{}

// cookieJar makes and recognises cookies. The secrets change on a grid of
// cookieLife, and those of two intervals are accepted, so a cookie lives between
// cookieLife and twice that. They are never stored: after a restart no old cookie
// is right, which is what makes a cookie the proof of freshness then.
type cookieJar struct {
	rand     io.Reader
	secret   [2][sha256.Size]byte // current, previous
	interval int64                // of the current secret; 0 before the first
}

// rotate renews the secrets when it is due, and reports whether the previous
// interval's were given up.
func (j *cookieJar) rotate(now time.Time) (turned bool, err error) {
	interval := now.UnixNano() / int64(cookieLife)
	if interval == j.interval {
		return false, nil
	}
	if interval == j.interval+1 {
		j.secret[1] = j.secret[0]
	} else if _, err := io.ReadFull(j.rand, j.secret[1][:]); err != nil {
		// Nothing from before may be right: neither zeros nor a stale secret.
		return false, err
	}
	j.interval = interval
	_, err = io.ReadFull(j.rand, j.secret[0][:])
	return true, err
}

// bake returns the cookie of an address in one generation, 0 being the current.
func (j *cookieJar) bake(generation int, from netip.AddrPort) (c cookie) {
	h := hmac.New(sha256.New, j.secret[generation][:])
	a := from.Addr().As16()
	h.Write(a[:])
	var port [2]byte
	binary.BigEndian.PutUint16(port[:], from.Port())
	h.Write(port[:])
	copy(c[:], h.Sum(nil))
	return c
}

// proven returns the cookie of from under which an initiation carries a MAC, or
// noCookie, and the current cookie of from.
func (j *cookieJar) proven(from netip.AddrPort, in *initiation) (has, current cookie) {
	for generation := range j.secret {
		c := j.bake(generation, from)
		if generation == 0 {
			current = c
		}
		mac := cookieMAC(c, in.salt[:], in.body)
		if hmac.Equal(mac[:], in.cookieMAC[:]) {
			return c, current
		}
	}
	return noCookie, current
}
