package linkbench

// Handshakes: what a responder spends on one, beside the multiplications in it.

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"sotto/noise"
)

// errRefused says that a core did not do what the measurement needs of it.
var errRefused = errors.New("linkbench: the core refused an honest message")

// between is how far apart first messages come in the responder's time: slow enough that it never asks for a cookie.
const between = 10 * time.Millisecond

// Names of the overlay and the node that exist for measuring only.
func benchOverlay() [32]byte { return [32]byte{'b', 'e', 'n', 'c', 'h'} }
func benchNode() [32]byte    { return [32]byte{'n', 'o', 'd', 'e'} }

// responder is a core that answers first messages of always new initiators.
type responder struct {
	core    *noise.Core
	target  noise.Target
	now     time.Time
	batch   noise.Batch
	out     []*noise.Batch
	sources uint32
}

// newResponder makes a core with a key of its own.
func newResponder(p noise.Pattern) (*responder, error) {
	key, err := noise.GenerateStaticKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	r := &responder{now: time.Now()}
	r.core, err = noise.NewCore(r.now, noise.Config{Overlay: benchOverlay(), Node: benchNode(), Static: key, FreshKey: true})
	r.target = noise.Target{
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 4433),
		Key:  key.Public(), Node: benchNode(), Pattern: p,
	}
	return r, err
}

// answer lets a new initiator come and returns how long the answer took, from the datagram that came in to the datagram
// that goes out.
func (r *responder) answer() (time.Duration, error) {
	r.now = r.now.Add(between)
	r.core.Tick(r.now) // forgets those who never confirmed
	message, err := firstMessage(r.now, r.target)
	if err != nil {
		return 0, err
	}
	r.sources++
	from := binary.BigEndian.AppendUint32(nil, 10<<24|r.sources)
	r.batch.Reset()
	copy(r.batch.Next(netip.AddrPortFrom(netip.AddrFrom4([4]byte(from)), 4433)), message)
	before := r.core.Stats().Initiated

	began := time.Now()
	r.core.Receive(r.now, &r.batch)
	r.out = r.core.Outgoing(r.out[:0])
	took := time.Since(began)

	r.core.Recycle(r.out)
	if r.core.Stats().Initiated != before+1 || len(r.out) != 1 {
		return 0, errRefused
	}
	return took, nil
}

// firstMessage is the datagram with which a new initiator begins.
func firstMessage(now time.Time, t noise.Target) ([]byte, error) {
	cfg := noise.Config{Overlay: benchOverlay()}
	if t.Pattern == noise.IK {
		key, err := noise.GenerateStaticKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		cfg.Static = key
	}
	core, err := noise.NewCore(now, cfg)
	if err != nil {
		return nil, err
	}
	if _, err := core.Dial(now, t); err != nil {
		return nil, err
	}
	out := core.Outgoing(nil)
	if len(out) != 1 || out[0].Len() != 1 {
		return nil, errRefused
	}
	_, d := out[0].At(0)
	return d, nil
}

// multiplications returns a side that does the multiplications of a responder and nothing else: one of the base point
// (e), which is what making a key costs, and those of points (IK: es, ss, ee, se; NK: es, ee), each of which is what
// checking a public key costs. Package noise alone knows the library, and both go through it.
func multiplications(p noise.Pattern) (Side, error) {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, err
	}
	key, err := noise.StaticKeyFromBytes(secret[:])
	if err != nil {
		return nil, err
	}
	public := key.Public().Bytes()
	points := 2
	if p == noise.IK {
		points = 4
	}
	return func() (time.Duration, error) {
		began := time.Now()
		if _, err := noise.StaticKeyFromBytes(secret[:]); err != nil {
			return 0, err
		}
		for range points {
			if _, err := noise.ParsePublicKey(public[:]); err != nil {
				return 0, err
			}
		}
		return time.Since(began), nil
	}, nil
}

// MeasureHandshake measures the responder of one pattern. Nothing in it waits, so the time it takes is the CPU's,
// except where something else on the machine came in between: that is in the 95th percentile.
func MeasureHandshake(ctx context.Context, p noise.Pattern, budget time.Duration) (Figure, error) {
	name, goal := "handshake_nk_us", goalNK
	if p == noise.IK {
		name, goal = "handshake_ik_us", goalIK
	}
	r, err := newResponder(p)
	if err != nil {
		return Figure{}, err
	}
	floor, err := multiplications(p)
	if err != nil {
		return Figure{}, err
	}
	samples, err := Alternate(ctx, budget, r.answer, floor)
	if err != nil {
		return Figure{}, err
	}
	f := NewFigure(name, "us", Scaled(samples[0], 1000))
	f.Add("dh_us", Quantile(samples[1], 0.5)/1000).Add("ratio", MedianRatio(samples[0], samples[1]))
	f.Add("goal_us", goal).Add("goal_ratio", goalDH)
	return f, nil
}
