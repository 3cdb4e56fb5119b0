package onion

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sotto/onion/lease"
	"sotto/onion/path"
	"sotto/onion/request"
	"sotto/onion/session"
)

// leaseSpec is a lease as users have it.
var leaseSpec = lease.Spec{Kind: lease.ShortLived, Lifetime: time.Hour, Overlap: 10 * time.Minute}

// listens begins a lease of a node and waits until it stands.
func (n *shellNode) listens() Callee {
	n.lab.t.Helper()
	stands := make(chan Lease, 1)
	_, err := n.Listen(ListenConfig{Spec: leaseSpec, Purpose: path.UserLeases, Stands: func(l Lease) {
		select {
		case stands <- l:
		default:
		}
	}})
	n.lab.must(err)
	ctx, cancel := context.WithTimeout(n.lab.t.Context(), 20*time.Second)
	defer cancel()
	select {
	case l := <-stands:
		callee, err := CalleeOf(l)
		n.lab.must(err)
		return callee
	case <-ctx.Done():
		n.lab.t.Fatal("no lease stands")
	}
	return Callee{}
}

// until receives events up to one of a kind.
func (l *shellLab) until(s *Session, kind session.Kind) session.Event {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	for {
		ev, err := s.Receive(ctx)
		l.must(err)
		if ev.Kind == kind {
			return ev
		}
	}
}

func TestNodesAskAndTalkThroughRelays(t *testing.T) {
	inShellLab(t, 12, func(l *shellLab) {
		alice, bob := l.user(), l.user()
		l.start(l.relays...)
		l.start(alice, bob)
		alice.ready()
		bob.ready()

		answer, err := alice.Ask(l.t.Context(), Question{
			Peer: l.relays[7].id(), Purpose: path.Lookups, Service: request.Echo, Content: []byte("who is there"),
		})
		if err != nil || string(answer) != "who is there" {
			l.t.Fatalf("the answer is %q, %v", answer, err)
		}

		call, err := alice.Dial(Call{Pair: session.PairOf([32]byte{1}), Callees: []Callee{bob.listens()}, First: []byte("hello")})
		l.must(err)
		called, err := bob.Accept(l.t.Context())
		l.must(err)
		l.must(called.Accept())
		l.until(call, session.Accepted)
		for i := range 50 {
			l.must(call.SendMessage(fmt.Appendf(nil, "line %d", i)))
			l.must(call.SendDatagram(1, []byte("sound")))
			time.Sleep(20 * time.Millisecond)
		}
		l.must(called.SendMessage([]byte("and back")))
		lines, sounds := 0, 0
		for lines+sounds < 101 { // "hello" is one
			ctx, cancel := context.WithTimeout(l.t.Context(), 5*time.Second)
			ev, err := called.Receive(ctx)
			cancel()
			if err != nil {
				l.t.Fatalf("after %d lines and %d sounds: %v", lines, sounds, err)
			}
			switch ev.Kind {
			case session.Message:
				lines++
			case session.Datagram:
				sounds++
			}
		}
		if b := l.until(call, session.Message).Bytes; string(b) != "and back" {
			l.t.Errorf("alice got %q", b)
		}
		call.Close()
		for {
			if _, err := called.Receive(l.t.Context()); err != nil {
				if !errors.Is(err, session.ErrClosed) {
					l.t.Errorf("bob's session ended with %v", err)
				}
				break
			}
		}
	})
}

func TestSeedThatBecomesAGuardIsUsed(t *testing.T) {
	inShellLab(t, 3, func(l *shellLab) {
		l.start(l.relays...)
		users := []*shellNode{l.user(), l.user(), l.user(), l.user()}
		l.start(users...)
		for _, u := range users {
			l.within(10*time.Second, "stems through seeds that were linked before they were chosen", func() bool {
				return u.Circuits().Client.Stems[path.Lookups] == 2
			})
		}
	})
}

func TestGuardsThatCannotBeKeptAreNotUsedUntilTheyCan(t *testing.T) {
	inShellLab(t, 4, func(l *shellLab) {
		l.start(l.relays...)
		u := l.user()
		u.keeper.set(errors.New("the disk is full"))
		l.start(u)
		time.Sleep(5 * time.Second)
		_, err := u.Ask(l.t.Context(), Question{Peer: l.relays[3].id(), Service: request.Echo})
		if !errors.Is(err, path.ErrNoPath) || !errors.Is(err, path.ErrNotKept) || !errors.Is(u.Circuits().Client.NoPath, path.ErrNotKept) {
			l.t.Errorf("with a full disk the answer is %v", err)
		}
		u.keeper.set(nil)
		l.within(5*time.Second, "a path when there is room", func() bool {
			_, err := u.Ask(l.t.Context(), Question{Peer: l.relays[3].id(), Service: request.Echo, Limit: time.Second})
			return err == nil
		})
	})
}

