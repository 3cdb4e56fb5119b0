package noise

// Keys: never printed, stored and wiped.

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestKeysNeverPrint(t *testing.T) {
	k := labStatic(t, 1)
	private, public := k.Bytes(), k.Public().Bytes()
	secrets := Secrets{Send: private, Receive: private, Peer: k.Public()}
	var out, hidden bytes.Buffer // the second for what an unexported field shows: a public key at most
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(h)
		log.Info("keys", "private", k, "value", *k, "public", k.Public(), "secrets", secrets,
			"target", Target{Key: k.Public()}, "event", Event{Peer: k.Public()})
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+verb, k, *k, k.Public(), secrets, struct{ K PublicKey }{k.Public()})
		fmt.Fprintf(&out, verb, []any{k, []PublicKey{k.Public()}, Event{Peer: k.Public()}})
		fmt.Fprintf(&hidden, verb, struct{ hidden *StaticKey }{k})
	}
	text := strings.ToLower(out.String())
	for _, b := range [][]byte{private[:], public[:]} {
		for _, form := range []string{
			hex.EncodeToString(b), base64.StdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b), string(b),
			strings.Trim(fmt.Sprint(b), "[]"), strings.Join(strings.Fields(fmt.Sprintf("% x", b)), ", 0x"),
		} {
			if strings.Contains(text, strings.ToLower(form[:len(form)/2])) {
				t.Errorf("half of a key is printed: %q…", form[:6])
			}
		}
	}
	if strings.Contains(strings.ToLower(hidden.String()), strings.Trim(fmt.Sprint(private[:16]), "[]")) ||
		strings.Contains(strings.ToLower(hidden.String()), hex.EncodeToString(private[:8])) {
		t.Error("a private key is printed from an unexported field")
	}
	if !strings.Contains(text, "[link key]") || !strings.Contains(text, "[link private key]") {
		t.Error("the placeholders are missing, so nothing was printed at all")
	}
}

func TestStaticKeyIsStoredAndWiped(t *testing.T) {
	k := labStatic(t, 1)
	b := k.Bytes()
	again, err := StaticKeyFromBytes(b[:])
	if err != nil || !again.Equal(k) || again.Public() != k.Public() {
		t.Fatalf("stored key differs: %v", err)
	}
	again.Wipe()
	if b := again.Bytes(); b != [keyLen]byte{} || again.Equal(k) {
		t.Error("wiped key is still there")
	}
	for _, n := range []int{0, 31, 33} {
		if _, err := StaticKeyFromBytes(make([]byte, n)); err != ErrKey {
			t.Errorf("%d bytes: %v", n, err)
		}
		if _, err := ParsePublicKey(make([]byte, n)); err != ErrKey {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
