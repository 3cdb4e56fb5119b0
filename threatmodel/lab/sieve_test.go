package lab

// A sieve finds what a plain search finds.

import (
	"fmt"
	"slices"
	"testing"
)

func TestSieveFindsWhatSearchFinds(t *testing.T) {
	random := NewSource(3, "sieve")
	var canaries []Canary
	for i := range 200 {
		key := make([]byte, 32)
		random.Read(key)
		canaries = append(canaries, PlantBytes(fmt.Sprintf("key %d", i), key), PlantText(fmt.Sprintf("name %d", i), fmt.Sprintf("canary%d@example.org", i)))
	}
	sieve := NewSieve(canaries)
	hits := 0
	for range 500 {
		text := make([]byte, 512)
		random.Read(text)
		for range random.IntN(3) {
			c := canaries[random.IntN(len(canaries))]
			form := c.forms[random.IntN(len(c.forms))]
			copy(text[random.IntN(len(text)):], form) // now and then cut off at the end
		}
		got, want := sieve.Search(text), Search(canaries, text)
		if !slices.Equal(got, want) {
			t.Fatalf("found %q, want %q", got, want)
		}
		hits += len(want)
	}
	if hits < 300 {
		t.Errorf("only %d hits were to be found", hits)
	}
	if found := sieve.Search([]byte("abc")); found != nil {
		t.Errorf("found %q in three bytes", found)
	}
}

func BenchmarkSieveOfADatagram(b *testing.B) {
	random := NewSource(4, "sieve")
	var canaries []Canary
	for range 400 {
		key := make([]byte, 32)
		random.Read(key)
		canaries = append(canaries, PlantBytes("key", key))
	}
	sieve, datagram := NewSieve(canaries), make([]byte, 512)
	random.Read(datagram)
	for b.Loop() {
		sieve.Search(datagram)
	}
}
