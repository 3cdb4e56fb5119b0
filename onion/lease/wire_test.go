// Frozen bytes of every message, and what parsers refuse.

package lease

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"sotto/onion/cell"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorFile = "testdata/vectors.json"

// vector is one input or result in hex.
type vector struct {
	Name  string `json:"name"`
	Bytes string `json:"bytes"`
}

func vectors(t testing.TB) []vector {
	o := newOnion(t)
	payload, l := testListen(t, o, 3, ShortLived, 5)
	binding, onionPrivate, onionPublic := o.Binding(3), o.key.Bytes(), o.key.Public().Bytes()
	leaseKey, err := KeyFromBytes(bytes.Repeat([]byte{5}, 32))
	must(t, err)
	shared, err := leaseKey.agree(onionPublic)
	must(t, err)
	private, overlay, relay, storing := leaseKey.Bytes(), fill32(1), place().Relay(), StoringID(place(), l.public)
	id := ID{[cell.LeaseIDLen]byte{1, 2, 3, 4, 5, 6, 7, 8}}
	x := hex.EncodeToString
	return []vector{
		{"overlay id", x(overlay[:])},
		{"node id of the relay", x(relay[:])},
		{"onion key, private", x(onionPrivate[:])},
		{"onion key, public", x(onionPublic[:])},
		{"lease key, private", x(private[:])},
		{"lease key and onion key, agreed", x(shared[:])},
		{"binding of the circuit", x(binding[:])},
		{"knock key", x(l.knock.b[:])},
		{"listen, without its random rest", x(payload[:listenLen])},
		{"storing lease id", x(storing.b[:])},
		{"lease id", x(id.b[:])},
		{"listening, without its random rest", x(appendListening(nil, id))},
		{"opening", x(testOpening(0x77))},
		{"early data of a caller", x(testFirst(t, id, l.knock, 0x77))},
		{"opening to the owner, splice 0xa1b2c3d4, without its random rest", x(appendOpened(nil, 0xa1b2c3d4, testOpening(0x77)))},
		{"splice, 0xa1b2c3d4", x(append(appendCut(nil, 0xa1b2c3d4), testSession(0x66)...))},
		{"cut, 0xa1b2c3d4, without its random rest", x(appendCut(nil, 0xa1b2c3d4))},
	}
}

func TestWireIsFrozen(t *testing.T) {
	want, err := json.MarshalIndent(vectors(t), "", "  ")
	must(t, err)
	want = append(want, '\n')
	if *update {
		must(t, os.WriteFile(vectorFile, want, 0o644))
	}
	frozen, err := os.ReadFile(vectorFile)
	must(t, err)
	if !bytes.Equal(bytes.ReplaceAll(frozen, []byte("\r\n"), []byte("\n")), want) {
		t.Error("bytes on the wire have changed; if that is meant, raise the version and run with -update")
	}
}

func TestMessagesOfAnotherLengthAreRefused(t *testing.T) {
	listening := fillUp(appendListening(nil, ID{}))
	payload, _ := testListen(t, newOnion(t), 1, ShortLived, 5)
	first := testFirst(t, ID{}, testKnock(1), 1)
	parsers := map[string]struct {
		valid []byte
		parse func([]byte) bool
	}{
		"listen":    {payload, func(b []byte) bool { _, ok := parseListen(b); return ok }},
		"listening": {listening, func(b []byte) bool { _, _, ok := parseListening(b); return ok }},
		"first":     {first, func(b []byte) bool { _, ok := parseFirst(b); return ok }},
		"opening":   {fillUp(nil), func(b []byte) bool { _, _, ok := parseOpened(b); return ok }},
		"splice":    {fillUp(nil), func(b []byte) bool { _, _, ok := parseSplice(b); return ok }},
	}
	for name, p := range parsers {
		if !p.parse(p.valid) {
			t.Errorf("%s: a valid one is refused", name)
		}
		for n := range len(p.valid) {
			if p.parse(p.valid[:n:n]) {
				t.Errorf("%s: %d bytes of %d are taken", name, n, len(p.valid))
			}
		}
		if p.parse(append(bytes.Clone(p.valid), 0)) {
			t.Errorf("%s: a byte too many is taken", name)
		}
	}
}

