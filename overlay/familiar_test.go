// Which link keys are those of known peers.

package overlay

import (
	"crypto/rand"
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
)

func TestLinkKeysOfKnownPeersAreFamiliar(t *testing.T) {
	inLab(t, simnet.Config{Seed: 11, Link: simnet.Link{Latency: ms(40)}}, func(l *lab) {
		l.crowd(4)
		l.allLinked(time.Minute)
		stranger, err := noise.GenerateStaticKey(rand.Reader)
		l.must(err)
		for turn := range 2 {
			if turn > 0 {
				time.Sleep(13 * time.Hour) // it was noon
			}
			for _, r := range l.relays {
				for _, o := range l.relays {
					if !r.steward.library.keys.has(o.cfg.Identity.Link.Public()) {
						l.t.Error("a known peer is a stranger to the links")
					}
				}
				if r.steward.library.keys.has(stranger.Public()) {
					l.t.Error("a stranger is known")
				}
			}
		}
	})
}
