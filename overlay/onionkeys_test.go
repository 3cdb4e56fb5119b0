// Which onion keys a relay accepts, and when.

package overlay

import (
	"crypto/ecdh"
	"fmt"
	"sync"
	"testing"
	"time"

	"sotto/internal/simnet"
)

// told is what Config.OnionKeys was told last.
type told struct {
	mu    sync.Mutex
	keys  []OnionKey
	times int
}

func (k *told) take(keys []OnionKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.times = keys, k.times+1
}

// last is the last list and how many there were.
func (k *told) last() ([]OnionKey, int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys, k.times
}

func (k *told) String() string {
	s := ""
	keys, _ := k.last()
	for _, key := range keys {
		s += fmt.Sprint(" ", key.Period(), " ", key.Fresh())
	}
	return s
}

func TestOnionKeysOfThreePeriodsAreAccepted(t *testing.T) {
	inLab(t, simnet.Config{Seed: 71}, func(l *lab) {
		r := l.seed()
		r.cfg.Identity.Days = &memoryDays{} // what the seed's descriptor was signed with stays; the key does not
		r.cfg.Known = nil
		var k told
		r.cfg.OnionKeys = k.take
		r.start()
		time.Sleep(time.Minute)
		if k.String() != " 5 true" {
			l.t.Errorf("on the first day:%s", &k)
		}
		time.Sleep(24 * time.Hour)
		if k.String() != " 6 true 5 true" {
			l.t.Errorf("on the second:%s", &k)
		}
		list, _ := k.last()
		oldest := list[1]
		if oldest.Private() == ([32]byte{}) {
			l.t.Error("an accepted key is wiped")
		}
		time.Sleep(48 * time.Hour)
		if k.String() != " 8 true 7 true 6 true" {
			l.t.Errorf("on the fourth:%s", &k)
		}
		r.Status() // behind the node's own last lock
		if oldest.Private() != ([32]byte{}) {
			l.t.Error("a key that is not accepted any more is still there")
		}
		r.stop()
		list, _ = k.last()
		for _, key := range list {
			if key.Private() != ([32]byte{}) {
				l.t.Error("a key outlives Run")
			}
		}
		r.start()
		time.Sleep(time.Second)
		if k.String() != " 8 false 7 false 6 false" {
			l.t.Errorf("after a restart:%s", &k)
		}
		time.Sleep(24 * time.Hour)
		if k.String() != " 9 true 8 false 7 false" {
			l.t.Errorf("a day after it:%s", &k)
		}
		list, _ = k.last()
		for _, key := range list {
			b := key.Private()
			private, err := ecdh.X25519().NewPrivateKey(b[:])
			l.must(err)
			d, ok := r.Directory(key.Period()).ByID(r.id())
			public := key.Public().Bytes()
			if string(private.PublicKey().Bytes()) != string(public[:]) || ok && d.Daily().OnionKey() != key.Public() {
				l.t.Errorf("the halves of period %d do not belong together", key.Period())
			}
		}
	})
}

func TestADayWhoseKeyIsNotTheSignedOneGivesNone(t *testing.T) {
	inLab(t, simnet.Config{Seed: 72}, func(l *lab) {
		r := l.seed()
		day, _, err := r.cfg.Identity.Days.Day(l.today())
		l.must(err)
		l.must(r.cfg.Identity.Days.KeepDay(NewDay(day.Daily(), [32]byte{1})))
		var k told
		r.cfg.OnionKeys = k.take
		r.start()
		time.Sleep(time.Second)
		if list, times := k.last(); times != 1 || len(list) != 0 {
			l.t.Errorf("told %d times:%s", times, &k)
		}
	})
}

func TestOnionKeysDoNotPrint(t *testing.T) {
	k := OnionKey{private: &[32]byte{1, 2, 3}}
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", []OnionKey{k}), fmt.Sprintf("%x", &k), k.LogValue().String()} {
		if s != "[onion private key]" && s != "[[onion private key]]" {
			t.Errorf("printed %q", s)
		}
	}
}
