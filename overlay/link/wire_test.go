// The wire is frozen, has one form, and everything shorter or different is refused.

package link

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"sotto/noise"
	"sotto/overlay/peer"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorFile = "testdata/vectors.json"

type vector struct {
	Name  string `json:"name"`
	Bytes string `json:"bytes"`
}

func testHello(t testing.TB) []byte {
	return hello{boot{1, 2, 3, 4, 5, 6, 7, 8}, newTestPeer(t, 1).described(5)}.append(nil)
}

func testPage(t testing.TB) []byte {
	return pageOf(ask{5, 1}, testDirectory(t, 1, 15)).append(nil)
}

// frames are those of one message.
func frames(k messageType, number, edition uint32, message []byte) [][]byte {
	var list [][]byte
	for i := range k.pieces() {
		list = append(list, appendPiece(nil, k, number, edition, i, message))
	}
	return list
}

func vectors(t testing.TB) []vector {
	x := hex.EncodeToString
	return []vector{
		{"probe 513", x(appendProbe(nil, KindProbe, 513))},
		{"echo 513", x(appendProbe(nil, KindEcho, 513))},
		{"hello", x(testHello(t))},
		{"frames of hello 1", x(bytes.Join(frames(typeHello, 1, 0, testHello(t)), nil))},
		{"frame of got 1", x(bytes.Join(frames(typeGot, 1, 0, nil), nil))},
		{"frame of ask 7 for page 1 of period 5", x(bytes.Join(frames(typeAsk, 7, 0, ask{5, 1}.append(nil)), nil))},
		{"page 1 of period 5", x(testPage(t))},
		{"frames of page 1 of period 5, edition 9", x(bytes.Join(frames(typePage, 7, 9, testPage(t)), nil))},
	}
}

func TestWireIsFrozen(t *testing.T) {
	want, err := json.MarshalIndent(vectors(t), "", "  ")
	must(t, err)
	want = append(want, '\n')
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(vectorFile, want, 0o644))
	}
	frozen, err := os.ReadFile(vectorFile)
	must(t, err)
	if !bytes.Equal(frozen, want) {
		t.Error("the wire differs from testdata/vectors.json; -update if that is meant")
	}
}

// parsers are all of them: whether bytes are accepted, and what they are when written again.
func parsers() map[string]func(b []byte) ([]byte, bool) {
	return map[string]func(b []byte) ([]byte, bool){
		"hello": func(b []byte) ([]byte, bool) {
			h, ok := parseHello(b)
			if !ok {
				return nil, h == hello{}
			}
			return h.append(nil), true
		},
		"ask": func(b []byte) ([]byte, bool) {
			a, ok := parseAsk(b)
			if !ok {
				return nil, a == ask{}
			}
			return a.append(nil), true
		},
		"page": func(b []byte) ([]byte, bool) {
			p, ok := parsePage(b)
			if !ok {
				return nil, p.ask == ask{} && p.entries == nil && p.pages == 0
			}
			return p.append(nil), true
		},
		"probe": func(b []byte) ([]byte, bool) {
			n, ok := parseProbe(b)
			if !ok {
				return nil, n == 0
			}
			return appendProbe(nil, Kind(b[0]), n), true
		},
		"piece": func(b []byte) ([]byte, bool) {
			p, ok := parsePiece(b)
			if !ok {
				return nil, p.body == nil
			}
			message := make([]byte, max(0, p.kind.length()))
			copy(message[p.index*pieceLen:], p.body)
			return appendPiece(nil, p.kind, p.number, p.edition, p.index, message), true
		},
	}
}

// samples are valid inputs of each parser.
func samples(t testing.TB) map[string][][]byte {
	empty := pageOf(ask{5, 0}, nil).append(nil)
	full := pageOf(ask{5, 0}, testDirectory(t, 1, PageDescriptors)).append(nil)
	var pieces [][]byte
	pieces = append(pieces, frames(typeHello, 1, 0, testHello(t))...)
	pieces = append(pieces, frames(typeGot, 1, 0, nil)...)
	pieces = append(pieces, frames(typeAsk, 1, 0, ask{5, 1}.append(nil))...)
	pieces = append(pieces, frames(typePage, 1, 9, testPage(t))...)
	return map[string][][]byte{
		"hello": {testHello(t)},
		"ask":   {ask{5, 1}.append(nil)},
		"page":  {testPage(t), empty, full},
		"probe": {appendProbe(nil, KindProbe, 1)},
		"piece": pieces,
	}
}

func TestEveryLayoutHasOneFormAndOneLength(t *testing.T) {
	for name, list := range samples(t) {
		parse := parsers()[name]
		for _, b := range list {
			again, ok := parse(b)
			if !ok || !bytes.Equal(again, b) {
				t.Fatalf("%s: read and written again it is something else", name)
			}
			for n := range b {
				if again, _ := parse(b[:n]); again != nil {
					t.Fatalf("%s: a prefix of %d bytes is accepted", name, n)
				}
			}
			if again, _ := parse(append(bytes.Clone(b), 0)); again != nil {
				t.Fatalf("%s: a trailing byte is accepted", name)
			}
		}
	}
}

