// A node with its identity on disk, as the other side of an authority in tests.

package authority

import (
	"path/filepath"
	"testing"
	"time"

	"sotto/overlay/enroll/identity"
	"sotto/overlay/peer"
)

var pass = []byte("correct horse battery")

// begin makes an invite and the identity that it is for.
func begin(t *testing.T, a *Authority, name string, now time.Time, o InviteOptions) *identity.Identity {
	i, err := a.Invite(now, aorOf(t, name), o)
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Begin(filepath.Join(t.TempDir(), "id"), i, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { id.Close() })
	return id
}

// visitNow asks the authority and takes its answer over.
func visitNow(t *testing.T, a *Authority, id *identity.Identity, want identity.Want, now time.Time) error {
	q, err := id.Request(now, want)
	if err != nil {
		return err
	}
	answer, err := a.Answer(now, q.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return id.Accept(now, answer)
}

// keep signs a descriptor of a period and shows it.
func keep(t *testing.T, id *identity.Identity, period uint32, capacity peer.Capacity) error {
	key, static, err := id.Peer(0)
	if err != nil {
		t.Fatal(err)
	}
	fields := seedAt(t, id, "127.0.0.1:4433").Daily.Fields()
	fields.Period, fields.Capacity = period, capacity
	d, err := peer.SignDaily(static, fields, key)
	if err != nil {
		t.Fatal(err)
	}
	return id.KeepDaily(d)
}
