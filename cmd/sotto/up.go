// The command `sotto up`: run the node of a state directory until it is told to end.

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"sotto/noise"
	"sotto/onion"
	"sotto/overlay"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/store"
	"sotto/overlay/enroll/visit"
)

// upRun is a node in operation, and what is around it.
type upRun struct {
	e   *env
	m   *member
	log *slog.Logger

	kicked chan struct{} // the enrolment is to be looked at now
	linked chan struct{} // the node has a directory

	mu      sync.Mutex
	node    *onion.Node // nil between two nodes
	restart func()
	warned  string // by warnOnce, last
}

func runUp(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, as := flags.String("state", "", ""), flags.String("role", "", "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	dir, err := e.stateDir(*state)
	if err != nil {
		return err
	}
	if err := checkState(dir); err != nil {
		return err
	}
	release, err := lockState(dir)
	if err != nil {
		return err
	}
	defer release()
	var m *member
	err = patiently(ctx, func() (err error) { m, err = e.openMember(dir); return err })
	if errors.Is(err, store.ErrInUse) {
		return errStateInUse
	}
	if err != nil {
		return err
	}
	defer m.id.Close()
	if *as != "" {
		if err := setRole(&m.c, *as); err != nil {
			return usagef("--role %s", err)
		}
	}
	if err := m.c.check(); err != nil {
		return err
	}
	u := &upRun{e: e, m: m, log: newLogger(e.stderr, m.c.logLevel), kicked: make(chan struct{}, 1), linked: make(chan struct{}, 1)}
	if err := u.prepare(ctx); err != nil {
		return err
	}
	control, err := listenControl(dir)
	if err != nil {
		return err
	}
	return u.run(ctx, control)
}

// prepare refuses to start where the state says that it cannot work.
func (u *upRun) prepare(ctx context.Context) error {
	now := u.m.now()
	if err := u.m.checkClock(now); err != nil {
		return err
	}
	if !noise.HardwareAES() {
		u.warn("this processor has no instructions for AES; the node works, at a fraction of the speed")
	}
	o, err := u.m.id.Document()
	if err != nil {
		return aboutIdentity(err)
	}
	ended := errors.Is(o.Check(now), document.ErrExpired)
	if u.m.c.role != roleRelay {
		if ended {
			return endedDocument(o, now)
		}
		_, _, err := guardStore{u.m.dir}.load()
		return err
	}
	ask, _, err := u.m.admission(o, now)
	if err != nil {
		return aboutIdentity(err)
	}
	if _, err := u.m.nodeIdentity(o); err == nil && !ended {
		return u.m.see()
	} else if err != nil && !errors.Is(err, identity.ErrNone) {
		return aboutIdentity(err)
	}
	want, err := u.m.renewal(false)
	if err != nil {
		return aboutIdentity(err)
	}
	u.say("asking the authority, directly, before the relay can start")
	switch err := u.visit(ctx, want, false); {
	case errors.Is(err, visit.ErrClock):
		return errClock(now)
	case err != nil && ended:
		return endedDocument(o, now)
	case err != nil && ask:
		return fmt.Errorf("this relay is not admitted in this key epoch: %w", aboutIdentity(err))
	case err != nil:
		return aboutIdentity(err)
	}
	if o, err = u.m.id.Document(); err != nil {
		return aboutIdentity(err)
	}
	if errors.Is(o.Check(now), document.ErrExpired) {
		return endedDocument(o, now) // the authority has no other one: by its own clock this one is good
	}
	return u.m.see()
}

func endedDocument(o document.Overlay, now time.Time) error {
	return fmt.Errorf("the overlay document ended on %s, and the clock of this machine shows %s; set the clock if it is ahead, else get a newer document "+
		"with `sotto identity renew`", day(o.Contents().Until), day(now))
}

// run runs node, renewals and the control socket until ctx ends or the node cannot go on.
func (u *upRun) run(ctx context.Context, control net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	u.m.alive = u.live
	var work sync.WaitGroup
	faults := make(chan error, 2)
	work.Go(func() { serveControl(ctx, u.m.dir, control, u.m.answerWish) })
	work.Go(func() { u.watchSilence(ctx) })
	work.Go(func() { u.remember(ctx) })
	work.Go(func() { faults <- u.keep(ctx); cancel() })
	u.say("looking for seeds")
	err := u.runNode(ctx)
	cancel()
	work.Wait()
	if fault := <-faults; err == nil {
		err = fault
	}
	_ = u.m.see()
	return err
}

// changed is told of every change of the node's state.
func (u *upRun) changed(s overlay.State) {
	switch s {
	case overlay.Seeds:
		u.say("no link left; looking for seeds")
	case overlay.Directory:
		u.say("linked to a first relay; getting the directory")
	case overlay.Linked:
		u.say("linked")
		poke(u.linked)
	}
}

// take notes which node runs, for whoever asks.
func (u *upRun) take(node *onion.Node, restart func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.node, u.restart = node, restart
}

// current is the node that runs, or nil.
func (u *upRun) current() *onion.Node {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.node
}

// kick makes the enrolment be looked at now.
func (u *upRun) kick() { poke(u.kicked) }

// poke leaves word in a channel with room for one, unless there is word already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// say tells a person how far it is.
func (u *upRun) say(text string) { u.e.progress("%s", text) }

// warn says what needs somebody: to a person on a terminal, else to the log.
func (u *upRun) warn(text string) {
	if u.e.terminal {
		u.e.progress("warning: %s", text)
		return
	}
	u.log.Warn(text)
}

// warnOnce warns unless it was the last thing that it warned of.
func (u *upRun) warnOnce(text string) {
	u.mu.Lock()
	again := u.warned == text
	u.warned = text
	u.mu.Unlock()
	if !again {
		u.warn(text)
	}
}
