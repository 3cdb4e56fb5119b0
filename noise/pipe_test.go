package noise

// This file tests the batch as a container.

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
)

// canary is an address that must not show up in any text.
var canary = netip.MustParseAddrPort("198.51.100.77:47777")

// filled returns a batch with one datagram for each address, each filled with its number.
func filled(to ...netip.AddrPort) *Batch {
	b := new(Batch)
	for i, a := range to {
		fill(b.Next(a), i)
	}
	return b
}

// fill makes a datagram that can be told from others.
func fill(d []byte, i int) { copy(d, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, DatagramLen/2)) }

// numbered makes what fill does.
func numbered(i int) []byte {
	d := make([]byte, DatagramLen)
	fill(d, i)
	return d
}

func TestBatchKeepsDatagramsApart(t *testing.T) {
	var b Batch
	for i := range BatchLen {
		if b.Full() || b.Len() != i {
			t.Fatalf("full %v, length %d before datagram %d", b.Full(), b.Len(), i)
		}
		d := b.Next(netip.AddrPortFrom(canary.Addr(), uint16(i)))
		if len(d) != DatagramLen || cap(d) != DatagramLen {
			t.Fatalf("slot %d has %d bytes, capacity %d", i, len(d), cap(d))
		}
		fill(d, i)
	}
	if !b.Full() || b.Next(canary) != nil || b.Len() != BatchLen {
		t.Fatal("a full batch took another datagram")
	}
	for i := range BatchLen {
		if a, d := b.At(i); a.Port() != uint16(i) || !bytes.Equal(d, numbered(i)) {
			t.Fatalf("datagram %d changed", i)
		}
	}
	if b.Reset(); b.Len() != 0 || b.Full() {
		t.Fatal("a reset batch is not empty")
	}
}

func TestBatchHasNoDatagramBehindItsLast(t *testing.T) {
	b := filled(canary)
	defer func() {
		if recover() == nil {
			t.Fatal("read datagram 1 of 1")
		}
	}()
	b.At(1)
}

func TestBatchKnowsIPv4InOneForm(t *testing.T) {
	mapped := netip.AddrPortFrom(netip.AddrFrom16(canary.Addr().As16()), canary.Port())
	if a, _ := filled(mapped).At(0); a != canary {
		t.Fatal("a 4-in-6 address stayed one")
	}
}

func TestBatchRunsEndWhereTheAddressChanges(t *testing.T) {
	other := netip.AddrPortFrom(canary.Addr(), 1)
	b := filled(canary, canary, other, canary)
	var ends []int
	for i := 0; i < b.Len(); {
		end, data := b.run(i)
		if len(data) != (end-i)*DatagramLen || !bytes.Equal(data[:DatagramLen], numbered(i)) {
			t.Fatalf("run from %d has other bytes", i)
		}
		ends, i = append(ends, end), end
	}
	if fmt.Sprint(ends) != "[2 3 4]" {
		t.Fatalf("runs end at %v", ends)
	}
}

func TestBatchPrintsNoAddress(t *testing.T) {
	b := filled(canary)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "batch", b, "value", *b)
	for _, text := range []string{log.String(), fmt.Sprintf("%v %+v %#v %s %x %v", b, b, b, b, b, *b)} {
		if !strings.Contains(text, "batch of 1") || strings.Contains(text, canary.Addr().String()) || len(text) > 300 {
			t.Errorf("printed %q", text)
		}
	}
}
