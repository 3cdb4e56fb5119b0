package peer

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// sensitive is one value of every type that holds a key, an address or an identifier.
func sensitive(t *testing.T) map[string]any {
	p := newTestPeer(t, 1, 0)
	relay, anonymous := p.describe(t, relayFields(t, 3)), p.describe(t, anonymousFields(t, 3))
	proof, _ := Equivocation(relay, anonymous)
	id, f, a := p.static.NodeID(), relayFields(t, 3), anonymousFields(t, 3)
	g := NewGather(testOverlay(t), 3, 10)
	g.Add(relay)
	return map[string]any{
		"SigningKey": p.key, "SigningPublic": p.key.Public(), "LinkPublic": f.Link, "OnionPublic": f.Onion,
		"LeasePublic": a.Lease, "OverlayID": testOverlay(t), "NodeID": id, "IDPrefix": id.Prefix(),
		"Distance": id.Distance(NodeID{}), "Address": f.Addresses[0], "NetPrefix": f.Addresses[1].Prefix(), "Family": f.Family,
		"Static": p.static, "Admitted": relay.Admitted(), "Daily": relay.Daily(), "DailyFields": f,
		"Descriptor": *relay, "*Descriptor": relay, "Proof": proof, "*Directory": testDirectory(t, []*Descriptor{relay}),
		"Directory": *testDirectory(t, []*Descriptor{relay}), "*Gather": g, "Gather": *g,
	}
}

// canaries are all the ways in which the bytes of the values could be read in a text.
func canaries(t *testing.T) map[string]string {
	p := newTestPeer(t, 1, 0)
	f, a := relayFields(t, 3), anonymousFields(t, 3)
	seed, public, overlay, id := p.key.Seed(), p.key.Public().Bytes(), testOverlay(t).Bytes(), p.static.NodeID().Bytes()
	link, onion, lease := f.Link.Bytes(), f.Onion.Bytes(), a.Lease.Bytes()
	found := map[string]string{"IPv4": "192.0.2", "IPv4 bytes": "192 0 2", "IPv4 hex": "c00002", "IPv6": "2001:db8", "IPv6 hex": "20010db8", "port": "4433"}
	for name, b := range map[string][]byte{
		"seed": seed[:], "public": public[:], "overlay": overlay[:], "id": id[:], "link": link[:], "onion": onion[:],
		"lease": lease[:], "relay": []byte("relay  1"), "family": f.Family.b[:],
		"admission": p.static.block.wire[offAdmission:],
	} {
		b = b[:6] // enough not to come about by chance, short enough for what prints a part
		decimal := strings.Trim(fmt.Sprint(b), "[]")
		found[name+" raw"] = string(b)
		found[name+" hex"] = hex.EncodeToString(b)
		found[name+" base64"] = base64.StdEncoding.EncodeToString(b)
		found[name+" base64 url"] = base64.URLEncoding.EncodeToString(b)
		found[name+" decimal"] = decimal
		found[name+" go syntax"] = strings.ReplaceAll(fmt.Sprintf("%#v", b)[len("[]byte{"):], "}", "")
		found[name+" list"] = strings.ReplaceAll(decimal, " ", ",")
		found[name+" quoted"] = strings.Trim(fmt.Sprintf("%q", b), `"`)
	}
	return found
}

func TestNothingSensitiveEverPrintsItself(t *testing.T) {
	forbidden := canaries(t)
	for name, v := range sensitive(t) {
		type Outer struct {
			Field any
			List  []any
			Map   map[string]any
		}
		outer := Outer{v, []any{v}, map[string]any{"k": v}}
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%X", "% x", "%#x", "%s", "%q", "%d", "%b", "%o", "%t", "%U", "%10.3v", "%c"} {
			fmt.Fprintf(&out, verb+"\n", v)
			fmt.Fprintf(&out, verb+"\n", outer)
			fmt.Fprintf(&out, verb+"\n", &outer)
			fmt.Fprintln(&out, fmt.Errorf("wrapped: "+verb, v))
		}
		fmt.Fprintln(&out, v, outer, &v)
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).With("with", v).WithGroup("group").Info("message", "v", v, "outer", outer, "p", &outer, "list", []any{v})
		}
		if b, err := json.Marshal(outer); err == nil {
			out.Write(b)
		}
		text := strings.ToLower(out.String())
		for what, canary := range forbidden {
			if strings.Contains(text, strings.ToLower(canary)) {
				t.Errorf("%s shows %s", name, what)
			}
		}
		if !strings.Contains(text, "[") {
			t.Errorf("%s prints nothing at all", name)
		}
	}
}

// What the test above looks for is found where it is: it can fail.
func TestCanariesAreFoundInWhatDoesPrint(t *testing.T) {
	seed := newTestPeer(t, 1, 0).key.Seed()
	for verb, kind := range map[string]string{"%v": "seed decimal", "%x": "seed hex", "%s": "seed raw", "%#v": "seed go syntax"} {
		if !strings.Contains(fmt.Sprintf(verb, seed), canaries(t)[kind]) && !strings.Contains(fmt.Sprintf(verb, seed[:]), canaries(t)[kind]) {
			t.Errorf("%s of plain bytes is not found as %s", verb, kind)
		}
	}
}

// fmt cannot call Format on an unexported field. A secret key must not show even there.
func TestSecretKeyIsSilentInUnexportedFields(t *testing.T) {
	k := newTestPeer(t, 1, 0).key
	holder := struct{ k SigningKey }{k}
	seed := k.Seed()
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
		out := fmt.Sprintf(verb, holder)
		if strings.Contains(out, hex.EncodeToString(seed[:4])) || strings.Contains(out, strings.Trim(fmt.Sprint(seed[:4]), "[]")) {
			t.Errorf("%s shows the key", verb)
		}
	}
}
