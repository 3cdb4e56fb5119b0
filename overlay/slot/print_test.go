package slot

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

// shown are the ways in which bytes could be read in a text.
func shown(b []byte) []string {
	decimal := strings.Trim(fmt.Sprint(b), "[]")
	return []string{
		string(b), hex.EncodeToString(b), base64.StdEncoding.EncodeToString(b), decimal, strings.ReplaceAll(decimal, " ", ","),
		strings.TrimSuffix(fmt.Sprintf("%#v", b)[len("[]byte{"):], "}"),
	}
}

var verbs = []string{"%v", "%+v", "%#v", "%x", "%X", "% x", "%s", "%q", "%d", "%b", "%o", "%t", "%U", "%c"}

func TestNothingSensitiveEverPrintsItself(t *testing.T) {
	authority, _ := testAuthority(t)
	c := testCertificate(t)
	secret := bytes.Repeat([]byte{0xca, 0xfe, 0x17}, 11)[:YLen]
	y, err := ParseY(secret)
	must(t, err)
	slotBytes, writer, key := c.Slot().Bytes(), c.Writer().Bytes(), authority.Bytes()
	for name, x := range map[string]struct {
		value any
		bytes []byte
	}{
		"AoR": {testAoR(t, "sip:canary@example.org"), []byte("canary")}, "Y": {y, secret[:6]},
		"Slot": {c.Slot(), slotBytes[:6]}, "WriterPublic": {c.Writer(), writer[:6]}, "AuthorityPublic": {authority, key[:6]},
		"Certificate by slot": {c, slotBytes[:6]}, "Certificate by signature": {c, c.b[offSignature : offSignature+6]},
	} {
		type Outer struct {
			Field any
			List  []any
			Map   map[string]any
		}
		outer := Outer{x.value, []any{x.value}, map[string]any{"k": x.value}}
		var out bytes.Buffer
		for _, verb := range verbs {
			fmt.Fprintf(&out, verb+verb+verb, x.value, outer, &outer)
			fmt.Fprintln(&out, fmt.Errorf("wrapped: "+verb, x.value))
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).With("with", x.value).Info("message", "v", x.value, "outer", outer, "p", &outer, "list", []any{x.value})
		}
		if b, err := json.Marshal(outer); err == nil {
			out.Write(b)
		}
		for _, canary := range shown(x.bytes) {
			if strings.Contains(strings.ToLower(out.String()), strings.ToLower(canary)) {
				t.Errorf("%s shows %q", name, canary)
			}
		}
	}
	// The search finds what does print.
	plain := fmt.Sprintf("%v %x %s %#v", secret[:6], secret[:6], secret[:6], secret[:6])
	for i, canary := range shown(secret[:6]) {
		if i != 2 && i != 4 && !strings.Contains(plain, canary) {
			t.Errorf("form %d of plain bytes is not found", i)
		}
	}
}

// fmt cannot call Format on an unexported field. What opens records must not show even there.
func TestSecretsAreSilentInUnexportedFields(t *testing.T) {
	holder := struct {
		a AoR
		y Y
	}{testAoR(t, "sip:canary@example.org"), testY(t, 0xca)}
	forbidden := append(shown([]byte("canary")), shown([]byte{0xca, 0, 0})...)
	for _, verb := range verbs {
		out := fmt.Sprintf(verb, holder)
		for _, canary := range forbidden {
			if strings.Contains(out, canary) {
				t.Errorf("%s shows %q", verb, canary)
			}
		}
	}
}
