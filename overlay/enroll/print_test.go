// What is open prints nothing of what it holds (P18).

package enroll_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/identity"
)

func TestOpenThingsPrintNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		var transcripts []authority.Transcript
		o.Observe = func(s authority.Transcript) { transcripts = append(transcripts, s) }
		a := newAuthorityWith(t, authority.Config{Service: "192.0.2.1:8443"}, o)
		id := join(t, a, "sip:alice@example.org", enroll.Relay, authority.InviteOptions{})
		q, err := id.Request(time.Now(), identity.Want{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Handle(time.Now(), "192.0.2.7:999", q.Bytes()); err != nil {
			t.Fatal(err)
		}
		people, err := a.People(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		cert, err := a.TLS()
		if err != nil || len(cert.Certificate) != 1 {
			t.Fatal(err)
		}
		user, _, err := id.User()
		if err != nil {
			t.Fatal(err)
		}
		link, err := id.LinkKey()
		if err != nil {
			t.Fatal(err)
		}
		if err := enroll.Visit(context.Background(), id, identity.Want{Slots: true}, direct{a}); err != nil {
			t.Fatal(err)
		}
		epoch, err := firstEpoch(id)
		if err != nil {
			t.Fatal(err)
		}
		writer, slotCert, err := id.Writer(epoch)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		for _, thing := range []any{a, id, people, people[0], transcripts, transcripts[0], user, link, writer, slotCert, identity.Want{}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
				fmt.Fprintf(&out, verb+"\n", thing)
			}
			if s, ok := thing.(slog.LogValuer); ok {
				log.Debug("m", "thing", s)
			}
		}
		secret := link.Bytes()
		for _, canary := range []string{"alice", "example", "192.0.2", hex.EncodeToString(user.Bytes()), base64.StdEncoding.EncodeToString(user.Bytes()),
			hex.EncodeToString(secret[:]), hex.EncodeToString([]byte("alice"))} {
			if strings.Contains(strings.ToLower(out.String()), strings.ToLower(canary)) {
				t.Errorf("%q is printed", canary)
			}
		}
	})
}
