package threatmodel

import (
	"net/netip"
	"slices"
	"time"

	"sotto/noise"
	"sotto/threatmodel/lab"
)

// What floods are made of. The attacker knows the relay's descriptor, so he can seal envelopes for it and make valid
// handshakes; he can forge any source, but sees nothing of what is sent to it.

// floodKind is a mixture.
type floodKind int

const (
	floodMixed floodKind = iota // a quarter each of garbage, wrong, valid and replayed ones
	floodWrong                  // only those that would cost most if they were read: sealed for the relay, with a wrong handshake
)

// String names the mixture.
func (k floodKind) String() string {
	return [...]string{"mixed flood", "flood of wrong handshakes"}[k]
}

// ammunition is made in advance, as an attacker would.
type ammunition struct {
	random  *lab.Source
	wrong   [][]byte // sealed for the relay, with a handshake for another NodeID
	valid   [][]byte
	replays [][]byte // valid ones that the relay has taken
	fired   int
	kind    floodKind
	scratch [noise.DatagramLen]byte
}

// newAmmunition makes n valid first messages and half as many wrong ones. Those of IK each have a key of their own.
func newAmmunition(random *lab.Source, overlay [32]byte, relay noise.Target, now time.Time, n int) (*ammunition, error) {
	a := &ammunition{random: random}
	wrong := relay
	wrong.Node[0]++
	var err error
	if a.wrong, err = firstMessages(random, overlay, wrong, now, n/2); err != nil {
		return nil, err
	}
	if a.valid, err = firstMessages(random, overlay, relay, now, n); err != nil {
		return nil, err
	}
	// The relay answers so many at once without a cookie.
	const burst = 90
	a.replays = a.valid[:burst]
	return a, nil
}

// firstMessages makes n first messages to a target, IK and NK in turn.
func firstMessages(random *lab.Source, overlay [32]byte, to noise.Target, now time.Time, n int) ([][]byte, error) {
	all := make([][]byte, 0, n)
	for len(all) < n {
		static, err := noise.GenerateStaticKey(random)
		if err != nil {
			return nil, err
		}
		c, err := noise.NewCore(now, noise.Config{Overlay: overlay, Static: static, FreshKey: true, Rand: random})
		if err != nil {
			return nil, err
		}
		for _, to.Pattern = range []noise.Pattern{noise.IK, noise.NK, noise.NK, noise.NK} {
			if _, err := c.Dial(now, to); err != nil {
				return nil, err
			}
		}
		for _, b := range c.Outgoing(nil) {
			for i := range b.Len() {
				_, d := b.At(i)
				all = append(all, slices.Clone(d))
			}
		}
	}
	return all[:n], nil
}

// next is the next shot and where it seems to come from. The first shots are valid and become the replays.
func (a *ammunition) next() (d []byte, from netip.AddrPort) {
	a.fired++
	from = a.forged()
	if a.fired <= len(a.replays) {
		return a.replays[a.fired-1], from
	}
	if a.kind == floodWrong {
		return a.wrong[a.random.IntN(len(a.wrong))], from
	}
	switch a.fired % 4 {
	case 0:
		return a.valid[a.random.IntN(len(a.valid))], from
	case 1:
		return a.wrong[a.random.IntN(len(a.wrong))], from
	case 2:
		return a.replays[a.random.IntN(len(a.replays))], from
	}
	a.random.Read(a.scratch[:])
	return a.scratch[:], from
}

// forged is an address of nobody.
func (a *ammunition) forged() netip.AddrPort {
	var b [16]byte
	a.random.Read(b[:])
	port := uint16(b[14])<<8 | uint16(b[15]) | 1
	if a.fired%8 < 4 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, b[1], b[2], b[3]}), port)
	}
	copy(b[:], []byte{0x20, 0x01, 0x0d, 0xb8, 0x80 | b[4]})
	return netip.AddrPortFrom(netip.AddrFrom16(b), port)
}