func TestNothingIsIgnored(t *testing.T) {
	for name, list := range samples(t) {
		parse := parsers()[name]
		if name == "page" {
			list = list[:1] // two descriptors and what follows them; a full page takes a second and shows no more
		}
		for _, b := range list {
			for bit := range len(b) * 8 {
				b[bit/8] ^= 1 << (bit % 8)
				again, clean := parse(b)
				if again == nil && !clean {
					t.Fatalf("%s, bit %d: refused, and yet something came out", name, bit)
				}
				if again != nil && !bytes.Equal(again, b) {
					t.Fatalf("%s, bit %d: accepted, and something is lost", name, bit)
				}
				b[bit/8] ^= 1 << (bit % 8)
			}
		}
	}
}

func TestPagesOfAnotherCutAreRefused(t *testing.T) {
	dir := testDirectory(t, 1, 15)
	good := pageOf(ask{5, 0}, dir)
	for name, change := range map[string]func(p *page){
		"a page that is not full and not the last": func(p *page) { p.entries = p.entries[:12] },
		"an empty page inside":                     func(p *page) { p.entries = nil },
		"descriptors behind the last page":         func(p *page) { p.page = 2 },
		"another order":                            func(p *page) { p.entries[0], p.entries[1] = p.entries[1], p.entries[0] },
		"somebody twice":                           func(p *page) { p.entries[1] = p.entries[0] },
		"a descriptor of another period":           func(p *page) { p.period = 4 },
	} {
		p := good
		p.entries = append([]Described(nil), good.entries...)
		if _, ok := parsePage(p.append(nil)); !ok {
			t.Fatal("the unchanged page is refused")
		}
		change(&p)
		if _, ok := parsePage(p.append(nil)); ok {
			t.Errorf("accepted: %s", name)
		}
	}
}

func TestDescriptorOfTwoPeersIsRefused(t *testing.T) {
	a, b := newTestPeer(t, 1), newTestPeer(t, 2)
	h := hello{Described: Described{a.static, b.daily(5)}}
	if _, ok := parseHello(h.append(nil)); ok {
		t.Error("the daily part of another peer is accepted")
	}
}

func TestAssemblyTakesPiecesInAnyOrderAndOfOneMessage(t *testing.T) {
	message := testPage(t)
	list := frames(typePage, 3, 9, message)
	var a assembly
	feed := func(f []byte) ([]byte, bool) {
		p, ok := parsePiece(f)
		if !ok {
			t.Fatal("a piece is refused")
		}
		return a.add(p)
	}
	for i := len(list) - 1; i > 0; i-- {
		if _, done := feed(list[i]); done {
			t.Fatal("complete too early")
		}
		if _, done := feed(list[i]); done {
			t.Fatal("a piece that came twice counts twice")
		}
	}
	if got, done := feed(list[0]); !done || !bytes.Equal(got, message) {
		t.Error("the message did not come out")
	}
	for i, f := range list { // pieces of two editions, in turns
		if i%2 == 1 {
			f = frames(typePage, 3, 10, message)[i]
		}
		if _, done := feed(f); done {
			t.Fatal("pieces of two editions made a message")
		}
	}
}

func TestPagesHoldEverybodyOnce(t *testing.T) {
	for _, n := range []int{0, 1, 12, 13, 14, 26, 40} {
		dir := testDirectory(t, 1, n)
		seen := map[peer.NodeID]bool{}
		for i := range countPages(n) {
			for _, d := range pageOf(ask{5, i}, dir).entries {
				seen[d.Static.NodeID()] = true
			}
		}
		if len(seen) != n {
			t.Errorf("%d of %d peers are on the pages", len(seen), n)
		}
		if beyond := pageOf(ask{5, countPages(n)}, dir); len(beyond.entries) != 0 {
			t.Error("there is somebody behind the last page")
		}
	}
}

func TestEveryFrameHasTheSameLength(t *testing.T) {
	for _, f := range append(samples(t)["piece"], samples(t)["probe"]...) {
		if len(f) != noise.FrameLen {
			t.Fatalf("a frame of %d bytes", len(f))
		}
	}
}

func fuzz(f *testing.F, name string) {
	for _, b := range samples(f)[name] {
		f.Add(b)
	}
	parse := parsers()[name]
	f.Fuzz(func(t *testing.T, b []byte) {
		again, clean := parse(b)
		if again == nil && !clean {
			t.Fatal("refused, and yet something came out")
		}
		if again != nil && !bytes.Equal(again, b) {
			t.Fatal("read and written again it is something else")
		}
	})
}

func FuzzParseHello(f *testing.F) { fuzz(f, "hello") }
func FuzzParseAsk(f *testing.F)   { fuzz(f, "ask") }
func FuzzParsePage(f *testing.F)  { fuzz(f, "page") }
func FuzzParseProbe(f *testing.F) { fuzz(f, "probe") }
func FuzzParsePiece(f *testing.F) { fuzz(f, "piece") }
