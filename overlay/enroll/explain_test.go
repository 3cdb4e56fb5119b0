// Whatever is wrong, the person gets one sentence with what to do next, and nothing that names anybody.

package enroll_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/store"
	"sotto/overlay/peer"
)

// tell checks an error's sentence by a word that must be in it, and that the error itself names nobody.
func tell(t *testing.T, what string, err error, word string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: accepted", what)
		return
	}
	sentence := enroll.Explain(err)
	if !strings.Contains(sentence, word) {
		t.Errorf("%s: %q does not say %q", what, sentence, word)
	}
	for _, text := range []string{sentence, err.Error(), fmt.Sprintf("%+v %#v", err, err)} {
		for _, canary := range []string{"alice", "bob", "example.org", "192.0.2", "127.0.0.1", os.TempDir()} {
			if strings.Contains(text, canary) {
				t.Errorf("%s: %q names somebody", what, text)
			}
		}
	}
}

func TestBadInvitesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, other := newAuthority(t, authority.Config{}), newAuthority(t, authority.Config{})
		good := invite(t, a, "sip:alice@example.org", authority.InviteOptions{})
		text := good.File()
		dir := filepath.Join(t.TempDir(), "state")
		read := func(text []byte) error { _, err := document.ReadInvite(text); return err }
		tell(t, "cut", read(text[:len(text)/2]), "not whole")
		altered := bytes.Clone(text)
		altered[len(altered)/2] ^= 1
		tell(t, "altered", read(altered), "ask for it again")
		tell(t, "a photograph", read([]byte("\xff\xd8\xff\xe0")), "not a file of sotto")
		tell(t, "a response", read(document.Armor(document.FileAnswer, good.Bytes())), "another kind of file")
		resigned := bytes.Clone(good.Bytes())
		resigned[len(resigned)-1] ^= 1
		tell(t, "re-signed", read(document.Armor(document.FileInvite, resigned)), "signature does not fit")

		joinWith := func(i document.Invite, to *authority.Authority) error {
			id, err := enroll.Join(context.Background(), dir, i, enroll.Anonymous, direct{to})
			if err == nil {
				id.Close()
			}
			if _, gone := os.Stat(dir); err != nil && gone == nil {
				t.Error("something is left behind")
			}
			return err
		}
		tell(t, "of a withdrawn code", withdrawn(t, a, good, joinWith), "does not know this invite")
		fresh := invite(t, a, "sip:alice@example.org", authority.InviteOptions{})
		time.Sleep(8 * 24 * time.Hour)
		tell(t, "expired", joinWith(fresh, a), "expired")
		fresh = invite(t, a, "sip:alice@example.org", authority.InviteOptions{})
		if err := joinWith(fresh, a); err != nil {
			t.Fatal(err)
		}
		tell(t, "used here", joinKeeping(dir, fresh, a), "enrolled already")
		tell(t, "another overlay's", joinKeeping(dir, invite(t, other, "sip:alice@example.org", authority.InviteOptions{}), other), "another overlay")
		dir = filepath.Join(t.TempDir(), "second")
		tell(t, "used elsewhere", joinWith(fresh, a), "used before")
		aor, err := document.ParseAoR("sip:alice@example.org")
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Invite(time.Now(), aor, authority.InviteOptions{})
		tell(t, "a second alice", err, "taken")
	})
}

func withdrawn(t *testing.T, a *authority.Authority, i document.Invite, join func(document.Invite, *authority.Authority) error) error {
	if err := a.Withdraw(time.Now(), i.AoR); err != nil {
		t.Fatal(err)
	}
	return join(i, a)
}

func joinKeeping(dir string, i document.Invite, a *authority.Authority) error {
	id, err := enroll.Join(context.Background(), dir, i, enroll.Anonymous, direct{a})
	if err == nil {
		id.Close()
	}
	return err
}

func TestWrongClockIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		time.Sleep(100 * 24 * time.Hour)
		a := newAuthority(t, authority.Config{})
		i := invite(t, a, "sip:alice@example.org", authority.InviteOptions{})
		_, err := identity.Begin(filepath.Join(t.TempDir(), "state"), i, start)
		tell(t, "an invite from the future", err, "check this machine's clock")
		id := join(t, a, "sip:bob@example.org", enroll.Anonymous, authority.InviteOptions{})
		warnings, err := id.Warnings(start, false)
		if err != nil || len(warnings) == 0 || warnings[0].Kind != identity.ClockBehind {
			t.Errorf("warnings %v, %v", warnings, err)
		}
		q, err := id.Request(time.Now().Add(5*time.Hour), identity.Want{})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := a.Answer(time.Now(), q.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		tell(t, "a request from the future", id.Accept(time.Now(), answer), "check this machine's clock")
	})
}

func TestBadResponsesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, other := newAuthority(t, authority.Config{}), newAuthority(t, authority.Config{})
		dir := filepath.Join(t.TempDir(), "state")
		i := invite(t, a, "sip:alice@example.org", authority.InviteOptions{})
		request, err := enroll.JoinByFile(dir, i, enroll.Relay)
		if err != nil {
			t.Fatal(err)
		}
		again, err := enroll.JoinByFile(dir, i, enroll.Relay)
		if err != nil || !bytes.Equal(request, again) {
			t.Errorf("called again, another request: %v", err)
		}
		raw, err := document.ReadRequest(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := a.AnswerFile(time.Now(), request)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := document.ReadAnswer(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.AnswerFile(time.Now(), request[:100])
		tell(t, "a cut request", err, "not whole")
		_, err = other.AnswerFile(time.Now(), request)
		tell(t, "a foreign request", err, "for another overlay")
		foreign, err := other.Answer(time.Now(), raw)
		if err != nil {
			t.Fatal(err)
		}
		finish := func(response []byte) error { _, err := enroll.FinishByFile(dir, response); return err }
		tell(t, "cut", finish(text[:len(text)-40]), "not whole")
		altered := bytes.Clone(text)
		altered[len(altered)/2] ^= 2
		tell(t, "altered", finish(altered), "changed on its way")
		tell(t, "another authority's", finish(foreign.File()), "another overlay")
		resigned := bytes.Clone(answer.Bytes())
		resigned[len(resigned)-1] ^= 1
		tell(t, "re-signed", finish(document.Armor(document.FileAnswer, resigned)), "signature does not fit")
		elsewhere, err := a.Answer(time.Now(), make([]byte, document.RequestLen))
		if err != nil {
			t.Fatal(err)
		}
		tell(t, "to another request", finish(elsewhere.File()), "another request")
		_, err = identity.Open(dir)
		tell(t, "up before the end", err, "not finished")

		id, err := enroll.FinishByFile(dir, text)
		if err != nil {
			t.Fatal(err)
		}
		defer id.Close()
		if _, _, err := id.Peer(0); err != nil {
			t.Errorf("the relay is not admitted: %v", err)
		}
		tell(t, "a second response", id.Accept(time.Now(), answer), "nothing was asked")
		_, err = identity.Open(dir)
		tell(t, "a second process", err, "another sotto is using")
	})
}

func TestBadDocumentsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, other := newAuthority(t, authority.Config{}), newAuthority(t, authority.Config{})
		id := join(t, a, "sip:alice@example.org", enroll.Anonymous, authority.InviteOptions{})
		old, err1 := id.Document()
		foreign, err2 := other.Document()
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if err := a.SetSize(time.Now(), 7); err != nil {
			t.Fatal(err)
		}
		fresh, err := a.Document()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := id.Learn(time.Now(), fresh); err != nil {
			t.Fatal(err)
		}
		_, err = id.Learn(time.Now(), old)
		tell(t, "rolled back", err, "older than the one known")
		_, err = id.Learn(time.Now(), foreign)
		tell(t, "foreign", err, "another overlay")
		tell(t, "expired", fresh.Check(time.Now().Add(40*24*time.Hour)), "expired")
		tell(t, "two of one version", document.ErrEquivocation, "DANGER")
		now, err := id.Document()
		if err != nil || now.Version() != fresh.Version() {
			t.Errorf("a bad document was taken over: %v", err)
		}
	})
}

func TestStateFaultsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		dir := filepath.Join(t.TempDir(), "alice")
		id, err := enroll.Join(context.Background(), dir, invite(t, a, "sip:alice@example.org", authority.InviteOptions{}), enroll.Anonymous, direct{a})
		if err != nil {
			t.Fatal(err)
		}
		backup, err := id.Backup([]byte("correct horse battery"))
		if err != nil {
			t.Fatal(err)
		}
		id.Close()
		_, err = identity.Open(filepath.Join(t.TempDir(), "nothing"))
		tell(t, "nothing there", err, "nothing at that place")
		_, err = authority.Open(dir, options())
		tell(t, "an identity as an authority", err, "another kind of state")
		if err := os.Chmod(filepath.Join(dir, "state.db"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = identity.Open(dir)
		tell(t, "readable by others", err, "chmod 600")
		_, err = identity.Restore(dir, backup, []byte("correct horse battery"), time.Now())
		tell(t, "restoring over a state", err, "already something")
		to := filepath.Join(t.TempDir(), "restored")
		_, err = identity.Restore(to, backup, []byte("wrong horse battery"), time.Now())
		tell(t, "wrong passphrase", err, "passphrase is wrong")
		_, err = identity.Restore(to, backup[:100], []byte("correct horse battery"), time.Now())
		tell(t, "a cut backup", err, "not whole")
		id, err = identity.Restore(to, backup, []byte("correct horse battery"), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		defer id.Close()
		tell(t, "signing after a restore", id.KeepDaily(peer.Daily{}), "within two days")
	})
}

// Every error that one of these packages exports has a sentence of its own.
func TestEveryErrorHasASentence(t *testing.T) {
	source, err := os.ReadFile("explain.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^\t?(?:var )?(Err\w+)\s*= errors\.New`)
	for _, dir := range []string{"authority", "document", "identity", "store", "visit"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range declared.FindAllSubmatch(text, -1) {
				if name := dir + "." + string(m[1]); !bytes.Contains(source, []byte("{"+name+",")) {
					t.Errorf("%s has no sentence", name)
				}
			}
		}
	}
	seen := map[string]bool{}
	for r := document.Refusal(1); r <= document.RefusedFault; r++ {
		sentence := enroll.Explain(fmt.Errorf("wrapped: %w", r))
		if seen[sentence] || !strings.Contains(sentence, ":") && !strings.Contains(sentence, ",") {
			t.Errorf("refusal %d: %q", r, sentence)
		}
		seen[sentence] = true
	}
	if errors.Is(store.ErrDisk, document.ErrTruncated) || enroll.Explain(errors.New("x")) == "" {
		t.Error("an unknown error has no sentence")
	}
}
