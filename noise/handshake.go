package noise

import (
	"errors"
	"fmt"
	"io"

	flynn "github.com/flynn/noise"
)

// The Noise handshake as a machine of bytes in, bytes out. It knows no
// datagrams, no addresses, no time.

// Pattern says who proves what in a handshake.
type Pattern uint8

// The patterns in use (Noise rev. 34 §7.5). The values are on the wire.
const (
	// IK runs between peers: both prove their static keys, and the initiator's
	// is sent encrypted.
	IK Pattern = 1
	// NK runs from a client or an anonymous node to its guard: only the
	// responder proves a key, the initiator has no identity at all.
	NK Pattern = 2
	// NKpsk0 is NK between ends that share a secret (Noise rev. 34 §9): who has it
	// not can neither make nor open the first message. Sessions use it; links
	// refuse it.
	NKpsk0 Pattern = 3
)

// ErrHandshake is the one error of a handshake message that is not right. It is
// final: the handshake that returned it is dead.
var ErrHandshake = errors.New("noise: handshake failed")

// HandshakeConfig are the inputs of one handshake.
type HandshakeConfig struct {
	Pattern   Pattern
	Initiator bool
	Prologue  []byte     // equal at both ends, or the handshake fails
	Static    *StaticKey // own key: the responder's always, the initiator's with IK
	Remote    PublicKey  // the responder's key, at the initiator
	Rand      io.Reader  // source of the ephemeral key
	PSK       []byte     // 32 bytes with NKpsk0, else none
}

// Handshake runs one handshake of two messages. The initiator calls
// WriteMessage, then ReadMessage; the responder ReadMessage, then WriteMessage;
// then both call Secrets.
//
// Error contract: any error is final, and every later call returns ErrHandshake.
// The reason is the library underneath: after some errors its state is silently
// destroyed (a message too short, a low-order point), after others it is not,
// and nobody should have to know which. A responder makes a fresh Handshake per
// first message. An initiator gets answers that only those can forge who have seen
// its first message and hold the directory; it keeps the bytes of its ephemeral
// key, with which the same Handshake can be made again.
type Handshake struct {
	pattern   Pattern
	initiator bool
	state     *flynn.HandshakeState
	step      int
	failed    bool
	secrets   Secrets
}

// Secrets are the results of a completed handshake.
type Secrets struct {
	Send, Receive [keyLen]byte // one key per direction
	Hash          [keyLen]byte // the handshake hash (Noise §11.2), equal at both ends
	Peer          PublicKey    // the initiator's static key with IK at the responder
}

// Format prints a placeholder for every verb.
func (Secrets) Format(s fmt.State, _ rune) { io.WriteString(s, "[link secrets]") }

// NewHandshake checks the inputs and computes nothing.
func NewHandshake(c HandshakeConfig) (*Handshake, error) {
	fc := flynn.Config{CipherSuite: suite, Random: c.Rand, Initiator: c.Initiator, Prologue: c.Prologue}
	switch c.Pattern {
	case IK:
		fc.Pattern = flynn.HandshakeIK
	case NK:
		fc.Pattern = flynn.HandshakeNK
	case NKpsk0:
		fc.Pattern, fc.PresharedKey = flynn.HandshakeNK, c.PSK // placement 0
	default:
		return nil, ErrHandshake
	}
	// The library mixes a missing secret as an empty one, and without an error.
	if (c.Pattern == NKpsk0) != (len(c.PSK) == keyLen) || c.Pattern != NKpsk0 && len(c.PSK) > 0 {
		return nil, ErrKey
	}
	if c.Initiator {
		if c.Remote.IsZero() {
			return nil, ErrKey
		}
		fc.PeerStatic = c.Remote.b[:]
	}
	if !c.Initiator || c.Pattern == IK {
		if c.Static == nil {
			return nil, ErrKey
		}
		fc.StaticKeypair = flynn.DHKey{Private: c.Static.private[:], Public: c.Static.public.b[:]}
	}
	state, err := flynn.NewHandshakeState(fc)
	if err != nil {
		return nil, ErrHandshake
	}
	return &Handshake{pattern: c.Pattern, initiator: c.Initiator, state: state}, nil
}

// overhead is the length of a message beyond its payload.
func (h *Handshake) overhead() int {
	if h.step == 0 && h.pattern == IK {
		return keyLen + keyLen + tagLen + tagLen // e, s, payload
	}
	return keyLen + tagLen // e, payload
}

// WriteMessage appends the next message with its payload to dst.
func (h *Handshake) WriteMessage(dst, payload []byte) ([]byte, error) {
	if h.failed || h.step > 1 || h.initiator != (h.step == 0) {
		return nil, h.fail()
	}
	out, a, b, err := h.state.WriteMessage(dst, payload)
	if err != nil {
		return nil, h.fail()
	}
	return out, h.advance(a, b)
}

// ReadMessage takes the next message of the other end and returns its payload.
// Length and ephemeral are checked before the library sees the bytes.
func (h *Handshake) ReadMessage(message []byte) ([]byte, error) {
	if h.failed || h.step > 1 || h.initiator == (h.step == 0) {
		return nil, h.fail()
	}
	if len(message) < h.overhead() || len(message) > flynn.MaxMsgLen {
		return nil, h.fail()
	}
	payload, a, b, err := h.state.ReadMessage(nil, message)
	if err != nil {
		return nil, h.fail()
	}
	if h.step == 0 && h.pattern == IK {
		// A responder must not answer to a key with which anybody can be anybody.
		copy(h.secrets.Peer.b[:], h.state.PeerStatic())
	}
	return payload, h.advance(a, b)
}

// advance counts the message and, after the second, takes the keys out.
func (h *Handshake) advance(a, b *flynn.CipherState) error {
	h.step++
	if h.step < 2 {
		return nil
	}
	if a == nil || b == nil {
		return h.fail()
	}
	if !h.initiator {
		a, b = b, a
	}
	h.secrets.Send, h.secrets.Receive = a.UnsafeKey(), b.UnsafeKey()
	copy(h.secrets.Hash[:], h.state.ChannelBinding())
	return nil
}

// Peer returns the initiator's static key, known to an IK responder after the
// first message; otherwise the zero key.
func (h *Handshake) Peer() PublicKey { return h.secrets.Peer }

// Secrets returns the keys after the second message.
func (h *Handshake) Secrets() (Secrets, error) {
	if h.failed || h.step != 2 {
		return Secrets{}, h.fail()
	}
	return h.secrets, nil
}

// fail makes the handshake dead and returns the one error.
func (h *Handshake) fail() error {
	h.failed = true
	h.state = nil
	h.secrets = Secrets{}
	return ErrHandshake
}
