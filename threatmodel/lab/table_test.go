package lab

// The table of who saw what has what a role needs, and nobody has both ends.

import (
	"slices"
	"testing"
	"time"

	"sotto/onion/path"
	"sotto/onion/request"
)

func TestNobodySawWhoAndWhatTogether(t *testing.T) {
	w, u := newPeople(t, false, 12)
	w.Plant(PlantText("question", "a canary in the question"))
	w.Plant(PlantText("words", "a canary among the words"))
	far := stranger(w, u[0])
	u[0].Ask(far, path.Lookups, request.Echo, []byte("a canary in the question"))
	standing, err := u[1].Listen()
	if err != nil {
		t.Fatal(err)
	}
	w.Run(10 * time.Second)
	if _, err := u[0].Call(standing.Lease, []byte("a canary among the words")); err != nil {
		t.Fatal(err)
	}
	w.Run(10 * time.Second)
	if len(u[1].Heard.Messages) != 1 {
		t.Fatal("the call did not come about")
	}
	guards, askers, leases := 0, 0, 0
	for _, row := range w.Table() {
		if len(row.Addresses) > 0 {
			guards++
		}
		if slices.Contains(row.Addresses, "user 1") && slices.Contains(row.Found, "question") {
			t.Errorf("%s saw both who asked and what", row.Name)
		}
		if slices.Contains(row.Found, "words") {
			t.Errorf("%s read what was said", row.Name)
		}
		if row.Read["request"] > 0 {
			askers++
			if row.Name != far.Name() || !slices.Contains(row.Found, "question") || len(row.Before) == 0 {
				t.Errorf("%s was asked: %+v", row.Name, row)
			}
		}
		if row.Read["sealed cell of a session"] > 0 {
			leases++
			if row.Read["wish to listen"] == 0 || row.Read["opening for a lease"] == 0 {
				t.Errorf("%s passed sessions on: %+v", row.Name, row)
			}
		}
	}
	if guards < 2 || guards > 4 || askers != 1 || leases != 1 {
		t.Errorf("%d guards, %d who were asked, %d relays of leases", guards, askers, leases)
	}
}
