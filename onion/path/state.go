package path

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"sotto/overlay/peer"
)

// What outlives the process, as bytes; the layout stands in the package comment.

const (
	stateVersion = 1
	stateLabel   = "sotto path state v1"
	addressLen   = 1 + 16 + 2
	relayLen     = peer.NodeIDLen + 8 + peer.MaxAddresses*addressLen + 1
	headLen      = 1 + peer.OverlayIDLen + 1
	// MaxStateLen is the length of the longest state in bytes.
	MaxStateLen = headLen + sampleSize*relayLen + Purposes*(8+1+seconds*relayLen) + sha256.Size
	// maxTime is 36 000 years: beyond it, seconds stop being nanoseconds that fit.
	maxTime = 1 << 40
)

// state is what is kept.
type state struct {
	overlay peer.OverlayID
	guards  []held // oldest first, at most sampleSize; since when
	sets    [Purposes]set
}

// held is a relay that stays, by its name in this key epoch and by what outlives it.
type held struct {
	id        peer.NodeID
	time      int64 // unix seconds: since when it is a guard, or until when a second
	addresses [2]peer.Address
	// bound says that its name was learnt from its address and nothing else: see Table.follow.
	bound bool
}

// set is the second positions of a purpose.
type set struct {
	early   int64  // unix seconds of the last replacement before its time, 0 if there was none
	members []held // until when
}

// clone is deep, so that what could not be kept can be forgotten.
func (st *state) clone() state {
	c := *st
	c.guards = slices.Clone(st.guards)
	for i := range c.sets {
		c.sets[i].members = slices.Clone(c.sets[i].members)
	}
	return c
}

// appendState appends the bytes of a state.
func appendState(dst []byte, s *state) []byte {
	begin := len(dst)
	overlay := s.overlay.Bytes()
	dst = append(dst, stateVersion)
	dst = append(dst, overlay[:]...)
	dst = append(dst, byte(len(s.guards)))
	for _, g := range s.guards {
		dst = appendHeld(dst, g)
	}
	for _, one := range s.sets {
		dst = binary.BigEndian.AppendUint64(dst, uint64(one.early))
		dst = append(dst, byte(len(one.members)))
		for _, m := range one.members {
			dst = appendHeld(dst, m)
		}
	}
	sum := checksum(dst[begin:])
	return append(dst, sum[:]...)
}

func appendHeld(dst []byte, h held) []byte {
	id := h.id.Bytes()
	dst = append(dst, id[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.time))
	for _, a := range h.addresses {
		dst = appendAddress(dst, a)
	}
	if h.bound {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func checksum(b []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(append([]byte{byte(len(stateLabel))}, stateLabel...))
	h.Write(b)
	return [sha256.Size]byte(h.Sum(nil))
}

// appendAddress appends addressLen bytes, zero for no address.
func appendAddress(dst []byte, a peer.Address) []byte {
	at := a.AddrPort()
	if !at.IsValid() {
		return append(dst, make([]byte, addressLen)...)
	}
	var b [addressLen]byte
	b[0] = 6
	if at.Addr().Is4() {
		b[0] = 4
	}
	copy(b[1:], at.Addr().AsSlice())
	binary.BigEndian.PutUint16(b[17:], at.Port())
	return append(dst, b[:]...)
}

// parseState reads what appendState writes, and nothing else: ErrState.
func parseState(b []byte) (state, error) {
	if len(b) < headLen+Purposes*9+sha256.Size || len(b) > MaxStateLen || b[0] != stateVersion {
		return state{}, ErrState
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	// Against damage, not against somebody who writes the file.
	if want := checksum(body); !bytes.Equal(want[:], sum) {
		return state{}, ErrState
	}
	overlay, err := peer.ParseOverlayID(body[1 : headLen-1])
	if err != nil {
		return state{}, ErrState
	}
	s := state{overlay: overlay}
	r := reader{rest: body[headLen-1:]}
	s.guards = r.guards()
	for i := range s.sets {
		s.sets[i] = r.set()
	}
	if r.bad || len(r.rest) != 0 {
		return state{}, ErrState
	}
	return s, nil
}

// reader takes fields off the front. After a fault it gives zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if r.bad || len(r.rest) < n {
		r.bad = true
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// count reads a number of at most so much.
func (r *reader) count(most int) int {
	n := int(r.take(1)[0])
	if n > most {
		r.bad = true
		return 0
	}
	return n
}

func (r *reader) time() int64 {
	t := binary.BigEndian.Uint64(r.take(8))
	if t >= maxTime {
		r.bad = true
		return 0
	}
	return int64(t)
}

func (r *reader) id() peer.NodeID {
	id, err := peer.ParseNodeID(r.take(peer.NodeIDLen))
	r.bad = r.bad || err != nil || id == peer.NodeID{}
	return id
}

func (r *reader) address() peer.Address {
	b := r.take(addressLen)
	if allZero(b) {
		return peer.Address{}
	}
	var ip netip.Addr
	if b[0] == 4 {
		ip = netip.AddrFrom4([4]byte(b[1:5]))
	} else {
		ip = netip.AddrFrom16([16]byte(b[1:17]))
	}
	a, err := peer.NewAddress(netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[17:])))
	if err != nil || !bytes.Equal(appendAddress(nil, a), b) {
		r.bad = true
	}
	return a
}

func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

func (r *reader) held() held {
	h := held{id: r.id(), time: r.time()}
	h.addresses[0], h.addresses[1] = r.address(), r.address()
	if h.addresses[1] != (peer.Address{}) && h.addresses[0].Compare(h.addresses[1]) >= 0 {
		r.bad = true
	}
	h.bound = r.count(1) == 1
	return h
}

// several reads relays of which none comes twice.
func (r *reader) several(most int) []held {
	var all []held
	for range r.count(most) {
		h := r.held()
		r.bad = r.bad || slices.ContainsFunc(all, func(g held) bool { return g.id == h.id })
		all = append(all, h)
	}
	return all
}

// guards are in the order in which they were sampled.
func (r *reader) guards() []held {
	all := r.several(sampleSize)
	r.bad = r.bad || !slices.IsSortedFunc(all, func(a, b held) int { return cmp.Compare(a.time, b.time) })
	return all
}

func (r *reader) set() set { return set{early: r.time(), members: r.several(seconds)} }

// unix is the time of a state in seconds, with clocks that no state can hold held to what it can.
func unix(t time.Time) int64 { return min(max(0, t.Unix()), maxTime-1) }
