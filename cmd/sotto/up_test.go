// The promises of a running node: it says in one sentence why it cannot start, runs once for a state, and ends when told.

package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/peer"
)

// relayState joins a relay and returns its state directory and its address.
func relayState(t *testing.T, place, name string, more ...string) (dir, address string) {
	t.Helper()
	dir, address = filepath.Join(t.TempDir(), "state"), freePort(t, "udp")
	must(t, "join", inviteFile(t, place, name, more...), "--state", dir, "--role", "relay", "--announce", address)
	return dir, address
}

func TestNodeSaysWhyItCannotStart(t *testing.T) {
	place := served(t)
	dir, address := relayState(t, place, "sip:relay@example.org")
	up := []string{"up", "--state", dir}

	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "another program has UDP port", up...)
	conn.Close()

	for says, off := range map[string]time.Duration{
		"signed on": -3 * time.Hour,
		"ended on":  40 * 24 * time.Hour, // although the authority answers: by its own clock the document is good
	} {
		code, out, errs := sottoAt(t, func() time.Time { return time.Now().Add(off) }, up...)
		checkRefusal(t, says, up, code, out, errs)
		checkRefusal(t, "set the clock", up, code, out, errs)
	}
	release, err := lockState(dir)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "another sotto is using this state", up...)
	release()

	c, err := loadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	c.announce = nil
	if err := saveConfig(dir, &c); err != nil {
		t.Fatal(err)
	}
	refused(t, "a relay needs announce", up...)
	if err := os.WriteFile(filepath.Join(dir, configName), []byte("rolle = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "did you mean role?", up...)
	if err := os.Remove(filepath.Join(dir, configName)); err != nil {
		t.Fatal(err)
	}
	refused(t, "`sotto join` writes one", up...)
}

// safeWriter is an output that the test reads while the command writes.
type safeWriter struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *safeWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *safeWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func TestNodeShowsItsStatesOnATerminalAndIsSilentInAPipe(t *testing.T) {
	place := served(t)
	seed, _ := relayState(t, place, "sip:relay1@example.org", "--seed")
	other, _ := relayState(t, place, "sip:relay2@example.org")
	stopSeed := background(t, "up", "--state", seed)
	eventually(t, "the seed is listed", func() bool { return statusOf(t, seed).Seed })

	e, _, _ := testEnv(t)
	screen := &safeWriter{}
	e.stderr, e.terminal = screen, true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan int, 1)
	go func() { done <- run(ctx, e, []string{"up", "--state", other}) }()
	eventually(t, "the other relay is linked", func() bool { s := statusOf(t, other); return s.Node != nil && s.Node.State == "linked" })
	refused(t, "another sotto is using this state", "up", "--state", other)
	cancel()
	if code := <-done; code != exitDone {
		t.Errorf("told to end it exits %d: %s", code, screen)
	}
	at := 0
	for _, step := range []string{"looking for seeds", "getting the directory", "linked\n"} {
		i := strings.Index(screen.String()[at:], step)
		if i < 0 {
			t.Fatalf("the screen does not show %q in its place:\n%s", step, screen)
		}
		at += i
	}
	if code, errs := stopSeed(); code != exitDone || errs != "" {
		t.Errorf("in a pipe: exit %d and %q", code, errs)
	}
	if left := contents(t, other); strings.Contains(strings.Join(left, " "), controlName) || !strings.Contains(strings.Join(left, " "), peersName) {
		t.Errorf("after the end there is %q", left)
	}
}

func TestExcludedRelayEnds(t *testing.T) {
	place := served(t)
	dir, _ := relayState(t, place, "sip:relay@example.org")
	id := statusOf(t, dir).NodeID
	refused(t, "64 hexadecimal digits", "authority", "exclude", id[1:], "--state", place)
	must(t, "authority", "exclude", id, "--state", place)
	refused(t, "has excluded this relay", "up", "--state", dir)
	refused(t, "has excluded this relay", "up", "--state", dir) // now it knows before it starts
}

func TestRelayLivesThroughTheEndOfItsKeyEpoch(t *testing.T) {
	t.Parallel() // it waits for 8 s
	place, service := filepath.Join(t.TempDir(), "authority"), freePort(t, "tcp")
	c := authority.Config{Name: "example.org", Service: service, Period: 4 * time.Second, KeyEpoch: 8 * time.Second}
	if err := authority.Create(place, c, authority.Options{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	background(t, "authority", "serve", "--state", place)
	dir, _ := relayState(t, place, "sip:relay@example.org", "--seed")
	first := statusOf(t, dir)
	background(t, "up", "--state", dir)
	eventually(t, "it runs in the next key epoch, under another NodeID, and is listed as a seed", func() bool {
		s := statusOf(t, dir)
		return s.KeyEpoch > first.KeyEpoch && s.Admitted && s.NodeID != first.NodeID && s.Node != nil && s.Seed
	})
}

func TestRestoredRelayIsSilentUntilItMaySign(t *testing.T) {
	place := served(t)
	dir, _ := relayState(t, place, "sip:relay@example.org")
	pass, backup := secretFile(t, "a passphrase of some length\n"), filepath.Join(t.TempDir(), "backup")
	must(t, "identity", "backup", "--passphrase-file", pass, "--out", backup, "--state", dir)
	if err := os.RemoveAll(filepath.Join(dir, identityName)); err != nil {
		t.Fatal(err)
	}
	must(t, "identity", "restore", backup, "--passphrase-file", pass, "--state", dir)
	e, _, _ := testEnv(t)
	log := &safeWriter{}
	e.stderr = log
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan int, 1)
	go func() { done <- run(ctx, e, []string{"up", "--state", dir}) }()
	eventually(t, "it says that it is silent", func() bool { return strings.Contains(log.String(), "silent and tries again") })
	eventually(t, "it runs without a node", func() bool { s := statusOf(t, dir); return s.Running && s.Node == nil })
	cancel()
	if code := <-done; code != exitDone {
		t.Errorf("exit %d and %q", code, log)
	}
}

func TestDayIsKeptWithItsKeyAndNeverReplaced(t *testing.T) {
	place := served(t)
	dir, _ := relayState(t, place, "sip:relay@example.org")
	stop := background(t, "up", "--state", dir)
	eventually(t, "it has signed its descriptor", func() bool { _, err := os.Lstat(filepath.Join(dir, daysName, "0")); return err == nil })
	stop()
	e, _, _ := testEnv(t)
	m, err := e.openMember(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.id.Close()
	days := newDayStore(dir, m.id)
	day, ok, err := days.Day(0)
	if err != nil || !ok || day.OnionKey() == ([onionKeyLen]byte{}) {
		t.Fatalf("the day is there: %v, %v", ok, err)
	}
	if err := days.KeepDay(day); err != nil {
		t.Errorf("the same day again: %v", err)
	}
	o, err := m.id.Document()
	if err != nil {
		t.Fatal(err)
	}
	signing, static, err := m.id.Peer(0)
	if err != nil {
		t.Fatal(err)
	}
	fields := day.Daily().Fields()
	fields.Capacity++
	fields.Document = o.Hash()
	second, err := peer.SignDaily(static, fields, signing)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.id.KeepDaily(second); err != identity.ErrSecondDaily {
		t.Errorf("a second descriptor of the period: %v", err)
	}
	if err := os.Remove(days.path(0)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := days.Day(0); err == nil {
		t.Error("the key of a descriptor that was shown is lost, and nobody says so")
	}
}
