// The objects that the tests of this package turn over: made of fixed keys, and of what cannot be made the same
// twice (X.509, RSA), frozen in testdata/inputs.txt.

package document

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/peer"
	"sotto/overlay/slot"
)

var update = flag.Bool("update", false, "make new vectors in testdata")

const (
	inputsFile  = "testdata/inputs.txt"
	vectorsFile = "testdata/vectors.txt"
)

var day0 = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fixed is a source of the same bytes again and again.
type fixed byte

func (f fixed) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f) + byte(i)
	}
	return len(p), nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// fixture is one overlay with one person and one peer.
type fixture struct {
	root     RootKey
	signing  SigningKey
	slots    SlotKey
	founding Founding
	user     UserKey
	next     UserKey
	aor      AoR
	code     Code

	overlay    Overlay
	invite     Invite
	succession Succession
	request    Request // an enrolment with everything
	renewal    Request // a change of keys
	answer     Answer
	refusal    Answer
	cert       UserCert
}

var theFixture = sync.OnceValue(func() *fixture { return build(readHex(inputsFile)) })

func build(in map[string][]byte) *fixture {
	f := &fixture{
		root: must(NewRootKey(fixed(1))), signing: must(NewSigningKey(fixed(2))), slots: must(NewSlotKey(fixed(3))),
		user: must(ParseUserKey(bytes.Repeat([]byte{4}, 32))), next: must(ParseUserKey(bytes.Repeat([]byte{5}, 32))),
		aor: must(ParseAoR("sip:alice@example.org")), code: must(NewCode(fixed(6))),
	}
	f.founding = must(NewFounding("example", f.root.Public(), day0, peer.DefaultPeriod, peer.DefaultKeyEpoch))
	id := f.founding.ID()
	pair := Pair{must(peer.ParseStatic(in["static"])), must(peer.ParseDaily(in["daily"]))}
	f.overlay = must(SignOverlay(Contents{
		Founding: f.founding, Params: DefaultParams(),
		Keys:    []Keys{{CertifyKeys(f.root, id, 1, f.signing, f.slots, in["ca"], day0, day0.Add(400*24*time.Hour)), in["ca"]}},
		Version: uint64(day0.Unix()), Issued: day0, Until: day0.Add(30 * 24 * time.Hour),
		BlindKeys: []BlindKey{{0, must(blind.ParsePublicKey(in["modulus"]))}},
		Service:   Service{Address: "192.0.2.1:8443", Pin: [32]byte(bytes.Repeat([]byte{7}, 32))},
		Size:      24, Seeds: []Pair{pair}, FoundingPeers: []Pair{pair},
		RevokedNodes: []peer.NodeID{must(peer.ParseNodeID(bytes.Repeat([]byte{8}, 32)))},
		RevokedCerts: []Serial{must(ParseSerial(bytes.Repeat([]byte{0x49}, 16)))},
	}, f.signing))
	f.invite = must(SignInvite(Invite{Issued: day0, Expires: day0.Add(7 * 24 * time.Hour), Seed: true, Code: f.code,
		AoR: f.aor, Overlay: f.overlay}, f.signing))
	f.succession = must(Succeed(id, f.user, f.next, day0))
	place := slot.Derive(id.Bytes(), must(slot.ParseY(bytes.Repeat([]byte{9}, 32))), 1)
	writer := must(slot.ParseWriterPublic(bytes.Repeat([]byte{10}, 32)))
	ask := Ask{Cert: true, Slots: []SlotAsk{{1, place, writer}}, Admit: true, AdmitEpoch: 0,
		Blinded: blind.Message(in["blinded"]), Seed: pair}
	f.request = must(NewRequest(id, f.aor, f.user, &f.code, ask, day0))
	f.renewal = must(NewRequest(id, f.aor, f.user, nil, Ask{Cert: true, NewKey: f.succession}, day0))
	f.cert = must(ParseUser(in["cert"]))
	key := f.overlay.Contents().Keys[0].Cert
	f.answer = must(SignAnswer(Answer{Overlay: id, Request: f.request.Digest(), At: day0, Document: f.overlay.Bytes(),
		Cert: in["cert"], Slots: []slot.Certificate{must(slot.Issue(id.Bytes(), place, writer, 1, f.slots.Sign))},
		Admitted: true, Admission: blind.BlindSignature(in["given"])}, key, f.signing))
	f.refusal = must(SignAnswer(Answer{Overlay: id, Request: f.request.Digest(), At: day0, Refused: RefusedCodeUsed}, key, f.signing))
	return f
}

