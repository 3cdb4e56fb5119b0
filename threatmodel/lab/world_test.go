package lab

// A world carries circuits over links and from hand to hand alike, and files what every relay saw.

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/onion/cell"
	"sotto/onion/circuit"
	"sotto/onion/layer"
)

func newTestWorld(t *testing.T, bare bool) (*World, *Bare) {
	t.Helper()
	w, err := NewWorld(WorldConfig{
		Config: Config{Seed: 11, Link: simnet.Link{Latency: 40 * time.Millisecond}}, Bare: bare, Relays: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	u, err := w.NewBare("caller", netip.MustParseAddr("198.51.100.7"))
	if err != nil {
		t.Fatal(err)
	}
	w.Meet()
	u.Link(w.Relays()[0])
	return w, u
}

func TestCircuitsAreMadeOverLinksAndFromHandToHand(t *testing.T) {
	for _, bare := range []bool{true, false} {
		w, u := newTestWorld(t, bare)
		w.Plant(PlantText("message", "a canary for the far relay"))
		r := w.Relays()
		far := 0
		r[2].OnEvent = func(_ time.Time, e *circuit.Event) {
			if e.Kind == circuit.Arrived && e.Message == cell.Request {
				far++
			}
		}
		number, err := u.Build(r[:3]...)
		if err != nil {
			t.Fatal(err)
		}
		begun := w.Now()
		w.Run(245 * time.Millisecond)
		if e := u.Take(); len(e) != 3 || e[2].Kind != circuit.Built || e[2].Hop != 3 {
			t.Fatalf("bare %t: events %d after %v", bare, len(e), w.Now().Sub(begun))
		}
		u.Do(func(now time.Time, o *circuit.Origin) {
			if err := o.Send(now, number, cell.Request, []byte("a canary for the far relay")); err != nil {
				t.Fatal(err)
			}
		})
		w.Run(time.Second)
		if far != 1 || r[2].Saw.Canaries["message"] != 1 || r[2].Saw.Opened != 1 {
			t.Errorf("bare %t: the far relay opened %d messages, of which %d with the canary", bare, r[2].Saw.Opened, r[2].Saw.Canaries["message"])
		}
		for _, n := range []*Hands{r[0].Hands, r[1].Hands, r[3].Hands, u.Hands} {
			if len(n.Saw.Canaries) != 0 || n.Saw.Opened != 0 {
				t.Errorf("bare %t: %s saw what is not for it", bare, n.Name())
			}
		}
		if len(w.OnWire()) != 0 {
			t.Errorf("canaries on the wire: %v", w.OnWire())
		}
		if len(r[1].Saw.Circuits) != 1 {
			t.Fatalf("bare %t: the second relay saw %d circuits", bare, len(r[1].Saw.Circuits))
		}
		for in, p := range r[1].Saw.Circuits {
			if in.Neighbor != r[0].Place() || p.Next.Neighbor != r[2].Place() || p.Forward == 0 || p.Back == 0 {
				t.Errorf("bare %t: the second relay saw a circuit from %d to %d, %d and %d cells", bare, in.Neighbor, p.Next.Neighbor, p.Forward, p.Back)
			}
		}
	}
}

func TestARelayKnowsTheAddressOfItsClientAndTheNextDoesNot(t *testing.T) {
	w, u := newTestWorld(t, false)
	r := w.Relays()
	if _, err := u.Build(r[:3]...); err != nil {
		t.Fatal(err)
	}
	w.Run(time.Second)
	var met []string
	for _, p := range r[0].Saw.Peers {
		met = append(met, p.Name)
	}
	if !slices.Contains(met, "caller") {
		t.Errorf("the guard met %v", met)
	}
	if r[0].Node().Knows.Addresses[u.Node().Addr()] == 0 {
		t.Error("the guard does not know the address of who came")
	}
	for _, n := range r[1:] {
		if n.Node().Knows.Addresses[u.Node().Addr()] != 0 {
			t.Errorf("%s heard from the caller", n.Name())
		}
	}
}

func TestWhoTouchesCellsChangesThem(t *testing.T) {
	w, u := newTestWorld(t, true)
	r := w.Relays()
	number, err := u.Build(r[:3]...)
	if err != nil {
		t.Fatal(err)
	}
	u.Take()
	w.Touch(func(p Passing) bool {
		if p.From == r[0].Hands && p.To == r[1].Hands {
			cell.Body(p.Frame)[100] ^= 1
		}
		return true
	})
	u.Do(func(now time.Time, o *circuit.Origin) { err = o.Send(now, number, cell.Request, nil) })
	if err != nil || r[1].Counters().CellsBad != 1 || r[2].Saw.Opened != 0 {
		t.Errorf("%v; the second relay refused %d cells, the third opened %d", err, r[1].Counters().CellsBad, r[2].Saw.Opened)
	}
}

func TestKeysOfThePeriodBeforeStayGoodForOnePeriod(t *testing.T) {
	w, u := newTestWorld(t, true)
	r := w.Relays()
	old := r[0].Target()
	for period, good := range []bool{true, true, false} {
		if period > 0 {
			if err := w.NextPeriod(); err != nil {
				t.Fatal(err)
			}
		}
		u.Take()
		u.Do(func(now time.Time, o *circuit.Origin) {
			if _, err := o.Build(now, r[0].Place(), []layer.Target{old}); err != nil {
				t.Fatal(err)
			}
		})
		if e := u.Take(); len(e) != 1 || (e[0].Kind == circuit.Built) != good {
			t.Errorf("period %d: %d events", period, len(e))
		}
	}
}
