// The link keys of known peers, for the noise core: whose links newcomers may not push out.

package overlay

import (
	"sync"

	"sotto/noise"
	"sotto/overlay/peer"
)

// familiar is a set of link keys. The noise core reads it under its own lock, below that of the steward, who writes it: so
// it has a lock that is taken last and under which nothing is called.
type familiar struct {
	mu   sync.RWMutex
	keys map[noise.PublicKey]struct{}
}

// has is noise.Config.Known.
func (f *familiar) has(k noise.PublicKey) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	_, ok := f.keys[k]
	return ok
}

// add takes the key of a verified descriptor. There are as many as descriptors, one a peer and period; the key of a peer
// that is excluded stays until replace, of no use to it since its hello is refused.
func (f *familiar) add(d *peer.Descriptor) {
	if key, ok := linkKey(d); ok {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.keys[key] = struct{}{}
	}
}

// replace keeps the keys of these descriptors only.
func (f *familiar) replace(all map[peer.NodeID]*peer.Descriptor) {
	keys := make(map[noise.PublicKey]struct{}, len(all))
	for _, d := range all {
		if key, ok := linkKey(d); ok {
			keys[key] = struct{}{}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = keys
}

// linkKey is the key a peer dials with; an anonymous one has none.
func linkKey(d *peer.Descriptor) (noise.PublicKey, bool) {
	b := d.Daily().LinkKey().Bytes()
	key, err := noise.ParsePublicKey(b[:])
	return key, err == nil && !d.Daily().Anonymous()
}
