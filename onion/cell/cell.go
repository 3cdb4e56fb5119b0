// Cells and messages as bytes: accessors on a frame where it lies, so that a relay copies nothing.

package cell

import "encoding/binary"

// ID is a circuit's number on one link.
type ID uint32

// Body returns the body of a frame of FrameLen bytes.
func Body(frame []byte) []byte { return frame[1+HeaderLen : FrameLen] }

// Header reads circuit and command of a frame of FrameLen bytes. Whether there is such a command is for whoever has the
// circuit to say.
func Header(frame []byte) (ID, Command) {
	return ID(binary.BigEndian.Uint32(frame[1:])), Command(frame[1+IDLen])
}

// PutHeader makes a frame of FrameLen bytes a cell of a circuit.
func PutHeader(frame []byte, id ID, c Command) {
	frame[0] = Kind
	binary.BigEndian.PutUint32(frame[1:], uint32(id))
	frame[1+IDLen] = byte(c)
}

// IsMessage reports whether the plaintext of a layer is a message, not the beginning of the next body.
func IsMessage(plain []byte) bool { return plain[0]&flag != 0 }

// ParseMessage reads the plaintext of a layer that is a message, of at least MessageLen bytes; false if there is no such
// command. The payload has PayloadLen bytes and lies in plain.
func ParseMessage(plain []byte) (Message, []byte, bool) {
	m := Message(plain[0] &^ flag)
	return m, plain[1:MessageLen], IsMessage(plain) && m >= Drop && m <= lastMessage
}

// PutMessage writes command and payload into the first MessageLen bytes of plain, and returns how many bytes of payload
// were not given, at its end, for the caller to fill with random ones.
func PutMessage(plain []byte, m Message, payload []byte) (fill []byte) {
	plain[0] = flag | byte(m)
	n := copy(plain[1:MessageLen], payload)
	return plain[1+n : MessageLen]
}
