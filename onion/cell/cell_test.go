// Cells and messages as the package comment lays them out.

package cell

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// A change of any of them is a change of the wire.
func TestTheNumbersAreThoseOfTheSpecification(t *testing.T) {
	for _, n := range []struct {
		what      string
		got, want int
	}{
		{"frame", FrameLen, 479}, {"cell", Len, 478}, {"header", HeaderLen, 5}, {"body", BodyLen, 473},
		{"layer", LayerLen, 24}, {"plaintext", PlainLen, 449}, {"tail", TailLen, 72}, {"payload", PayloadLen, 376},
		{"create payload", CreatePayloadLen, 30}, {"create message", CreateMessageLen, 78}, {"create head", CreateHeadLen, 79},
		{"hop of a create", CreateHopLen, 95}, {"plaintext of a create", CreatePlainLen, 378},
		{"early data", EarlyFirstLen, 188}, {"created", CreatedLen, 48}, {"extension", ExtendLen, 368},
		{"appended to an extension", BodyLen - ExtendLen, 105}, {"session cell", SessionLen, 372}, {"opening", OpeningLen, 163},
	} {
		if n.got != n.want {
			t.Errorf("%s: %d bytes, not %d", n.what, n.got, n.want)
		}
	}
}

func TestPutMessageTellsWhatIsLeftToFill(t *testing.T) {
	for n := range PayloadLen + 1 {
		plain := bytes.Repeat([]byte{0x55}, PlainLen)
		payload := bytes.Repeat([]byte{0xaa}, n)
		fill := PutMessage(plain, Splice, payload)
		if len(fill) != PayloadLen-n {
			t.Fatalf("payload of %d: %d bytes to fill", n, len(fill))
		}
		clear(fill)
		want := append(append([]byte{0x80 | 11}, payload...), make([]byte, PayloadLen-n)...)
		want = append(want, bytes.Repeat([]byte{0x55}, TailLen)...)
		if !bytes.Equal(plain, want) {
			t.Fatalf("payload of %d: another layout", n)
		}
	}
}

func TestOnlyKnownMessagesAreRead(t *testing.T) {
	for first := range 256 {
		plain := make([]byte, MessageLen)
		plain[0] = byte(first)
		m, payload, ok := ParseMessage(plain)
		if want := first > 0x80 && first <= 0x80+12; ok != want {
			t.Errorf("first byte %#x: %v", first, ok)
		}
		if ok && (int(m) != first-0x80 || len(payload) != PayloadLen) {
			t.Errorf("first byte %#x: message %d of %d bytes", first, m, len(payload))
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	for m := Drop; m <= lastMessage; m++ {
		plain := make([]byte, PlainLen)
		PutMessage(plain, m, []byte("payload"))
		f.Add(plain)
	}
	f.Add([]byte{})
	f.Add([]byte{0x80})
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		plain := make([]byte, PlainLen)
		copy(plain, b)
		m, payload, ok := ParseMessage(plain)
		if !ok {
			return
		}
		again := make([]byte, MessageLen)
		if fill := PutMessage(again, m, payload); len(fill) != 0 || !bytes.Equal(again, plain[:MessageLen]) || !IsMessage(again) {
			t.Fatal("what was read is written otherwise")
		}
	})
}

func FuzzHeader(f *testing.F) {
	for c := Create; c <= DestroyBack; c++ {
		frame := make([]byte, FrameLen)
		PutHeader(frame, 0x01020304, c)
		f.Add(frame)
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{255}, FrameLen))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame := make([]byte, FrameLen)
		copy(frame, b)
		id, c := Header(frame)
		if binary.BigEndian.Uint32(frame[1:5]) != uint32(id) || frame[5] != byte(c) {
			t.Fatal("the header lies elsewhere")
		}
		again := make([]byte, FrameLen)
		PutHeader(again, id, c)
		copy(Body(again), Body(frame))
		if again[0] != 1 || !bytes.Equal(again[1:], frame[1:]) || len(Body(frame)) != BodyLen {
			t.Fatal("what was read is written otherwise")
		}
	})
}
