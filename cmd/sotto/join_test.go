// The promises of joining: by network or by file, carried on after a kill, and nothing left behind by a refusal.

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/overlay/enroll/document"
)

// statusOf is what `sotto status --json` tells.
func statusOf(t *testing.T, dir string) nodeStatus {
	t.Helper()
	var s nodeStatus
	if err := json.Unmarshal([]byte(must(t, "status", "--json", "--state", dir)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// served runs an authority until the test ends and returns its directory.
func served(t *testing.T) string {
	t.Helper()
	dir := authorityState(t, freePort(t, "tcp"))
	background(t, "authority", "serve", "--state", dir)
	return dir
}

func TestRelayJoinsAtOnce(t *testing.T) {
	authority := authorityState(t, freePort(t, "tcp"))
	invite := inviteFile(t, authority, "sip:relay@example.org")
	dir := filepath.Join(t.TempDir(), "state")
	// The authority starts after the join, which is patient.
	done := make(chan struct{})
	go func() {
		defer close(done)
		must(t, "join", invite, "--state", dir, "--role", "relay", "--announce", "127.0.0.1:4433")
	}()
	background(t, "authority", "serve", "--state", authority)
	<-done
	s := statusOf(t, dir)
	if !s.Admitted || s.NodeID == "" || s.SlotsUntil == nil || s.Running || s.Name != "sip:relay@example.org" || len(s.Warnings) > 0 {
		t.Errorf("after joining: %+v", s)
	}
	if text := must(t, "status", "--state", dir); !strings.Contains(text, "does not run") || !strings.Contains(text, s.NodeID) {
		t.Errorf("status says %q", text)
	}
	refused(t, "enrolled already", "join", invite, "--state", dir)
	refused(t, "used before", "join", invite, "--state", filepath.Join(t.TempDir(), "other"))
	if c, err := loadConfig(dir); err != nil || c.role != roleRelay || c.listen.String() != "127.0.0.1:4433" {
		t.Errorf("the refused second join changed the configuration: %v", err)
	}
}

func TestJoinByFileNeedsNoNetwork(t *testing.T) {
	authority := authorityState(t, "")
	invite := inviteFile(t, authority, "sip:alice@example.org")
	dir, files := filepath.Join(t.TempDir(), "state"), t.TempDir()
	request, response := filepath.Join(files, "request"), filepath.Join(files, "response")
	refused(t, "no usable address", "join", invite, "--state", dir)
	must(t, "join", invite, "--state", dir, "--request", request)
	refused(t, "not finished", "up", "--state", dir)
	first, err := os.ReadFile(request)
	if err != nil {
		t.Fatal(err)
	}
	must(t, "join", invite, "--state", dir, "--request", request) // killed, and called again
	if again, err := os.ReadFile(request); err != nil || !bytes.Equal(first, again) {
		t.Errorf("called again it makes another request: %v", err)
	}
	refused(t, "another kind of file", "authority", "issue", invite, "--state", authority)
	must(t, "authority", "issue", request, "--out", response, "--state", authority)
	refused(t, "the response: ", "join", "--response", request, "--state", dir)
	must(t, "join", "--response", response, "--state", dir)
	if s := statusOf(t, dir); s.Role != "anonymous" || s.Admitted || s.NodeID != "" || s.SlotsUntil == nil {
		t.Errorf("after joining: %+v", s)
	}
	must(t, "identity", "renew", "--request", request, "--new-key", "--state", dir)
	must(t, "authority", "issue", request, "--out", response, "--state", authority)
	must(t, "identity", "renew", "--response", response, "--state", dir)
	refused(t, "nothing was asked", "identity", "renew", "--response", response, "--state", dir)
}

func TestWrongInviteIsRefusedAndLeavesNothing(t *testing.T) {
	authority := authorityState(t, freePort(t, "tcp"))
	good, err := os.ReadFile(inviteFile(t, authority, "sip:alice@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	object, err := document.Dearmor(document.FileInvite, good)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(b []byte) []byte) string {
		return string(document.Armor(document.FileInvite, change(bytes.Clone(object))))
	}
	dir := filepath.Join(t.TempDir(), "state")
	for name, row := range map[string]struct{ file, says string }{
		"empty":     {"", "the invite: "},
		"a picture": {"\x89PNG\r\n", "not a file of sotto"},
		"truncated": {string(good[:len(good)/2]), "not whole"},
		"altered":   {strings.Replace(string(good), "A", "B", 1), "the invite: "},
		"cut":       {changed(func(b []byte) []byte { return b[:len(b)-1] }), "the invite: "},
		"re-signed": {changed(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), "signature does not fit"},
		"renamed":   {strings.ReplaceAll(string(good), "INVITE", "REQUEST"), "another kind of file"},
		"newer":     {changed(func(b []byte) []byte { b[6]++; return b }), "newer version"},
	} {
		code, out, errs := sotto(t, "join", secretFile(t, row.file), "--state", dir)
		checkRefusal(t, row.says, []string{name}, code, out, errs)
	}
	invite := secretFile(t, string(good))
	for says, off := range map[string]time.Duration{"expired": 8 * 24 * time.Hour, "in the future": -5 * time.Hour} {
		args := []string{"join", invite, "--state", dir}
		code, out, errs := sottoAt(t, func() time.Time { return time.Now().Add(off) }, args...)
		checkRefusal(t, says, args, code, out, errs)
	}
	refused(t, "longer than", "join", secretFile(t, strings.Repeat("x", document.MaxFile+1)), "--state", dir)
	if left := contents(t, filepath.Dir(dir)); len(left) > 0 {
		t.Errorf("refused invites left %q behind", left)
	}
}

func TestRefusedJoinLeavesNothing(t *testing.T) {
	authority := served(t)
	withdrawn := inviteFile(t, authority, "sip:alice@example.org")
	must(t, "authority", "invite", "--withdraw", "--state", authority, "sip:alice@example.org")
	dir := filepath.Join(t.TempDir(), "state")
	refused(t, "does not know this invite", "join", withdrawn, "--state", dir)
	if left := contents(t, filepath.Dir(dir)); len(left) > 0 {
		t.Errorf("a refused join left %q behind", left)
	}

	// Somebody's own directory stays, and what was in it.
	if err := os.Mkdir(dir, stateMode); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "does not know this invite", "join", withdrawn, "--state", dir)
	if left := contents(t, dir); !slices.Equal(left, []string{"/notes"}) {
		t.Errorf("a refused join left %q", left)
	}
}

func TestSecondInviteDoesNotTakeOverABegunState(t *testing.T) {
	authority := authorityState(t, "")
	dir, request := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "request")
	must(t, "join", inviteFile(t, authority, "sip:alice@example.org"), "--state", dir, "--request", request)
	before := contents(t, dir)
	refused(t, "another invite", "join", inviteFile(t, authority, "sip:bob@example.org"), "--state", dir, "--request", request)
	if after := contents(t, dir); !slices.Equal(before, after) {
		t.Errorf("the refused invite changed %q to %q", before, after)
	}
}

func TestJoinIsCalledRightly(t *testing.T) {
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"INVITE", "--role", "relay"}, "a relay needs --announce"},
		{[]string{"INVITE", "--role", "king"}, "--role must be"},
		{[]string{"INVITE", "--announce", "203.0.113.7:4433"}, "--announce is for --role relay"},
		{[]string{"INVITE", "--role", "relay", "--announce", "relay.example.org:4433"}, "--announce takes"},
		{[]string{"INVITE", "--role", "relay", "--announce", "203.0.113.7:1,203.0.113.8:1"}, "--announce takes"},
		{[]string{"INVITE", "--listen", "nowhere"}, "--listen must be"},
		{nil, "INVITE is missing"},
		{[]string{"INVITE", "--response", "FILE"}, "too many arguments"},
	} {
		code, _, errs := sotto(t, append([]string{"join"}, row.args...)...)
		if code != exitUsage || !strings.Contains(errs, row.says) {
			t.Errorf("%q: exit %d and %q", row.args, code, errs)
		}
	}
}

