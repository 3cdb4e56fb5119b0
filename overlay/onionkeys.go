// The onion keys of a relay: which ones creates may be sealed to now.

package overlay

import (
	"crypto/ecdh"
	"fmt"
	"io"
	"log/slog"

	"sotto/overlay/peer"
)

// keysBack is for how many periods before this one creates are accepted: the one before is what paths use, and the one
// before that what they used until this period began. This period's own is for clocks that are ahead.
const keysBack = 2

// OnionKey is a key that creates may be sealed to, an X25519 scalar.
type OnionKey struct {
	period  uint32
	fresh   bool
	public  peer.OnionPublic
	private *[32]byte
}

// Period is that of the descriptor which shows the public half.
func (k OnionKey) Period() uint32 { return k.period }

// Fresh reports whether the key was made by this process, so that nothing was sealed to it before the start.
func (k OnionKey) Fresh() bool { return k.fresh }

// Public returns the public half.
func (k OnionKey) Public() peer.OnionPublic { return k.public }

// Private returns the 32 private bytes; zero when the key has been wiped.
func (k OnionKey) Private() [32]byte { return *k.private }

// Format prints a fixed text for every verb.
func (OnionKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[onion private key]") }

// LogValue logs a fixed text.
func (OnionKey) LogValue() slog.Value { return slog.StringValue("[onion private key]") }

// onionKeys returns the keys that are accepted in a period. A day that is not there, or not as it was signed, has none:
// what is sealed to it is lost, as if this relay had been off.
func (o *own) onionKeys(now uint32) []OnionKey {
	var keys []OnionKey
	for back := uint32(0); back <= keysBack && back <= now; back++ {
		day, ok, err := o.id.Days.Day(now - back)
		if err != nil || !ok {
			continue
		}
		private, err := ecdh.X25519().NewPrivateKey(day.onion[:])
		if err != nil {
			continue
		}
		public, err := peer.ParseOnionPublic(private.PublicKey().Bytes())
		if err != nil || public != day.daily.OnionKey() {
			continue
		}
		keys = append(keys, OnionKey{now - back, o.fresh[now-back], public, &day.onion})
	}
	return keys
}

// renewKeys tells which keys are accepted from now on, and wipes the others.
func (n *Node) renewKeys(period uint32) {
	if n.cfg.OnionKeys == nil {
		return
	}
	old := n.keys
	n.keys = n.own.onionKeys(period)
	n.cfg.OnionKeys(n.keys)
	wipe(old)
}

// wipe overwrites private halves. Go may have copied them before.
func wipe(keys []OnionKey) {
	for _, k := range keys {
		clear(k.private[:])
	}
}
