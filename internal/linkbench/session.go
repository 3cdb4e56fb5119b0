package linkbench

// Sessions: sealing and opening one datagram, beside the bare cipher.

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"runtime"
	"time"

	"sotto/noise"
)

// A slice is passes over a run of datagrams that fits the first-level cache, as those of one batch being worked on do.
const (
	sliceRun    = 32
	slicePasses = 8
	sliceLen    = sliceRun * slicePasses

	headerLen = 16 // of a datagram: masked index and counter
	tagLen    = 16
)

// work is a run of datagrams and everything that can be done to them. Keys and content are zero: no cipher here takes
// longer or shorter for it.
type work struct {
	buffer [sliceRun * noise.DatagramLen]byte
	sealer *noise.Sealer
	opener *noise.Opener
	aead   cipher.AEAD
	block  cipher.Block
	nonce  [12]byte
	mask   [aes.BlockSize]byte
}

func newWork() (*work, error) {
	w := &work{sealer: noise.NewSealer([32]byte{}, 1, [16]byte{}), opener: noise.NewOpener([32]byte{})}
	wide, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	if w.aead, err = cipher.NewGCM(wide); err != nil {
		return nil, err
	}
	w.block, err = aes.NewCipher(make([]byte, 16)) // as long as the keys of the masks
	return w, err
}

func (w *work) datagram(i int) []byte { return w.buffer[i*noise.DatagramLen:][:noise.DatagramLen] }

// seal seals the run as a link does.
func (w *work) seal() error {
	for i := range sliceRun {
		if err := w.sealer.Seal(w.datagram(i)); err != nil {
			return err
		}
	}
	return nil
}

// open opens the run as a link does.
func (w *work) open() error {
	for i := range sliceRun {
		if _, err := w.opener.Open(w.datagram(i)); err != nil {
			return err
		}
	}
	return nil
}

// bareSeal does what cannot be saved of seal: the same 480 bytes by the cipher alone.
func (w *work) bareSeal() error {
	for i := range sliceRun {
		d := w.datagram(i)[headerLen:]
		w.aead.Seal(d[:0], w.nonce[:], d[:len(d)-tagLen], nil)
	}
	return nil
}

// bareOpen is likewise of open.
func (w *work) bareOpen() error {
	for i := range sliceRun {
		d := w.datagram(i)[headerLen:]
		if _, err := w.aead.Open(d[:0], w.nonce[:], d, nil); err != nil {
			return err
		}
	}
	return nil
}

// blocks encrypts one AES block for each datagram.
func (w *work) blocks() error {
	for i := range sliceRun {
		w.block.Encrypt(w.mask[:], w.datagram(i)[noise.DatagramLen-tagLen:])
	}
	return nil
}

// timed makes a side of a slice of work; prepare, which may be nil, comes before each pass and is not counted.
func timed(prepare, do func() error) Side {
	return func() (time.Duration, error) {
		var took time.Duration
		for range slicePasses {
			if prepare != nil {
				if err := prepare(); err != nil {
					return 0, err
				}
			}
			began := time.Now()
			if err := do(); err != nil {
				return 0, err
			}
			took += time.Since(began)
		}
		return took, nil
	}
}

// MeasureSeal measures Sealer.Seal of one datagram.
func MeasureSeal(ctx context.Context, budget time.Duration) (Figure, error) {
	w, err := newWork()
	if err != nil {
		return Figure{}, err
	}
	return w.against(ctx, budget, "link_seal_ns", timed(nil, w.seal), timed(nil, w.bareSeal))
}

// MeasureOpen measures Opener.Open of one datagram.
func MeasureOpen(ctx context.Context, budget time.Duration) (Figure, error) {
	w, err := newWork()
	if err != nil {
		return Figure{}, err
	}
	return w.against(ctx, budget, "link_open_ns", timed(w.seal, w.open), timed(w.bareSeal, w.bareOpen))
}

// against measures a side beside the bare cipher and one AES block. The ratio is what the side takes beyond one block,
// to the bare cipher. It may be below 1: where the linker puts the code moves the bare cipher by a tenth.
func (w *work) against(ctx context.Context, budget time.Duration, name string, ours, bare Side) (Figure, error) {
	samples, err := Alternate(ctx, budget, ours, bare, timed(nil, w.blocks))
	if err != nil {
		return Figure{}, err
	}
	beyond := make([]float64, len(samples[0]))
	for i := range beyond {
		beyond[i] = samples[0][i] - samples[2][i]
	}
	allocations, err := allocationsOf(ours)
	if err != nil {
		return Figure{}, err
	}
	f := NewFigure(name, "ns", Scaled(samples[0], sliceLen))
	f.N *= sliceLen
	f.Add("aead_ns", Quantile(samples[1], 0.5)/sliceLen).Add("block_ns", Quantile(samples[2], 0.5)/sliceLen)
	f.Add("ratio", MedianRatio(beyond, samples[1])).Add("goal_ratio", goalAEAD).Add("allocs", allocations)
	f.Add("hardware_aes", noise.HardwareAES())
	return f, nil
}

// allocationsOf counts the allocations a datagram of a side, rounded down: the runtime itself makes a few now and then.
func allocationsOf(s Side) (int, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := s()
	runtime.ReadMemStats(&after)
	return int((after.Mallocs - before.Mallocs) / sliceLen), err
}