func TestSocketFitsWhatIsAnnounced(t *testing.T) {
	for announce, want := range map[string]string{
		"203.0.113.7:5000":                    "0.0.0.0:5000",
		"[2001:db8::7]:5000":                  "[::]:5000",
		"203.0.113.7:5000,[2001:db8::7]:5000": "[::]:5000",
		"127.0.0.1:5000":                      "127.0.0.1:5000",
	} {
		if c, err := joinConfig("relay", announce, ""); err != nil || c.listen.String() != want {
			t.Errorf("%s: listens at %s, want %s: %v", announce, c.listen, want, err)
		}
	}
	if c, err := joinConfig("anonymous", "", ""); err != nil || c.listen.Port() != 0 {
		t.Errorf("a node that nobody dials has a port of its own: %v", err)
	}
}

func TestIdentityComesBackFromItsBackup(t *testing.T) {
	authority := served(t)
	dir := filepath.Join(t.TempDir(), "state")
	must(t, "join", inviteFile(t, authority, "sip:relay@example.org"), "--state", dir, "--role", "relay", "--announce", "127.0.0.1:4433")
	pass, backup := secretFile(t, "a passphrase of some length\n"), filepath.Join(t.TempDir(), "backup")
	must(t, "identity", "backup", "--passphrase-file", pass, "--out", backup, "--state", dir)
	place := filepath.Join(t.TempDir(), "restored")
	refused(t, "passphrase is wrong", "identity", "restore", backup, "--passphrase-file", secretFile(t, "another passphrase"), "--state", place)
	if _, err := os.Lstat(filepath.Join(place, identityName)); err == nil {
		t.Error("a refused restore left an identity behind")
	}
	must(t, "identity", "restore", backup, "--passphrase-file", pass, "--state", place)
	refused(t, "already something", "identity", "restore", backup, "--passphrase-file", pass, "--state", place)
	refused(t, "`sotto join` writes one", "status", "--state", place)
	c, err := loadConfig(dir)
	if err == nil {
		err = saveConfig(place, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	if was, is := statusOf(t, dir), statusOf(t, place); was.NodeID != is.NodeID || was.Name != is.Name {
		t.Error("another identity came back")
	}
}

func TestUnusableStateSaysWhatToDo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has access lists instead of mode bits")
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, command := range [][]string{{"up"}, {"status"}, {"identity", "renew"}} {
		refused(t, "sotto join INVITE", append(command, "--state", none)...)
	}
	authority := authorityState(t, "")
	dir, request := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "request")
	must(t, "join", inviteFile(t, authority, "sip:alice@example.org"), "--state", dir, "--request", request)
	db := filepath.Join(dir, identityName, "state.db")
	for _, row := range []struct {
		path  string
		wrong os.FileMode
		right os.FileMode
		says  string
	}{
		{dir, 0o755, 0o700, "chmod 700"},
		{filepath.Join(dir, identityName), 0o750, 0o700, "chmod 700"},
		{db, 0o644, 0o600, "chmod 600"},
	} {
		if err := os.Chmod(row.path, row.wrong); err != nil {
			t.Fatal(err)
		}
		refused(t, row.says, "up", "--state", dir)
		if err := os.Chmod(row.path, row.right); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(db, 5000); err != nil {
		t.Fatal(err)
	}
	refused(t, "damaged", "up", "--state", dir)
}
