package noise

// What links hold does not print: neither by a verb that fits nor by one that does not, nor inside of something else.

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
)

func TestNothingThatHoldsAKeyOrAnAddressPrints(t *testing.T) {
	l := newLab(t)
	a, _ := l.up(IK)
	static := labStatic(t, 1)
	addr := netip.MustParseAddrPort("198.51.100.77:4433")
	secret := [32]byte([]byte("a secret that must stay a secret"))
	hs, err := NewHandshake(HandshakeConfig{Pattern: NK, Initiator: true, Remote: static.Public(), Prologue: secret[:], Rand: labRand(1)})
	if err != nil {
		t.Fatal(err)
	}
	s := l.a.links[a].current
	private := static.Bytes()
	for _, v := range []any{
		Config{Node: secret, Static: static}, Target{Addr: addr, Node: secret}, HandshakeConfig{Prologue: secret[:]},
		Event{Frame: secret[:], Peer: static.Public()}, Secrets{Send: secret, Peer: static.Public()}, hs, l.a, s.seal, s.open, static, *static,
	} {
		var said strings.Builder
		for _, verb := range "vsqxXdobcUet" {
			fmt.Fprintf(&said, "%"+string(verb)+" %+v %#v", v, []any{v}, struct{ V any }{v})
		}
		text, err := json.Marshal([]any{v})
		if err != nil {
			t.Errorf("%T: %v", v, err)
		}
		said.Write(text)
		slog.New(slog.NewJSONHandler(&said, nil)).Info("x", "v", v)
		for what, leak := range map[string]string{
			"the address": "198.51.100.77", "a secret": "must stay", "a secret in hex": fmt.Sprintf("%x", secret[:8]),
			"a secret in numbers": fmt.Sprint(secret[:8])[1:], "a secret in JSON": "115,101,99,114,101,116",
			"a private key": fmt.Sprintf("%x", private[:8]), "a private key in numbers": strings.Trim(fmt.Sprint(private[:8]), "[]"),
		} {
			if strings.Contains(said.String(), strings.TrimSuffix(leak, "]")) {
				t.Errorf("%T prints %s", v, what)
			}
		}
	}
}
