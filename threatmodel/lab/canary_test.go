package lab

// A canary is found in whatever form it leaks, and nowhere else.

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestCanariesAreFoundInEveryForm(t *testing.T) {
	key := make([]byte, 32)
	NewSource(1, "key").Read(key)
	key[0], key[5] = 0, 7 // one digit, and zero
	c := PlantBytes("key", key)
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "key", key, "array", [32]byte(key))
	for name, text := range map[string]string{
		"raw": "x" + string(key), "%x": fmt.Sprintf("<%x>", key), "%X": fmt.Sprintf("%X", key), "%v": fmt.Sprintf("%v", key),
		"%+v of a struct": fmt.Sprintf("%+v", struct{ k [32]byte }{[32]byte(key)}), "%#v": fmt.Sprintf("%#v", key),
		"std": base64.StdEncoding.EncodeToString(key), "url": base64.URLEncoding.EncodeToString(key),
		"one byte in":  base64.StdEncoding.EncodeToString(append([]byte("a"), key...)),
		"two bytes in": base64.StdEncoding.EncodeToString(append([]byte("ab"), append(key, "cd"...)...)),
		"escaped":      url.QueryEscape("k=" + string(key)), "slog": logged.String(),
	} {
		if c.In([]byte(text)) == 0 {
			t.Errorf("not found in %s", name)
		}
	}
	other := make([]byte, 1<<20)
	NewSource(2, "other").Read(other)
	if n := c.In(other); n != 0 {
		t.Errorf("found %d times in noise", n)
	}
}

func TestAddressesAndNamesAreFound(t *testing.T) {
	for _, a := range []string{"198.51.100.77", "2001:db8:77::1"} {
		c := PlantAddr("address", netip.MustParseAddr(a))
		for _, text := range []string{
			"dial udp " + netip.AddrPortFrom(netip.MustParseAddr(a), 4433).String(), netip.MustParseAddr(a).StringExpanded(),
			fmt.Sprintf("%x", netip.MustParseAddr(a).AsSlice()), url.QueryEscape(a),
		} {
			if c.In([]byte(text)) == 0 {
				t.Errorf("%s is not found in %q", a, text)
			}
		}
	}
	c := PlantText("name", "canary.alice@example.org")
	if got := Search([]Canary{c}, []byte("sip:CANARY.ALICE@EXAMPLE.ORG")); len(got) != 1 || got[0] != "name" {
		t.Errorf("found %v", got)
	}
	if got := Search([]Canary{c}, []byte("sip%3Acanary.alice%40example.org")); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

func TestSourceRepeatsAndIsEven(t *testing.T) {
	a, b, c := NewSource(7, "x"), NewSource(7, "x"), NewSource(7, "y")
	same, other := 0, 0
	for range 1000 {
		v := a.Uint64()
		if b.Uint64() == v {
			same++
		}
		if c.Uint64() == v {
			other++
		}
	}
	if same != 1000 || other != 0 {
		t.Errorf("same %d, other %d", same, other)
	}
	var seen [10]int
	for _, i := range a.Perm(10) {
		seen[i]++
	}
	if seen != [10]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1} {
		t.Errorf("no permutation: %v", seen)
	}
}
