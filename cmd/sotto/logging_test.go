// The promise of the log: whatever is handed to it at whatever level, no name, address or key comes out.

package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Canaries: what must never be found in a log.
const (
	canaryIPv4 = "198.51.100.77"
	canaryIPv6 = "2001:db8:77::feed"
	canaryName = "zelda-canary"
	canaryKey  = "sixteen byte key"
)

// nodeKey is a secret as it must not be: it would print raw from behind an unexported field.
type nodeKey struct{ bytes [16]byte }

// quietKey is a secret as our packages have them.
type quietKey struct{ bytes [16]byte }

func (quietKey) Format(f fmt.State, _ rune)   { fmt.Fprint(f, "[key]") }
func (quietKey) LogValue() slog.Value         { return slog.StringValue("[key]") }
func (q quietKey) sameAs(other quietKey) bool { return q.bytes == other.bytes }

// indirect is a value that resolves to an address only when the log asks it.
type indirect struct{}

func (indirect) LogValue() slog.Value { return slog.AnyValue(netip.MustParseAddr(canaryIPv4)) }

func canaries() []any {
	addr, port := netip.MustParseAddr(canaryIPv4), netip.MustParseAddrPort("["+canaryIPv6+"]:4433")
	udp := net.UDPAddrFromAddrPort(port)
	_, atoiErr := strconv.Atoi(canaryName)
	_, parseErr := netip.ParseAddr(canaryName)
	opErr := &net.OpError{Op: "dial", Net: "udp", Source: udp, Addr: udp, Err: os.NewSyscallError("sendto", syscall.ECONNREFUSED)}
	key := nodeKey{[16]byte([]byte(canaryKey))}
	return []any{
		addr, port, netip.PrefixFrom(addr, 24), &addr, &port, []netip.Addr{addr}, map[netip.Addr]int{addr: 1},
		udp, net.Addr(udp), udp.IP, *udp, &net.IPNet{IP: udp.IP, Mask: net.CIDRMask(64, 128)},
		opErr, fmt.Errorf("link: %w", opErr), errors.Join(errors.New("first"), opErr), parseErr,
		&net.DNSError{Err: "no such host", Name: canaryName}, &os.PathError{Op: "open", Path: "/home/" + canaryName, Err: syscall.EACCES},
		key, &key, []nodeKey{key}, struct{ k quietKey }{quietKey(key)}, key.bytes, key.bytes[:], []byte(canaryKey),
		addr.String(), port.String(), "cannot reach " + addr.String(), "to=" + port.String() + ", again", "from (" + canaryIPv6 + ").",
		"sip:" + canaryName + "@example.org", canaryName + "@example.org", errors.New("link to " + port.String() + ": closed"),
		"udp:" + canaryIPv4 + ":4433", canaryIPv4 + ":1->[" + canaryIPv6 + "]:2: refused", canaryIPv6 + ": gone", "::ffff:" + canaryIPv4,
		new(big.Int).SetBytes([]byte(canaryKey)), atoiErr, (*usageError)(nil),
		indirect{}, slog.GroupValue(slog.Any("peer", addr)), func() string { return canaryName }, make(chan nodeKey),
	}
}

func TestLogHoldsNoNameAddressOrKey(t *testing.T) {
	var out strings.Builder
	log := newLogger(&out, slog.LevelDebug)
	for i, value := range canaries() {
		log.Debug("event", "value", value)
		log.With("value", value).WithGroup("group").Info("event", "n", i, slog.Group("inner", "value", value))
		log.Error(fmt.Sprintf("message about %v", scrubAny(value)), scrubText(fmt.Sprint(scrubAny(value))), i)
	}
	text := out.String()
	if strings.Count(text, "\n") != 3*len(canaries()) {
		t.Errorf("%d lines for %d events", strings.Count(text, "\n"), 3*len(canaries()))
	}
	wholly := strings.ToLower(text)
	for _, canary := range []string{canaryIPv4, canaryIPv6, "77::feed", canaryName, canaryKey} {
		for form, found := range map[string]string{
			"text":    canary,
			"hex":     hex.EncodeToString([]byte(canary)),
			"base64":  strings.ToLower(base64.RawStdEncoding.EncodeToString([]byte(canary))),
			"decimal": strings.Trim(fmt.Sprint([]byte(canary)), "[]"),
			"integer": new(big.Int).SetBytes([]byte(canary)).String(),
		} {
			if i := strings.Index(wholly, found); i >= 0 {
				t.Errorf("%q is in the log as %s: …%s…", canary, form, text[max(0, i-60):min(len(text), i+60)])
			}
		}
	}
	if raw := netip.MustParseAddr(canaryIPv4).As4(); strings.Contains(text, strings.Trim(fmt.Sprint(raw), "[]")) {
		t.Error("the bytes of an address are in the log")
	}
}

func TestLogPassesWhatIsHarmless(t *testing.T) {
	var out strings.Builder
	type state string
	key := quietKey{}
	if !key.sameAs(quietKey{}) {
		t.Fatal("two empty keys differ")
	}
	newLogger(&out, slog.LevelInfo).Info("links are up", "links", 24, "state", state("ready"), "took", 1500*time.Millisecond,
		"share", 0.5, "key", key, "err", fmt.Errorf("link: %w", errors.New("peer closed: code 3")), "ratio", "3:1", "version", "v1.2.3", "month", time.May)
	for _, want := range []string{
		`level=INFO msg="links are up" links=24 state=ready took=1.5s share=0.5 key=[key] err="link: peer closed: code 3" ratio=3:1 version=v1.2.3 month=May`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s", out.String())
		}
	}
}

func TestLogKeepsTheReasonOfANetworkError(t *testing.T) {
	err := &net.OpError{Op: "write", Net: "udp", Err: os.NewSyscallError("sendto", syscall.ECONNREFUSED)}
	if got := scrubError(fmt.Errorf("link: %w", err)); got != "[refused]: "+syscall.ECONNREFUSED.Error() {
		t.Errorf("got %q", got)
	}
}

func TestLogLevelHoldsBackDebug(t *testing.T) {
	var out strings.Builder
	newLogger(&out, slog.LevelInfo).Debug("event")
	if out.Len() > 0 {
		t.Errorf("debug at level info: %q", out.String())
	}
}