// newInputs makes what is random by nature.
func newInputs() map[string][]byte {
	caKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ca := must(NewCA(caKey, day0, day0.Add(1200*24*time.Hour)))
	user := must(ParseUserKey(bytes.Repeat([]byte{4}, 32)))
	cert := must(IssueUser(must(parseCA(ca)), caKey, must(ParseAoR("sip:alice@example.org")), user.Public(), NewSerial(), day0, 30*24*time.Hour))
	root := must(NewRootKey(fixed(1)))
	id := must(NewFounding("example", root.Public(), day0, peer.DefaultPeriod, peer.DefaultKeyEpoch)).ID()
	key := must(blind.GenerateKey())
	signing := must(peer.GenerateSigningKey(fixed(11)))
	message := peer.AdmissionMessage(id, 0, signing.Public())
	blinded, factor, err := key.Public().Blind(fixed(12), message)
	given := must(key.Sign(must(blinded, err)))
	sig := must(key.Public().Unblind(factor, message, given))
	static := must(peer.NewStatic(id, 0, signing.Public(), sig[:]))
	daily := must(peer.SignDaily(static, peer.DailyFields{Roles: peer.RoleRelay,
		Link: must(peer.ParseLinkPublic(bytes.Repeat([]byte{13}, 32))), Onion: must(peer.ParseOnionPublic(bytes.Repeat([]byte{14}, 32))),
		Addresses: []peer.Address{must(peer.NewAddress(netip.MustParseAddrPort("192.0.2.2:4433")))}}, signing))
	return map[string][]byte{"ca": ca, "cert": cert.DER(), "modulus": key.Public().Append(nil), "blinded": blinded[:],
		"given": given[:], "static": static.Append(nil), "daily": daily.Append(nil)}
}

func (f *fixture) vectors() map[string][]byte {
	id := f.founding.ID().Bytes()
	return map[string][]byte{"overlay id": id[:], "overlay document": f.overlay.Bytes(), "invite": f.invite.Bytes(),
		"succession": f.succession.Append(nil), "request": f.request.Bytes(), "renewal": f.renewal.Bytes(),
		"answer": f.answer.Bytes(), "refusal": f.refusal.Bytes(), "invite file": f.invite.File()}
}

// parsers maps each kind of object to its parser.
var parsers = map[string]func([]byte) ([]byte, error){
	"overlay document": func(b []byte) ([]byte, error) { o, err := ParseOverlay(b); return o.Bytes(), err },
	"invite":           func(b []byte) ([]byte, error) { i, err := ParseInvite(b); return i.Bytes(), err },
	"succession":       func(b []byte) ([]byte, error) { s, err := ParseSuccession(b); return s.Append(nil), err },
	"request":          func(b []byte) ([]byte, error) { q, err := ParseRequest(b); return q.Bytes(), err },
	"renewal":          func(b []byte) ([]byte, error) { q, err := ParseRequest(b); return q.Bytes(), err },
}

func readHex(name string) map[string][]byte {
	file := must(os.Open(name))
	defer file.Close()
	m := map[string][]byte{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), " = "); ok {
			m[key] = must(hex.DecodeString(value))
		}
	}
	return m
}

func writeHex(t *testing.T, name, about string, m map[string][]byte) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n# Made by: go test ./overlay/enroll/document -run Vectors -update\n", about)
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		fmt.Fprintf(&b, "%s = %x\n", k, m[k])
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestVectors(t *testing.T) {
	if *update {
		in := newInputs()
		writeHex(t, inputsFile, "What is random by nature: X.509 and RSA.", in)
		writeHex(t, vectorsFile, "Every layout of this package, made of the keys in fixture_test.go and of inputs.txt.", build(in).vectors())
	}
	frozen := readHex(vectorsFile)
	for name, got := range theFixture().vectors() {
		if !bytes.Equal(got, frozen[name]) {
			t.Errorf("%s is not made as it was frozen: the wire has changed", name)
		}
	}
}
