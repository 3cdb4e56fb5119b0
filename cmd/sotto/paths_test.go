// The promises of guards on disk: they are the same after a kill, and what is missing or damaged is said.

package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"sotto/onion/path"
)

// anonymousState joins a node without a name and returns its state directory.
func anonymousState(t *testing.T, place, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	must(t, "join", inviteFile(t, place, name), "--state", dir)
	c, err := loadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	c.listen = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	if err := saveConfig(dir, &c); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAnonymousNodeKeepsStemsAndItsGuardsThroughAKill(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGKILL")
	}
	authority := authorityState(t, freePort(t, "tcp"))
	start(t, "authority", "serve", "--state", authority)
	var relay string
	for n := range 4 {
		more := []string{"--seed"}
		relay, _ = relayState(t, authority, "sip:relay"+strconv.Itoa(n)+"@example.org", more[:max(0, 1-n)]...)
		start(t, "up", "--state", relay)
		if n == 0 {
			eventually(t, "the seed is listed", func() bool { return statusOf(t, relay).Seed })
		}
	}
	eventually(t, "relays know each other", func() bool { s := statusOf(t, relay); return s.Node != nil && s.Node.Peers == 4 })

	dir := anonymousState(t, authority, "sip:alice@example.org")
	ready := func() bool {
		n := statusOf(t, dir).Node
		return n != nil && n.Paths != nil && n.Paths.GuardsUp == 2 && n.Paths.Stems[path.Lookups.String()] > 0 && n.Paths.NoPath == ""
	}
	p := start(t, "up", "--state", dir)
	eventually(t, "stems stand", ready)
	if r := statusOf(t, relay).Node; r.Relay == nil || r.Paths != nil {
		t.Errorf("a relay says %+v", r)
	}
	before, err := os.ReadFile(filepath.Join(dir, guardsName))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkSecret(filepath.Join(dir, guardsName)); err != nil {
		t.Error(err)
	}
	p.end(syscall.SIGKILL)
	p = start(t, "up", "--state", dir)
	eventually(t, "stems stand again", ready)
	after, err := os.ReadFile(filepath.Join(dir, guardsName))
	const sample = 34 + 2*79 // package path: up to the end of two guards
	if err != nil || !bytes.Equal(before[:sample], after[:sample]) {
		t.Errorf("after a kill there are other guards; %v", err)
	}
	p.end(syscall.SIGTERM)

	if err := os.WriteFile(filepath.Join(dir, guardsName), before[:len(before)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "damaged", "up", "--state", dir)
	if err := os.Remove(filepath.Join(dir, guardsName)); err != nil {
		t.Fatal(err)
	}
	refused(t, "is gone from the state", "up", "--state", dir)
}

func TestGuardStoreKnowsAFirstStart(t *testing.T) {
	s := guardStore{t.TempDir()}
	if state, first, err := s.load(); len(state) != 0 || !first || err != nil {
		t.Errorf("at first there is %d bytes, %v, %v", len(state), first, err)
	}
	if err := s.Keep([]byte("guards")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.dir, chosenName)); err != nil { // killed in between
		t.Fatal(err)
	}
	for range 2 {
		if state, first, err := s.load(); string(state) != "guards" || first || err != nil {
			t.Errorf("later there is %q, %v, %v", state, first, err)
		}
	}
	if err := os.Remove(filepath.Join(s.dir, guardsName)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.load(); err != errGuardsMissing {
		t.Errorf("without the file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, guardsName), make([]byte, path.MaxStateLen+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.load(); err != errGuardsDamaged {
		t.Errorf("with a file that is too long: %v", err)
	}
	if err := os.Chmod(filepath.Join(s.dir, guardsName), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.load(); runtime.GOOS != "windows" && (err == nil || err == errGuardsDamaged) {
		t.Errorf("with a file that others read: %v", err)
	}
}
