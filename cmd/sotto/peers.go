// The peers that a node knew, on disk: so that the next start, after a kill too, does not hang on the seeds.

package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"sotto/overlay"
	"sotto/overlay/enroll/document"
	"sotto/overlay/peer"
)

const (
	peersName = "peers"
	// maxPeersKept bounds the descriptors that are kept for the next start, and verified then in 0.3 s.
	maxPeersKept = 2000

	// rememberFirst and rememberMost are the pauses between writing them; they grow fourfold, as the node learns less
	// the longer it runs.
	rememberFirst = time.Second
	rememberMost  = 10 * time.Minute
)

// remember writes the peers down whenever the node has got a directory, and now and then.
func (u *upRun) remember(ctx context.Context) {
	for pause := rememberFirst; ctx.Err() == nil; pause = min(4*pause, rememberMost) {
		select {
		case <-ctx.Done():
			return // the end of the node writes them
		case <-u.linked:
		case <-time.After(pause):
		}
		if node := u.current(); node != nil {
			u.m.keepPeers(node.Node)
		}
	}
}

// keepPeers writes descriptors down, so that the next start does not hang on the seeds. What cannot be written is not
// missed until then.
func (m *member) keepPeers(node *overlay.Node) {
	var content []byte
	s := node.Status()
	for _, period := range []uint32{s.Period, s.Period - 1} { // before period 0 there is none
		all := node.Directory(period)
		for n := range min(all.Len(), maxPeersKept-len(content)/document.PairLen) {
			d := all.At(n)
			content = d.Daily().Append(d.Static().Append(content))
		}
		if len(content) > 0 {
			break
		}
	}
	if len(content) > 0 {
		_ = writeSecret(filepath.Join(m.dir, peersName), content)
	}
}

// knownPeers reads what keepPeers wrote and verifies each. What does not fit is left out: it is a help and no more.
func (m *member) knownPeers(o document.Overlay) []*peer.Descriptor {
	path := filepath.Join(m.dir, peersName)
	if _, err := os.Lstat(path); err != nil {
		return nil
	}
	content, err := readSecret(path, maxPeersKept*document.PairLen)
	if err != nil {
		return nil
	}
	now, err := o.Calendar().PeriodAt(m.now())
	if err != nil {
		return nil
	}
	var known []*peer.Descriptor
	for ; len(content) >= document.PairLen; content = content[document.PairLen:] {
		p, err := document.ParsePair(content[:document.PairLen])
		if err != nil || !peer.UsableForLinks(p.Daily.Period(), now) {
			continue
		}
		if d, err := o.Descriptor(p); err == nil {
			known = append(known, d)
		}
	}
	return known
}
