// The life of an identity: months with an authority, a month without, changes of keys, seeds, over a real socket.

package enroll_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/visit"
	"sotto/overlay/peer"
)

// oneDay lets a day pass for both sides.
func oneDay(t *testing.T, a *authority.Authority, id *identity.Identity) {
	t.Helper()
	time.Sleep(24 * time.Hour)
	if _, err := a.Maintain(time.Now()); err != nil {
		t.Fatal(err)
	}
	want, err := id.Due(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := enroll.Visit(context.Background(), id, want, direct{a}); err != nil {
		t.Fatal(err)
	}
}

func TestMonthsPassWithoutAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		id := join(t, a, "sip:alice@example.org", enroll.Relay, authority.InviteOptions{})
		for day := range 64 {
			oneDay(t, a, id)
			o, err := id.Document()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.BlindKey(1); err == nil {
				err := enroll.Visit(context.Background(), id, identity.Want{Admit: true, AdmitEpoch: 1}, direct{a})
				if err != nil && !errors.Is(err, identity.ErrNone) {
					t.Fatalf("day %d: %v", day, err)
				}
			}
			warnings, err := id.Warnings(time.Now(), true)
			if err != nil || len(warnings) > 0 {
				t.Fatalf("day %d: %v, %v", day, warnings, err)
			}
			_, cert, err := id.User()
			if err != nil {
				t.Fatal(err)
			}
			if err := o.VerifyUser(cert, time.Now()); err != nil {
				t.Fatalf("day %d: %v", day, err)
			}
			until, err := id.SlotsUntil(time.Now())
			if err != nil || time.Until(until) < 72*time.Hour {
				t.Fatalf("day %d: slots for %v only, %v", day, time.Until(until), err)
			}
		}
		people, err := a.People(time.Now())
		if err != nil || len(people) != 1 || people[0].Admissions != 1 {
			t.Errorf("%v: asked again, an admission was counted again", err)
		}
	})
}

func TestWithoutAuthorityTheOwnerIsWarnedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		id := join(t, a, "sip:alice@example.org", enroll.Relay, authority.InviteOptions{})
		if err := enroll.Visit(context.Background(), id, identity.Want{Slots: true}, direct{a}); err != nil {
			t.Fatal(err)
		}
		first := map[identity.WarningKind]int{}
		for day := 1; day <= 61; day++ {
			time.Sleep(24 * time.Hour)
			warnings, err := id.Warnings(time.Now(), true)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range warnings {
				if _, seen := first[w.Kind]; !seen {
					first[w.Kind] = day
				}
			}
		}
		for kind, want := range map[identity.WarningKind]int{identity.SlotsEnding: 3, identity.NoSlots: 4, identity.CertEnding: 20,
			identity.DocumentEnding: 21, identity.CertEnded: 31, identity.DocumentEnded: 31, identity.NextAdmission: 54, identity.NoAdmission: 60} {
			if got := first[kind]; got != want && got != want-1 && got != want+1 {
				t.Errorf("%v: first on day %d, want %d", kind, got, want)
			}
		}
	})
}

func TestChangeOfKeysIsFinishedAfterALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		id := join(t, a, "sip:alice@example.org", enroll.Anonymous, authority.InviteOptions{})
		before, _, err := id.User()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
		q, err := id.Request(time.Now(), identity.Want{NewKey: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Answer(time.Now(), q.Bytes()); err != nil { // and the answer is lost
			t.Fatal(err)
		}
		time.Sleep(72 * time.Hour)
		if _, err := id.Request(time.Now(), identity.Want{Slots: true}); !errors.Is(err, identity.ErrPending) {
			t.Errorf("something else in between: %v", err)
		}
		if err := enroll.Visit(context.Background(), id, identity.Want{NewKey: true}, direct{a}); err != nil {
			t.Fatal(err)
		}
		after, cert, err := id.User()
		if err != nil || cert.Key() != after.Public() || after.Public() == before.Public() {
			t.Errorf("the key was not changed: %v", err)
		}
		changes, err := id.Successions()
		if err != nil || len(changes) != 1 || changes[0].Old() != before.Public() || changes[0].New() != after.Public() {
			t.Errorf("contacts are not told: %v", err)
		}
		if err := enroll.Visit(context.Background(), id, identity.Want{}, direct{a}); err != nil {
			t.Errorf("the new key is not known: %v", err)
		}
	})
}

func TestAnonymousPeerIsAdmittedLaterAndApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		id := join(t, a, "sip:alice@example.org", enroll.Anonymous, authority.InviteOptions{})
		if _, _, err := id.Peer(0); !errors.Is(err, identity.ErrNone) {
			t.Fatalf("admitted at once: %v", err)
		}
		q, err := id.Request(time.Now(), identity.Want{Admit: true})
		if err != nil {
			t.Fatal(err)
		}
		// The answer is lost, a day passes, and other things are asked for; still it is the same blinded message.
		if _, err := a.Answer(time.Now(), q.Bytes()); err != nil {
			t.Fatal(err)
		}
		oneDay(t, a, id)
		again, err := id.Request(time.Now(), identity.Want{Admit: true})
		if err != nil || again.Ask.Blinded != q.Ask.Blinded {
			t.Errorf("blinded anew, which costs a second admission: %v", err)
		}
		if err := enroll.Visit(context.Background(), id, identity.Want{Admit: true}, direct{a}); err != nil {
			t.Fatal(err)
		}
		o, err := id.Document()
		if err != nil {
			t.Fatal(err)
		}
		_, static, err := id.Peer(0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Admit(static, o.ID(), o); err != nil {
			t.Error(err)
		}
	})
}