func TestListenWithValuesThatMeanNothingIsRefused(t *testing.T) {
	for what, change := range map[string]func(*listen){
		"kind 0":      func(l *listen) { l.kind = 0 },
		"kind 3":      func(l *listen) { l.kind = 3 },
		"no openings": func(l *listen) { l.perMinute = 0 },
		"no burst":    func(l *listen) { l.burst = 0 },
	} {
		_, l := testListen(t, newOnion(t), 1, ShortLived, 5)
		change(&l)
		if _, ok := parseListen(fillUp(appendListen(nil, &l))); ok {
			t.Errorf("%s is taken", what)
		}
	}
	for _, status := range []byte{0, 3, 255} {
		if _, _, ok := parseListening(fillUp([]byte{status})); ok {
			t.Errorf("Listening with status %d is taken", status)
		}
	}
}

func FuzzParseListen(f *testing.F) {
	payload, _ := testListen(f, newOnion(f), 1, Storing, 5)
	f.Add(payload)
	f.Add(payload[:listenLen])
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, ok := parseListen(b); ok && !bytes.Equal(appendListen(nil, &l), b[:listenLen]) {
			t.Error("two forms of one Listen")
		}
	})
}

func FuzzParseListening(f *testing.F) {
	f.Add(fillUp(appendListening(nil, ID{})))
	f.Add(fillUp([]byte{refused}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, isGiven, ok := parseListening(b); ok && isGiven && !bytes.Equal(appendListening(nil, id), b[:listeningLen]) {
			t.Error("two forms of one Listening")
		}
	})
}

func FuzzParseOpening(f *testing.F) {
	f.Add(testFirst(f, ID{}, testKnock(1), 1))
	f.Add(fillUp(appendOpened(nil, 5, testOpening(2))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, ok := parseFirst(b); ok && len(o.bytes) != cell.OpeningLen {
			t.Error("an opening of another length")
		}
		if id, opening, ok := parseOpened(b); ok && !bytes.Equal(appendOpened(nil, id, opening), b[:openedLen]) {
			t.Error("two forms of one opening")
		}
	})
}

func TestNothingPrintsItself(t *testing.T) {
	k, err := KeyFromBytes(bytes.Repeat([]byte{0x5a}, 32))
	must(t, err)
	id, p := ID{[8]byte(bytes.Repeat([]byte{0x5a}, 8))}, NewPlace(fill32(0x5a), fill32(0x5a))
	knock := testKnock(0x5a)
	lease := Lease{Place: p, ID: id, Key: k, Knock: knock}
	all := []any{
		k, &k, k.Public(), knock, id, p, lease, Far{Relay: fill32(0x5a)}, Spec{Kind: Storing, Key: k, Knock: knock},
		Action{Payload: []byte("ZZZZ")}, Step{Lease: lease}, &Registry{place: p}, &Owner{overlay: fill32(0x5a)},
		RegistryConfig{Place: p}, OwnerConfig{Overlay: fill32(0x5a)},
	}
	for _, v := range all {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d", "%q"} {
			got := fmt.Sprintf(verb, v)
			for _, secret := range []string{"5a5a", "5A5A", "ZZZZ", "90 90", "0x5a, 0x5a"} {
				if bytes.Contains([]byte(got), []byte(secret)) {
					t.Errorf("%T with %s prints %s", v, verb, secret)
				}
			}
		}
	}
}

func TestKeysAreExact(t *testing.T) {
	for _, n := range []int{0, 31, 33} {
		if _, err := KeyFromBytes(make([]byte, n)); err != ErrKey {
			t.Errorf("private key of %d bytes: %v", n, err)
		}
		if _, err := ParsePublicKey(make([]byte, n)); err != ErrKey {
			t.Errorf("public key of %d bytes: %v", n, err)
		}
		if _, err := ParseKnockKey(make([]byte, n)); err != ErrKey {
			t.Errorf("knock key of %d bytes: %v", n, err)
		}
		if _, err := ParseID(make([]byte, n)); err != ErrID {
			t.Errorf("ID of %d bytes: %v", n, err)
		}
	}
	k, err := GenerateKey(seeded(1))
	must(t, err)
	if _, err := k.agree([32]byte{}); err != ErrKey {
		t.Errorf("a point of low order: %v", err)
	}
	k.Wipe()
	if k.Bytes() != [32]byte{} {
		t.Error("a wiped key is still there")
	}
	if _, err := k.agree(newOnion(t).key.public.b); err != ErrKey {
		t.Errorf("a wiped key agrees: %v", err)
	}
}
