package lab

// Users of a world ask, listen and call, and only those see what they should.

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/onion/path"
	"sotto/onion/request"
)

// newPeople is a world of relays with two users.
func newPeople(t *testing.T, bare bool, relays int) (*World, [2]*User) {
	t.Helper()
	w, err := NewWorld(WorldConfig{
		Config: Config{Seed: 21, Link: simnet.Link{Latency: 40 * time.Millisecond}}, Bare: bare, Relays: relays,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Meet()
	var users [2]*User
	for i := range users {
		users[i], err = w.NewUser(UserConfig{Name: fmt.Sprintf("user %d", i+1), Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)})})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Run(10 * time.Second)
	return w, users
}

// stranger is a relay that is no guard of a user.
func stranger(w *World, u *User) *Relay {
	for _, r := range w.Relays() {
		if ever, _ := u.GuardsNamed(); !ever[r.ID()] {
			return r
		}
	}
	return nil
}

func TestUsersAskListenAndCall(t *testing.T) {
	for _, bare := range []bool{false, true} {
		w, u := newPeople(t, bare, 12)
		w.Plant(PlantText("question", "a canary in the question"))
		w.Plant(PlantText("words", "a canary among the words"))
		far := stranger(w, u[0])
		reply := u[0].Ask(far, path.Lookups, request.Echo, []byte("a canary in the question"))
		w.Run(2 * time.Second)
		if !reply.Done || reply.Err != nil || string(reply.Answer) != "a canary in the question" {
			t.Fatalf("bare %t: %v %v %q", bare, reply.Done, reply.Err, reply.Answer)
		}
		standing, err := u[1].Listen()
		if err != nil {
			t.Fatal(err)
		}
		w.Run(5 * time.Second)
		if !standing.Up {
			t.Fatalf("bare %t: no lease stands: %v", bare, u[1].Status().NoPath)
		}
		talk, err := u[0].Call(standing.Lease, []byte("a canary among the words"))
		if err != nil {
			t.Fatal(err)
		}
		w.Run(5 * time.Second)
		if u[0].Heard.Accepted != 1 || len(u[1].Heard.Messages) != 1 || len(u[1].Heard.Talks) != 1 {
			t.Fatalf("bare %t: accepted %d, heard %d", bare, u[0].Heard.Accepted, len(u[1].Heard.Messages))
		}
		for range 5 {
			if err := u[0].Throw(talk, bytes.Repeat([]byte("v"), 200)); err != nil {
				t.Fatal(err)
			}
			if err := u[1].Say(u[1].Heard.Talks[0], []byte("a canary among the words")); err != nil {
				t.Fatal(err)
			}
			w.Run(time.Second)
		}
		if len(u[1].Heard.Datagrams) != 5 || len(u[0].Heard.Messages) != 5 {
			t.Errorf("bare %t: %d datagrams, %d messages", bare, len(u[1].Heard.Datagrams), len(u[0].Heard.Messages))
		}
		for _, h := range w.All() {
			want := 0
			if h == far.Hands {
				want = h.Saw.Canaries["question"]
			}
			if h.Saw.Canaries["question"] != want || h.Saw.Canaries["words"] != 0 {
				t.Errorf("bare %t: %s read %v", bare, h.Name(), h.Saw.Canaries)
			}
		}
		if far.Saw.Canaries["question"] == 0 || len(w.OnWire()) != 0 {
			t.Errorf("bare %t: the far relay read %v, on the wire %v", bare, far.Saw.Canaries, w.OnWire())
		}
	}
}

// run is every cell that one life of a world gives.
func run(t *testing.T) (sum []byte, cells int) {
	w, u := newPeople(t, true, 12)
	var all bytes.Buffer
	w.Touch(func(p Passing) bool {
		cells++
		all.Write(p.Frame)
		return true
	})
	standing, err := u[1].Listen()
	if err != nil {
		t.Fatal(err)
	}
	w.Run(time.Second)
	u[0].Ask(stranger(w, u[0]), path.Lookups, request.EchoTrain, []byte("?"))
	w.Run(time.Second)
	if _, err := u[0].Call(standing.Lease, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	w.Run(time.Minute)
	return all.Bytes(), cells
}

func TestWorldsOfOneSeedAreEqualCellByCell(t *testing.T) {
	first, n := run(t)
	second, m := run(t)
	if n < 200 || n != m || !bytes.Equal(first, second) {
		t.Errorf("%d cells, and %d the second time; equal: %t", n, m, bytes.Equal(first, second))
	}
}
