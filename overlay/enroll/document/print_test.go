// Nothing here prints what it holds (P18).

package document

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNothingPrintsWhatItHolds(t *testing.T) {
	f := theFixture()
	seed := f.root.Seed()
	things := map[string]any{
		"root key": f.root, "signing key": f.signing, "slot key": f.slots, "founding": f.founding, "user key": f.user,
		"user public": f.user.Public(), "aor": f.aor, "code": f.code, "code hash": f.code.Hash(), "overlay": f.overlay,
		"contents": f.overlay.Contents(), "pair": f.overlay.Seeds()[0], "invite": f.invite, "succession": f.succession,
		"request": f.request, "ask": f.request.Ask, "slot ask": f.request.Ask.Slots[0], "answer": f.answer, "cert": f.cert,
		"serial": f.cert.Serial(), "key cert": f.overlay.Contents().Keys[0].Cert,
		"keys": f.overlay.Contents().Keys, "asks": f.request.Ask.Slots, "struct": struct{ I Invite }{f.invite},
		"service": f.overlay.Service(), "blind keys": f.overlay.Contents().BlindKeys,
	}
	id, user, code := f.founding.ID().Bytes(), f.user.Public().Bytes(), f.code.Bytes()
	var canaries []string
	for _, b := range [][]byte{seed[:], id[:], user[:], code[:], f.user.Bytes(), []byte("alice"), []byte("192.0.2."), []byte("example")} {
		canaries = append(canaries, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)),
			base64.StdEncoding.EncodeToString(b)[:len(b)], string(b), strings.Trim(fmt.Sprint(b), "[]"))
	}
	for name, thing := range things {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			fmt.Fprintf(&out, verb+"\n", thing)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "thing", thing)
		for _, c := range canaries {
			if strings.Contains(out.String(), c) {
				t.Errorf("%s prints itself", name)
				break
			}
		}
	}
}

func TestErrorsHoldNothing(t *testing.T) {
	for name, parse := range parsers {
		whole := theFixture().vectors()[name]
		for n := 0; n < len(whole); n += 13 {
			bad := bytes.Clone(whole)
			bad[n] ^= 0x41
			if _, err := parse(bad); err == nil || strings.Contains(err.Error(), "alice") || strings.Contains(err.Error(), "example") || len(err.Error()) > 100 {
				t.Fatalf("%s: error %q", name, err)
			}
		}
	}
	if _, err := ParseAoR("sip:al ice@example.org"); strings.Contains(err.Error(), "ice") {
		t.Errorf("%q", err)
	}
}
