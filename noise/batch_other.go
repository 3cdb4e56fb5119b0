//go:build !linux

package noise

// This file is UDP where the system has no trains: one datagram a call.

import "net"

// minSocketBufLen is the smallest buffer worth asking for, in bytes; systems start with more or less of that.
const minSocketBufLen = 64 << 10

// batching gives the plain path.
func batching(_ *net.UDPConn, plain *PacketPipe) Pipe { return plain }

// growBuffers asks for larger socket buffers and returns what was granted. These systems refuse what is over their
// limit instead of cutting it down, so it asks for less and less; 0 means that the system's own size stands.
func growBuffers(conn *net.UDPConn) (read, write int) {
	return largestAccepted(conn.SetReadBuffer), largestAccepted(conn.SetWriteBuffer)
}

// largestAccepted halves the size until set takes it.
func largestAccepted(set func(int) error) int {
	for size := socketBufLen; size >= minSocketBufLen; size /= 2 {
		if set(size) == nil {
			return size
		}
	}
	return 0
}
