// Frames: what the first byte says, and the two kinds that are done in one frame.

package link

import (
	"encoding/binary"

	"sotto/noise"
)

// Kind is the first byte of a frame.
type Kind byte

// The kinds of frames. The layouts stand in the package comment.
const (
	KindPadding Kind = 0
	KindCell    Kind = 1
	KindMessage Kind = 2
	KindProbe   Kind = 3
	KindEcho    Kind = 4
)

// CellLen is what a frame of KindCell holds behind its first byte.
const CellLen = noise.FrameLen - 1

const (
	offProbeNumber = 1
	offProbeRest   = offProbeNumber + 8
)

// parseProbe reads a probe or an echo.
func parseProbe(f []byte) (number uint64, ok bool) {
	if len(f) != noise.FrameLen || !allZero(f[offProbeRest:]) {
		return 0, false
	}
	return binary.BigEndian.Uint64(f[offProbeNumber:]), true
}

// appendProbe appends a probe or an echo.
func appendProbe(dst []byte, k Kind, number uint64) []byte {
	dst = append(dst, byte(k))
	dst = binary.BigEndian.AppendUint64(dst, number)
	return append(dst, make([]byte, noise.FrameLen-offProbeRest)...)
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
