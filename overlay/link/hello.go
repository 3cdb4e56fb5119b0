// The hello: who a neighbour says it is.

package link

import (
	"sotto/overlay/peer"
)

// Described is a descriptor whose form has been checked, but not its signatures.
type Described struct {
	Static peer.Static
	Daily  peer.Daily
}

const describedLen = peer.StaticLen + peer.DailyLen

// parseDescribed reads the two parts, which must be of one peer and of one that can be dialled or leased.
func parseDescribed(b []byte) (Described, bool) {
	if len(b) != describedLen {
		return Described{}, false
	}
	s, err := peer.ParseStatic(b[:peer.StaticLen])
	if err != nil {
		return Described{}, false
	}
	d, err := peer.ParseDaily(b[peer.StaticLen:])
	if err != nil || d.Prefix() != s.NodeID().Prefix() {
		return Described{}, false
	}
	return Described{s, d}, true
}

func (d Described) append(dst []byte) []byte { return d.Daily.Append(d.Static.Append(dst)) }

// describe is the reverse of what a Gate does.
func describe(d *peer.Descriptor) Described { return Described{d.Static(), d.Daily()} }

const (
	helloVersion = 1
	bootLen      = 8
	offBoot      = 1
	offDescribed = offBoot + bootLen
	helloLen     = offDescribed + describedLen
)

// boot tells the processes of one peer apart.
type boot [bootLen]byte

type hello struct {
	boot boot
	Described
}

func parseHello(b []byte) (hello, bool) {
	if len(b) != helloLen || b[0] != helloVersion {
		return hello{}, false
	}
	d, ok := parseDescribed(b[offDescribed:])
	if !ok {
		return hello{}, false
	}
	return hello{boot(b[offBoot:offDescribed]), d}, true
}

func (h hello) append(dst []byte) []byte {
	dst = append(dst, helloVersion)
	dst = append(dst, h.boot[:]...)
	return h.Described.append(dst)
}
