package session

// Golden vectors: keys, inputs, an opening, message 2 and one cell of each kind. With -update they are written anew,
// which is a change of the wire.

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"sotto/onion/cell"
)

var update = flag.Bool("update", false, "write testdata/session.json anew")

// vectors is the file. All but numbers and texts is hex.
type vectors struct {
	Unix    int64             `json:"unix"`
	Keys    map[string]string `json:"keys"`
	Opening []openingVector   `json:"openings"`
	Answer  map[string]string `json:"answer"`
	Cells   []cellVector      `json:"cells"`
}

type openingVector struct {
	Name, Secret, Ephemeral, Random, Payload, Opening string
}

type cellVector struct {
	Name, Secret        string
	Generation, Counter uint64
	Frames, Cell        string
}

func TestVectorsAreWhatTheyWere(t *testing.T) {
	got, err := json.MarshalIndent(makeVectors(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const file = "testdata/session.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the wire has changed")
	}
}

func makeVectors(t *testing.T) vectors {
	key, secret := labKey(t, 1), labSecret(t, 7)
	private, public := key.Bytes(), key.Public().Bytes()
	v := vectors{Unix: labStart.Unix(), Keys: map[string]string{
		"lease private": hex.EncodeToString(private[:]), "lease public": hex.EncodeToString(public[:]),
		"prologue": hex.EncodeToString(labPoint().prologue()),
	}}
	ephemeral, random := filled(keyLen, 20), filled(hintLen, 21)
	p := payload{kind: kindNew, bucket: bucketOf(labStart), seed: [keyLen]byte(filled(keyLen, 22)), call: [callLen]byte(filled(callLen, 23))}
	for _, o := range []struct {
		name    string
		secret  []byte
		payload payload
	}{
		{"a stranger's", nil, p}, {"a contact's", secret.bytes(), p},
		{"a join", filled(keyLen, 24), payload{kind: kindJoin, bucket: p.bucket}},
	} {
		rand := bytes.NewReader(append(bytes.Clone(ephemeral), random...))
		sealed, hs, err := sealOpening(rand, labPoint(), key.Public(), o.secret, &o.payload)
		if err != nil {
			t.Fatal(err)
		}
		_ = hs
		v.Opening = append(v.Opening, openingVector{o.name, hex.EncodeToString(o.secret), hex.EncodeToString(ephemeral),
			hex.EncodeToString(random), hex.EncodeToString(o.payload.appendTo(nil)), hex.EncodeToString(sealed[:])})
	}
	v.Answer, v.Cells = answerVectors(t, &p, ephemeral, random)
	return v
}

// answerVectors answers the first opening and seals cells under what comes of it.
func answerVectors(t *testing.T, p *payload, ephemeral, random []byte) (map[string]string, []cellVector) {
	key := labKey(t, 1)
	o, hs, err := sealOpening(bytes.NewReader(append(bytes.Clone(ephemeral), random...)), labPoint(), key.Public(), nil, p)
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewListener(bytes.NewReader(filled(2*keyLen, 25)), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.SetLeases([]Lease{{Point: labPoint(), Key: key}}); err != nil {
		t.Fatal(err)
	}
	s, _, err := l.Open(labStart, labPoint(), 1, o[:])
	if err != nil {
		t.Fatal(err)
	}
	message := s.attempts[0].message
	if _, err := hs.ReadMessage(message[:]); err != nil {
		t.Fatal(err)
	}
	send, receive, join, err := dataKeys(hs, true)
	if err != nil || *join.b != *s.attempts[0].join.b || s.attempts[0].send.secret != [keyLen]byte(receive) {
		t.Fatalf("the ends disagree (%v)", err)
	}
	early, answer := earlyKeys(&p.seed)
	noiseSend, err := hs.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]string{
		"ephemeral": hex.EncodeToString(filled(2*keyLen, 25)[keyLen:]), "message 2": hex.EncodeToString(message[:]),
		"noise caller": hex.EncodeToString(noiseSend.Send[:]), "noise callee": hex.EncodeToString(noiseSend.Receive[:]),
		"data caller": hex.EncodeToString(send), "data callee": hex.EncodeToString(receive), "join": hex.EncodeToString(join.bytes()),
		"early": hex.EncodeToString(early), "answer": hex.EncodeToString(answer),
	}
	return made, cellVectors(t, message[:], early, answer, send, receive)
}

// cellVectors is one cell of each kind, and one of a later generation.
func cellVectors(t *testing.T, message, early, answer, caller, callee []byte) []cellVector {
	var w window
	for _, n := range []uint64{0, 1, 2, 4, 9} {
		w.Mark(n)
	}
	m := newOutMessage(3, filled(3000, 26))
	piece := func(i int) []byte { return m.appendPiece(appendPieceHeader(nil, m.number, m.shape, i), i) }
	var cells []cellVector
	for _, c := range []struct {
		name   string
		secret []byte
		gen, n uint64
		frames []byte
	}{
		{"early piece", early, 0, 0, piece(0)}, {"early P", early, 0, 9, piece(9)}, {"early Q", early, 0, 10, piece(10)},
		{"early fill", early, 0, 11, nil},
		{"answer", answer, 0, 0, append([]byte{byte(frameAnswer)}, message...)},
		{"ack, accept, ping", callee, 0, 2, append(appendAck(nil, &w, 50, plainLen), byte(frameAccept), byte(framePing))},
		{"close", callee, 0, 3, []byte{byte(frameClose), byte(codeRefused)}},
		{"datagram", caller, 0, 12, appendFragment(nil, &fragment{flow: 1, id: 2, index: 0, count: 1, data: filled(172, 27)})},
		{"piece", caller, 0, 13, piece(4)},
		{"second generation", caller, 1, 70000, []byte{byte(framePing)}},
	} {
		s := newSealer(c.secret)
		for range c.gen {
			s.advance()
		}
		var plain, back [plainLen]byte
		copy(plain[:], c.frames)
		var dst [cell.SessionLen]byte
		s.seal(c.n, &plain, &dst)
		o := newOpener(c.secret)
		if f := o.field(dst[:]); f != c.gen<<counterBits|c.n || !o.open(time.Time{}, f, dst[:], &back) || back != plain {
			t.Fatalf("%s does not open", c.name)
		}
		cells = append(cells, cellVector{c.name, hex.EncodeToString(c.secret), c.gen, c.n, hex.EncodeToString(c.frames), hex.EncodeToString(dst[:])})
	}
	return cells
}
