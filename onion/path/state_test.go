package path

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sotto/overlay/peer"
)

var update = flag.Bool("update", false, "write the vectors of testdata anew")

// fullState is what a node has after some weeks: guards of one and two addresses, one of each set replaced early.
func fullState(t testing.TB) state {
	t.Helper()
	st := state{overlay: overlayID(t)}
	for i := range sampleSize {
		g := held{id: node(t, i, 0), time: start().Add(time.Duration(i) * day).Unix()}
		g.addresses[0] = address(t, in4(i, i))
		if i%2 == 1 {
			g.addresses[1] = address(t, in6(i, i))
		}
		st.guards = append(st.guards, g)
	}
	for p := range st.sets {
		st.sets[p].early = start().Add(time.Duration(p) * time.Hour).Unix()
		for i := range seconds {
			st.sets[p].members = append(st.sets[p].members, held{id: node(t, 100*p+i, 1), time: start().Add(time.Duration(p+i) * day).Unix(), addresses: [2]peer.Address{address(t, in4(p, i))}, bound: i == 1})
		}
	}
	return st
}

func TestAStateComesBackAsItWas(t *testing.T) {
	full := fullState(t)
	b := appendState(nil, &full)
	if len(b) != MaxStateLen {
		t.Errorf("%d bytes, the longest is said to be %d", len(b), MaxStateLen)
	}
	empty := state{overlay: overlayID(t)}
	for _, want := range [][]byte{b, appendState(nil, &empty)} {
		st, err := parseState(want)
		must(t, err)
		if !bytes.Equal(appendState(nil, &st), want) {
			t.Error("another state")
		}
	}
}

func TestTheLayoutOfAStateStays(t *testing.T) {
	full := fullState(t)
	file := filepath.Join("testdata", "state.hex")
	text := hex.EncodeToString(appendState(nil, &full)) + "\n"
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(file, []byte(text), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if string(want) != text {
		t.Error("a state is written in another form than those that are on disks; a new form needs a new version")
	}
}

func TestADamagedStateIsRefused(t *testing.T) {
	full := fullState(t)
	b := appendState(nil, &full)
	for n := range b {
		if _, err := parseState(b[:n]); !errors.Is(err, ErrState) {
			t.Fatalf("%d of %d bytes were taken", n, len(b))
		}
	}
	if _, err := parseState(append(bytes.Clone(b), 0)); !errors.Is(err, ErrState) {
		t.Error("a byte behind the end was taken")
	}
	for i := range 8 * len(b) {
		bad := bytes.Clone(b)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := parseState(bad); !errors.Is(err, ErrState) {
			t.Fatalf("bit %d was flipped and the state taken", i)
		}
	}
}

// Damage is found by the checksum; what a fault of ours could write is found by the rules.
func TestAStateThatCouldNotHaveBeenWrittenIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*state){
		"guards out of order":      func(st *state) { st.guards[0].time = st.guards[5].time + 1 },
		"a guard twice":            func(st *state) { st.guards[1].id = st.guards[0].id },
		"addresses out of order":   func(st *state) { a := &st.guards[1].addresses; a[0], a[1] = a[1], a[0] },
		"one address twice":        func(st *state) { st.guards[0].addresses[1] = st.guards[0].addresses[0] },
		"a guard without a name":   func(st *state) { st.guards[0] = held{} },
		"a second twice":           func(st *state) { st.sets[2].members[1].id = st.sets[2].members[0].id },
		"a time beyond all clocks": func(st *state) { st.sets[2].members[1].time = maxTime },
		"a negative time":          func(st *state) { st.sets[2].early = -1 },
		"seven guards":             func(st *state) { st.guards = append(st.guards, held{id: node(t, 77, 7), time: maxTime - 1}) },
		"three seconds": func(st *state) {
			st.guards = st.guards[:5]
			st.sets[0].members = append(st.sets[0].members, held{id: node(t, 78, 7), time: 1})
		},
	} {
		st := fullState(t)
		spoil(&st)
		if _, err := parseState(appendState(nil, &st)); !errors.Is(err, ErrState) {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzState(f *testing.F) {
	full := fullState(f)
	f.Add(appendState(nil, &full))
	empty := state{overlay: overlayID(f)}
	f.Add(appendState(nil, &empty))
	f.Fuzz(func(t *testing.T, b []byte) {
		// The checksum would keep the fuzzer out: it is put right.
		if len(b) >= 32 {
			sum := checksum(b[:len(b)-32])
			b = append(bytes.Clone(b[:len(b)-32]), sum[:]...)
		}
		st, err := parseState(b)
		if err != nil {
			return
		}
		if len(b) > MaxStateLen || !bytes.Equal(appendState(nil, &st), b) {
			t.Error("two forms of one state")
		}
	})
}
