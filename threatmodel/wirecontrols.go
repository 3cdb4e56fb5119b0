package threatmodel

import (
	"context"
	"crypto/aes"
	"encoding/binary"

	"sotto/noise"
	"sotto/threatmodel/lab"
)

// The negative controls of P06: datagrams as a worse protocol would send them, shown to the same look.

// samples of a control: enough that a fault in every datagram cannot hide.
const controlDatagrams = 3_000

// lookAtForged shows datagrams that forge fills in over random bytes.
func lookAtForged(ctx context.Context, forge func(i int, d []byte) ([]byte, error)) (Measurement, error) {
	m := Measurement{Seed: wireSeed}
	random := lab.NewSource(wireSeed, "control of P06")
	w := newWireLook(controlDatagrams, 200)
	for i := range controlDatagrams {
		d := make([]byte, noise.DatagramLen)
		random.Read(d)
		d, err := forge(i, d)
		if err != nil {
			return m, err
		}
		w.see(0, 0, d)
	}
	m.add("broken", w.figures()...)
	return m, ctx.Err()
}

// bareMessage makes Noise message 1 of a fresh handshake.
func bareMessage() (func() ([]byte, error), error) {
	random := lab.NewSource(wireSeed, "bare messages")
	key, err := noise.GenerateStaticKey(random)
	if err != nil {
		return nil, err
	}
	return func() ([]byte, error) {
		hs, err := noise.NewHandshake(noise.HandshakeConfig{
			Pattern: noise.NK, Initiator: true, Remote: key.Public(), Prologue: []byte("control"), Rand: random,
		})
		if err != nil {
			return nil, err
		}
		return hs.WriteMessage(nil, nil)
	}, nil
}

func controlBareMessage(ctx context.Context, _ Scale) (Measurement, error) {
	next, err := bareMessage()
	if err != nil {
		return Measurement{}, err
	}
	return lookAtForged(ctx, func(_ int, d []byte) ([]byte, error) {
		message, err := next()
		copy(d[16:], message) // behind the salt
		return d, err
	})
}

func controlBarePoint(ctx context.Context, _ Scale) (Measurement, error) {
	next, err := bareMessage()
	if err != nil {
		return Measurement{}, err
	}
	return lookAtForged(ctx, func(_ int, d []byte) ([]byte, error) {
		message, err := next()
		top := d[16+31] & 0x80
		copy(d[16:], message)
		d[16+31] |= top
		return d, err
	})
}

// sealed makes the datagrams of one direction of a session whose keys are known here.
func sealed(unmask func(i int, d []byte, mask *[aes.BlockSize]byte)) (func(i int, d []byte) ([]byte, error), error) {
	random := lab.NewSource(wireSeed, "sealed datagrams")
	var secret [32]byte
	var header [16]byte
	random.Read(secret[:])
	random.Read(header[:])
	s := noise.NewSealer(secret, random.Uint64(), header)
	block, err := aes.NewCipher(header[:])
	return func(i int, d []byte) ([]byte, error) {
		clear(noise.Frame(d))
		if err := s.Seal(d); err != nil {
			return nil, err
		}
		var mask [aes.BlockSize]byte
		block.Encrypt(mask[:], d[noise.DatagramLen-16:])
		unmask(i, d, &mask)
		return d, nil
	}, err
}

func controlBareIndex(ctx context.Context, _ Scale) (Measurement, error) {
	next, err := sealed(func(_ int, d []byte, mask *[aes.BlockSize]byte) {
		for i := range 8 {
			d[i] ^= mask[i]
		}
	})
	if err != nil {
		return Measurement{}, err
	}
	return lookAtForged(ctx, next)
}

func controlBareCounter(ctx context.Context, _ Scale) (Measurement, error) {
	next, err := sealed(func(i int, d []byte, _ *[aes.BlockSize]byte) {
		binary.BigEndian.PutUint64(d[8:], uint64(i))
	})
	if err != nil {
		return Measurement{}, err
	}
	return lookAtForged(ctx, next)
}

func controlShort(ctx context.Context, _ Scale) (Measurement, error) {
	return lookAtForged(ctx, func(i int, d []byte) ([]byte, error) {
		if i%1000 == 500 {
			d = d[:len(d)-1]
		}
		return d, nil
	})
}