func TestNodeWithoutASeedSaysSoAndRests(t *testing.T) {
	inShellLab(t, 4, func(l *shellLab) {
		u := l.user()
		l.start(u)
		time.Sleep(time.Hour) // a loop without a pause would not let the time go by
		if _, err := u.Ask(l.t.Context(), Question{Peer: l.relays[3].id(), Service: request.Echo}); !errors.Is(err, path.ErrNoPath) {
			l.t.Errorf("the answer is %v", err)
		}
		l.start(l.relays...)
		l.within(15*time.Minute, "a path when seeds are back", func() bool { return u.Circuits().Client.Stems[path.Lookups] == 2 })
	})
}

func TestRelayThatWasKilledRefusesWhatItMayHaveAnsweredBefore(t *testing.T) {
	inShellLab(t, 4, func(l *shellLab) {
		l.start(l.relays...)
		u := l.user()
		l.start(u)
		far := l.relays[1]
		question := Question{Peer: far.id(), Service: request.Echo, Limit: 3 * time.Second}
		l.within(10*time.Second, "an answer", func() bool { _, err := u.Ask(l.t.Context(), question); return err == nil })
		far.stop()
		again := *far.cfg.Overlay.Identity
		again.FreshLink = false
		far.cfg.Overlay.Identity = &again
		l.start(far)
		l.within(5*time.Second, "the relay is linked again", func() bool { return far.Status().Links.Links == 3 })
		if _, err := u.Ask(l.t.Context(), question); err == nil {
			l.t.Error("it answers a create of the time before its start")
		}
		time.Sleep(10 * time.Minute)
		l.within(10*time.Second, "an answer, ten minutes later", func() bool { _, err := u.Ask(l.t.Context(), question); return err == nil })
	})
}

func TestPathsGoOnInTheNextPeriods(t *testing.T) {
	inShellLab(t, 6, func(l *shellLab) {
		l.start(l.relays...)
		alice, bob := l.user(), l.user()
		l.start(alice, bob)
		for period := range 3 {
			alice.ready()
			bob.ready()
			if d, _ := alice.PathDirectory(); d.Len() != 6 {
				l.t.Fatalf("on period %d the directory has %d relays", period, d.Len())
			}
			for _, r := range l.relays {
				question := Question{Peer: r.id(), Service: request.Echo}
				if _, err := alice.Ask(l.t.Context(), question); err != nil && !errors.Is(err, path.ErrNoPath) { // a guard is no far node
					l.t.Errorf("on period %d: %v", period, err)
				}
			}
			call, err := alice.Dial(Call{Pair: session.PairOf([32]byte{byte(period)}), Callees: []Callee{bob.listens()}})
			l.must(err)
			called, err := bob.Accept(l.t.Context())
			l.must(err)
			l.must(called.Accept())
			l.until(call, session.Accepted)
			call.Close()
			time.Sleep(2 * time.Hour)
		}
	})
}

func TestWhoeverWaitsIsToldThatTheNodeHasEnded(t *testing.T) {
	inShellLab(t, 4, func(l *shellLab) {
		l.start(l.relays...)
		alice, bob := l.user(), l.user()
		l.start(alice, bob)
		callee := bob.listens()
		call, err := alice.Dial(Call{Pair: session.PairOf([32]byte{1}), Callees: []Callee{callee}})
		l.must(err)
		ends := make(chan error, 4)
		for range 2 { // of one session, too
			go func() {
				for {
					if _, err := call.Receive(l.t.Context()); err != nil {
						ends <- err
						return
					}
				}
			}()
		}
		go func() { _, err := alice.Accept(l.t.Context()); ends <- err }()
		for _, r := range l.relays {
			r.stop()
		}
		go func() {
			_, err := alice.Ask(l.t.Context(), Question{Peer: l.relays[0].id(), Service: request.Echo})
			ends <- err
		}()
		time.Sleep(10 * time.Millisecond)
		alice.stop()
		for range 4 {
			if err := <-ends; !errors.Is(err, ErrStopped) && !errors.Is(err, path.ErrNoPath) {
				l.t.Errorf("it ended with %v", err)
			}
		}
		if _, err := alice.Dial(Call{Callees: []Callee{callee}}); !errors.Is(err, ErrStopped) {
			l.t.Errorf("afterwards a call gives %v", err)
		}
	})
}