func TestAuthorityThatSignsWithAnotherBlindKeyIsFoundOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		id := join(t, a, "sip:alice@example.org", enroll.Anonymous, authority.InviteOptions{})
		o, err := id.Document()
		if err != nil {
			t.Fatal(err)
		}
		named, err := o.BlindKey(0)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range blindKeys() {
			if k.Public().Equal(named) {
				continue
			}
			m, f, err := named.Blind(rand.Reader, []byte("m"))
			if err != nil {
				t.Fatal(err)
			}
			given, err := k.Sign(m)
			if err != nil {
				continue // above that modulus
			}
			if _, err := named.Unblind(f, []byte("m"), given); err == nil {
				t.Error("a marked signature is taken for a good one")
			}
		}
	})
}

func TestOneDescriptorAPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		id := join(t, a, "sip:relay@example.org", enroll.Relay, authority.InviteOptions{})
		pair := daily(t, id, 0, 4433)
		if err := id.KeepDaily(pair.Daily); err != nil {
			t.Errorf("the same again: %v", err)
		}
		key, static, err := id.Peer(0)
		if err != nil {
			t.Fatal(err)
		}
		fields := pair.Daily.Fields()
		fields.Capacity++
		second, err := peer.SignDaily(static, fields, key)
		if err != nil {
			t.Fatal(err)
		}
		if err := id.KeepDaily(second); !errors.Is(err, identity.ErrSecondDaily) {
			t.Errorf("a second one: %v", err)
		}
		for period := uint32(1); period < 5; period++ {
			daily(t, id, period, 4433)
		}
		if _, err := id.Daily(1); !errors.Is(err, identity.ErrNone) {
			t.Errorf("old ones are kept: %v", err)
		}
		if d, err := id.Daily(4); err != nil || d.Period() != 4 {
			t.Errorf("the newest is not: %v", err)
		}
	})
}

func TestOnlyInvitedSeedsAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, authority.Config{})
		plain := join(t, a, "sip:plain@example.org", enroll.Relay, authority.InviteOptions{})
		pair := daily(t, plain, 0, 4433)
		err := enroll.Visit(context.Background(), plain, identity.Want{Seed: pair}, direct{a})
		if !errors.Is(err, document.RefusedSeed) {
			t.Errorf("not invited as a seed: %v", err)
		}
		seed := join(t, a, "sip:seed@example.org", enroll.Relay, authority.InviteOptions{Seed: true})
		if may, err := seed.MaySeed(); err != nil || !may {
			t.Errorf("the invite's flag is lost: %v", err)
		}
		own := daily(t, seed, 0, 4434)
		for range 2 {
			if err := enroll.Visit(context.Background(), seed, identity.Want{Seed: own}, direct{a}); err != nil {
				t.Fatal(err)
			}
		}
		o, err := seed.Document()
		if err != nil || len(o.Seeds()) != 1 || o.Version() == 0 {
			t.Fatalf("%d seeds: %v", len(o.Seeds()), err)
		}
		if d, err := o.Descriptor(o.Seeds()[0]); err != nil || d.NodeID() != own.NodeID() {
			t.Errorf("the seed does not verify: %v", err)
		}
		time.Sleep(63 * 24 * time.Hour)
		if err := a.Resume(time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Maintain(time.Now()); err != nil {
			t.Fatal(err)
		}
		if o, err = a.Document(); err != nil || len(o.Seeds()) != 0 {
			t.Errorf("%d seeds of an ended key epoch: %v", len(o.Seeds()), err)
		}
	})
}

func TestOperatorListsAndUnlistsASeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, other := newAuthority(t, authority.Config{}), newAuthority(t, authority.Config{})
		own := daily(t, join(t, a, "sip:relay@example.org", enroll.Relay, authority.InviteOptions{}), 0, 4433)
		foreign := daily(t, join(t, other, "sip:relay@example.org", enroll.Relay, authority.InviteOptions{}), 0, 4433)
		if err := a.AddSeed(time.Now(), foreign); !errors.Is(err, document.ErrForeign) {
			t.Errorf("another overlay's relay: %v", err)
		}
		if err := a.AddSeed(time.Now(), own); err != nil {
			t.Fatal(err)
		}
		if o, err := a.Document(); err != nil || len(o.Seeds()) != 1 {
			t.Errorf("not listed: %v", err)
		}
		if err := a.RemoveSeed(time.Now(), own.NodeID()); err != nil {
			t.Fatal(err)
		}
		if o, err := a.Document(); err != nil || len(o.Seeds()) != 0 {
			t.Errorf("still listed: %v", err)
		}
		if err := a.RemoveSeed(time.Now(), own.NodeID()); !errors.Is(err, authority.ErrUnknown) {
			t.Errorf("unlisted twice: %v", err)
		}
		time.Sleep(72 * time.Hour)
		if err := a.AddSeed(time.Now(), own); !errors.Is(err, authority.ErrLate) {
			t.Errorf("with an address of three days ago: %v", err)
		}
	})
}

// The one test with a real socket: everything else is the same bytes.
func TestJoinOverARealSocket(t *testing.T) {
	a := newAuthority(t, authority.Config{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetService(time.Now(), listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	cert, err := a.TLS()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- visit.NewService(a.Handle, cert).Run(ctx, listener) }()
	i := invite(t, a, "sip:alice@example.org", authority.InviteOptions{})
	client, err := visit.NewClient(i.Overlay.Service(), nil)
	if err != nil {
		t.Fatal(err)
	}
	id, err := enroll.Join(ctx, filepath.Join(t.TempDir(), "state"), i, enroll.Relay, client)
	if err != nil {
		t.Fatal(err)
	}
	defer id.Close()
	if _, _, err := id.Peer(0); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
