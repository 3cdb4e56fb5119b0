package threatmodel

import (
	"net/netip"
	"time"

	"sotto/noise"
	"sotto/threatmodel/lab"
)

// What a relay's work costs: a table that decides, so that a verdict does not hang on what else the machine is doing, and
// what it costs in this run, for the reader to hold beside it.

// kernelCost is what the kernel takes to send or to receive a datagram alone (docs/decisions/0005-udp-batching.md: 4.4
// µs for both together; rounded up, since forged sources form no trains).
const kernelCost = 3 * time.Microsecond

// costs are those of one step of a responder, without the kernel's.
type costs struct {
	foreign  time.Duration // a datagram that no envelope, session or attempt of this relay fits
	replayed time.Duration
	cookie   time.Duration // a challenge, made and sealed
	dh       time.Duration // a multiplication of a handshake, with its share of all else that a handshake costs
	data     time.Duration // a datagram of a session
}

// of is the time that a step took, from the counts before and after it.
func (c costs) of(before, after noise.Stats) time.Duration {
	n := func(a, b uint64) time.Duration { return time.Duration(b - a) }
	foreign, replayed := n(before.Foreign, after.Foreign), n(before.Replayed, after.Replayed)
	cookies, multiplied := n(before.Challenged, after.Challenged), n(before.DH, after.DH)
	handshakes := n(before.Initiated, after.Initiated) + n(before.Bad, after.Bad)
	received, sent := n(before.Received, after.Received), n(before.Sent, after.Sent)
	rest := received - foreign - replayed - cookies - handshakes
	return received*kernelCost + sent*kernelCost + foreign*c.foreign + replayed*c.replayed + cookies*c.cookie + multiplied*c.dh + rest*c.data
}

// capacity is how many links a second the relay could make if it did nothing else: a first message, an answer, a ping
// and a pong each, and a close, with IK and NK in equal parts.
func (c costs) capacity() float64 {
	const multiplications = (5 + 3) / 2
	return float64(time.Second) / float64(multiplications*c.dh+2*c.data+5*kernelCost)
}

// referenceCosts were measured by measureCosts on a quiet machine (AMD Zen 4, with AES and SHA instructions, Go 1.26).
// What matters is how they stand to each other: the flood is ten times what they give as capacity.
func referenceCosts() costs {
	return costs{
		foreign: 340 * time.Nanosecond, replayed: 480 * time.Nanosecond, cookie: 4100 * time.Nanosecond,
		dh: 26 * time.Microsecond, data: 460 * time.Nanosecond,
	}
}

func (c costs) describe(m *Measurement, which string) {
	m.remark(which+": garbage %v, replay %v, challenge %v, X25519 with its share of a handshake %v, data %v; the kernel %v a datagram; capacity %.0f links a second",
		c.foreign, c.replayed, c.cookie, c.dh, c.data, kernelCost, c.capacity())
}

// bench is a relay and its first messages.
type bench struct {
	core  *noise.Core
	now   time.Time
	batch noise.Batch
	out   []*noise.Batch
}

// take is the time of feeding one datagram after the other, each.
func (b *bench) take(all [][]byte) time.Duration {
	from := netip.AddrPortFrom(address(1), lab.Port)
	begin := time.Now()
	for _, d := range all {
		b.batch.Reset()
		copy(b.batch.Next(from), d)
		b.core.Receive(b.now, &b.batch)
		b.out = b.core.Outgoing(b.out[:0])
		b.core.Recycle(b.out)
	}
	return time.Since(begin) / time.Duration(len(all))
}

// measureCosts takes the fastest of several rounds: whatever makes one slower is not the relay.
func measureCosts() (costs, error) {
	const rounds, each = 5, 64
	fastest := costs{time.Hour, time.Hour, time.Hour, time.Hour, time.Hour}
	random := lab.NewSource(floodSeed, "costs")
	for range rounds {
		c, err := costsOnce(random, each)
		if err != nil {
			return costs{}, err
		}
		fastest = costs{
			min(fastest.foreign, c.foreign), min(fastest.replayed, c.replayed), min(fastest.cookie, c.cookie),
			min(fastest.dh, c.dh), min(fastest.data, c.data),
		}
	}
	return fastest, nil
}

func costsOnce(random *lab.Source, each int) (c costs, err error) {
	now := time.Unix(1_800_000_000, 0)
	static, err := noise.GenerateStaticKey(random)
	if err != nil {
		return c, err
	}
	target := noise.Target{Addr: netip.AddrPortFrom(address(0), lab.Port), Key: static.Public(), Pattern: noise.NK}
	var overlay [32]byte
	first, err := firstMessages(random, overlay, target, now, each)
	if err != nil {
		return c, err
	}
	garbage := make([][]byte, each)
	for i := range garbage {
		garbage[i] = make([]byte, noise.DatagramLen)
		random.Read(garbage[i])
	}
	answering, challenging := bench{now: now}, bench{now: now}
	for b, fresh := range map[*bench]bool{&answering: true, &challenging: false} {
		if b.core, err = noise.NewCore(now, noise.Config{Overlay: overlay, Static: static, FreshKey: fresh, Rand: random}); err != nil {
			return c, err
		}
	}
	c.foreign = answering.take(garbage)
	c.cookie = challenging.take(first)
	answered := answering.take(first)
	c.dh = answered * time.Duration(each) / time.Duration(answering.core.Stats().DH)
	c.replayed = answering.take(first)
	var secret [32]byte
	var header [16]byte
	sealer, opener := noise.NewSealer(secret, 1, header), noise.NewOpener(secret)
	begin := time.Now()
	for _, d := range garbage {
		if err = sealer.Seal(d); err != nil {
			return c, err
		}
		if _, err = opener.Open(d); err != nil {
			return c, err
		}
	}
	c.data = time.Since(begin) / time.Duration(each)
	return c, nil
}
