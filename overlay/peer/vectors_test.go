// Frozen bytes of every layout: a change of the wire is a change of these files, made on purpose with -update.

package peer

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorFile = "testdata/vectors.json"

// vector is one object in hex.
type vector struct {
	Name  string `json:"name"`
	Bytes string `json:"bytes"`
}

func vectors(t testing.TB) []vector {
	p := newTestPeer(t, 1, 0)
	relay, anonymous := p.describe(t, relayFields(t, 3)), p.describe(t, anonymousFields(t, 3))
	local := relayFields(t, 0)
	local.Addresses, local.Declared = []Address{testAddress(t, "127.0.0.1:4433")}, DeclaredPrefix{0, 0, 0, 9}
	local.Family, local.Roles = Family{}, RoleRelay
	proof, ok := Equivocation(relay, anonymous)
	if !ok {
		t.Fatal("no proof")
	}
	overlay, id, public, seed := testOverlay(t).Bytes(), p.static.NodeID().Bytes(), p.key.Public().Bytes(), p.key.Seed()
	root := testDirectory(t, []*Descriptor{relay, newTestPeer(t, 2, 0).describe(t, anonymousFields(t, 3))}).Root()
	x := hex.EncodeToString
	return []vector{
		{"overlay id", x(overlay[:])},
		{"signing seed", x(seed[:])},
		{"signing public key", x(public[:])},
		{"admission message, key epoch 0", x(AdmissionMessage(testOverlay(t), 0, p.key.Public()))},
		{"static", x(p.static.Append(nil))},
		{"node id", x(id[:])},
		{"daily signed bytes, relay, period 3", x(relay.daily.message(p.static))},
		{"daily, relay, period 3", x(relay.Daily().Append(nil))},
		{"daily, anonymous, period 3", x(anonymous.Daily().Append(nil))},
		{"daily, declared prefix, period 0", x(p.describe(t, local).Daily().Append(nil))},
		{"proof", x(proof.Append(nil))},
		{"root of relay 1 and anonymous 2", x(root[:])},
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

// frozen reads one vector as bytes, for parsing what an earlier build wrote.
func frozen(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(vectorFile)
	must(t, err)
	var all []vector
	must(t, json.Unmarshal(file, &all))
	for _, v := range all {
		if v.Name == name {
			b, err := hex.DecodeString(v.Bytes)
			must(t, err)
			return b
		}
	}
	t.Fatalf("no vector %q", name)
	return nil
}

func TestFrozenDescriptorsVerify(t *testing.T) {
	static, err := ParseStatic(frozen(t, "static"))
	must(t, err)
	admitted, err := Admit(static, testOverlay(t), fakeAuthority{})
	must(t, err)
	for name, now := range map[string]uint32{
		"daily, relay, period 3": 3, "daily, anonymous, period 3": 4, "daily, declared prefix, period 0": 0,
	} {
		daily, err := ParseDaily(frozen(t, name))
		must(t, err)
		if _, err := admitted.Verify(daily, testCalendar(t), now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	proof, err := ParseProof(frozen(t, "proof"))
	must(t, err)
	must(t, proof.Verify(testOverlay(t), testCalendar(t), fakeAuthority{}))
}
