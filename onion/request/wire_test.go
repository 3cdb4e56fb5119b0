// Frozen bytes of every message, and what parsers refuse.

package request

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

// vector is one message in hex.
type vector struct {
	Name  string `json:"name"`
	Bytes string `json:"bytes"`
}

// vectors are a request of three pieces and a parity, and an answer of two and a parity. Random bytes are those of
// nothing: zero.
func vectors(t testing.TB) []vector {
	s := Service{Number: 16, Forward: 3, ForwardParity: true, Answer: 2, AnswerParity: true}
	zero := bytes.NewReader(make([]byte, 2000))
	c, err := NewClient(zero)
	must(t, err)
	server, err := NewServer(ServerConfig{Rand: zero, Limits: DefaultLimits(), Services: []Service{s}})
	must(t, err)
	content := bytes.Repeat([]byte("what is asked; "), 50)
	first, early, err := c.Ask(testStart, 1, s, content, testLimit)
	must(t, err)
	server.Early(testStart, 1, 1, first[:])
	for _, p := range early {
		server.Arrived(testStart, 1, cell.Request, p)
	}
	answers, err := server.Answer(testStart, 1, bytes.Repeat([]byte("what is answered; "), 30))
	must(t, err)
	x := hex.EncodeToString
	all := []vector{{"early data", x(first[:])}}
	for i, p := range early {
		all = append(all, vector{fmt.Sprintf("request message %d", i+1), x(p)})
	}
	for i, a := range answers {
		all = append(all, vector{fmt.Sprintf("answer message %d", i), x(a.Payload)})
	}
	return append(all, vector{"again, pieces 1 and 4, without its random rest", x(appendAgain(nil, 1<<1|1<<4))})
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
	first := append([]byte{byte(cell.Ask), 1}, make([]byte, firstLen)...)
	for name, p := range map[string]struct {
		valid []byte
		parse func([]byte) bool
	}{
		"first": {first, func(b []byte) bool { _, _, ok := parseFirst(b); return ok }},
		"piece": {fillUp(nil), func(b []byte) bool { _, _, ok := parsePiece(b); return ok }},
		"again": {fillUp(appendAgain(nil, 1)), func(b []byte) bool { _, ok := parseAgain(b, 1); return ok }},
	} {
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

func TestParityMakesUpForAnyPieceThatIsLost(t *testing.T) {
	stream := testContent(5 * pieceLen)
	all := appendPieces(nil, stream, 0, true)
	for lost := range 6 {
		p := pieces{n: 5, bytes: make([]byte, 5*pieceLen)}
		for i := range 6 {
			if i != lost {
				index, piece, ok := parsePiece(payload(all, i))
				if !ok || !p.put(index, piece) {
					t.Fatal("a piece is refused")
				}
			}
		}
		if p.put(5, make([]byte, pieceLen)) && lost != 5 {
			t.Error("a second parity is taken")
		}
		if !p.whole() || !bytes.Equal(p.bytes, stream) {
			t.Errorf("without piece %d the stream is another", lost)
		}
	}
	p := pieces{n: 5, bytes: make([]byte, 5*pieceLen)}
	for i := 2; i < 6; i++ {
		p.put(i, payload(all, i)[1:])
	}
	if p.whole() {
		t.Error("two lost pieces came out of one parity")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(append([]byte{byte(cell.Ask), 1}, make([]byte, firstLen)...))
	f.Add(fillUp(appendAgain(nil, 5)))
	f.Add([]byte{0, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		if service, piece, ok := parseFirst(b); ok && !bytes.Equal(appendFirst(nil, service, piece), b) {
			t.Error("two forms of one request")
		}
		if index, piece, ok := parsePiece(b); ok && !bytes.Equal(append([]byte{byte(index)}, piece...), b) {
			t.Error("two forms of one piece")
		}
		if s, ok := parseAgain(b, MaxForward); ok && !bytes.Equal(appendAgain(nil, s), b[:4]) {
			t.Error("two forms of one Again")
		}
		if content, ok := unpack(b); ok && len(content) > len(b)-lengthLen {
			t.Error("a content longer than its stream")
		}
	})
}

func TestNothingPrintsItself(t *testing.T) {
	secret := Action{Payload: []byte("ZZZZ"), Content: []byte("ZZZZ")}
	c, err := NewClient(bytes.NewReader(bytes.Repeat([]byte("Z"), 1000)))
	must(t, err)
	_, _, err = c.Ask(testStart, 1, Echo, []byte("ZZZZ"), testLimit)
	must(t, err)
	s, err := NewServer(ServerConfig{Rand: seeded(1), Limits: DefaultLimits()})
	must(t, err)
	for _, v := range []any{secret, &secret, c, s} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
			got := fmt.Sprintf(verb, v)
			for _, trace := range []string{"ZZ", "5a5a", "90 90", "0x5a"} {
				if bytes.Contains([]byte(got), []byte(trace)) {
					t.Errorf("%T with %s prints %s", v, verb, trace)
				}
			}
		}
	}
}
