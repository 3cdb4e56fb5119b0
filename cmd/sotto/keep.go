// What a running node does about its enrolment: renewals of a relay through visits to the authority, warnings before
// something ends, and the newest overlay document for the node.

package main

import (
	"context"
	"errors"
	"reflect"
	"time"

	"sotto/overlay"
	"sotto/overlay/enroll"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/visit"
	"sotto/overlay/peer"
)

// When a node looks after its enrolment. Sources: ours. A failed visit of a relay that needs something is repeated with
// growing pauses; an authority that is off for days hears from each relay once an hour.
const (
	keepMost    = time.Hour
	keepFirst   = time.Second
	warnEvery   = 24 * time.Hour
	silentAfter = 30 * time.Second
	// warnPatience is the pause between visits from which on their failure is no hiccup.
	warnPatience = 8 * time.Second
	// startPatience is how long the first look waits for the node's descriptor, which a seed sends along.
	startPatience = 2 * time.Second
)

// rhythm is how often what is due is looked for: hourly with periods of a day, and as often in proportion with shorter
// ones, as a lab has them.
func rhythm(o document.Overlay) time.Duration {
	return max(keepFirst, min(o.Contents().Founding.Period/24, keepMost))
}

// keep looks after the enrolment until ctx ends. It returns a sentence if the node must not go on.
func (u *upRun) keep(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-u.kicked:
	case <-time.After(startPatience):
	}
	o, err := u.m.id.Document()
	if err != nil {
		return aboutIdentity(err)
	}
	every := rhythm(o)
	var warned time.Time
	pause := keepFirst
	for asked := false; ctx.Err() == nil; {
		settled, err := u.look(ctx, &asked)
		if err != nil {
			return err
		}
		next := pause
		if settled {
			next, pause = every, keepFirst
		} else {
			pause = min(2*pause, every)
		}
		// A warning makes sense once visits have had a chance to mend its cause.
		if now := u.m.now(); now.Sub(warned) >= warnEvery && (settled || next >= warnPatience) {
			warned = now
			u.warnings(now)
		}
		_ = u.m.see()
		select {
		case <-ctx.Done():
		case <-u.kicked:
		case <-time.After(next):
		}
	}
	return nil
}

// look asks the authority, for a relay, if there is something to ask for, and once in any case: its answer has the time.
// settled says that there was nothing. What was got may be what the next thing needs, and what was not is asked for again.
func (u *upRun) look(ctx context.Context, asked *bool) (settled bool, err error) {
	if u.m.c.role != roleRelay {
		return true, nil
	}
	want, err := u.m.renewal(false)
	if err != nil {
		return false, aboutIdentity(err)
	}
	due := !reflect.DeepEqual(want, identity.Want{})
	if !due && *asked && !u.alone() {
		return true, nil
	}
	err = u.visit(ctx, want, due)
	if errors.Is(err, visit.ErrClock) {
		return false, errClock(u.m.now())
	}
	*asked = *asked || err == nil
	return err == nil && !due && !u.alone(), nil
}

// alone reports whether the node has no link and the document no seed to dial: then only a newer document helps.
func (u *upRun) alone() bool {
	node := u.current()
	if node == nil || node.Status().State != overlay.Seeds {
		return false
	}
	return !u.hasOtherSeeds()
}

// hasOtherSeeds reports whether the document names a seed besides this node.
func (u *upRun) hasOtherSeeds() bool {
	o, err := u.m.id.Document()
	if err != nil {
		return false
	}
	_, own, err := u.m.id.Peer(enroll.KeyEpoch(o, u.m.now()))
	for _, s := range o.Seeds() {
		if err != nil || s.NodeID() != own.NodeID() {
			return true
		}
	}
	return false
}

// visit goes to the authority and gives the node what came of it. due says that something is missing, so that a failure
// is worth a warning.
func (u *upRun) visit(ctx context.Context, want identity.Want, due bool) error {
	before, err := u.m.id.Document()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, visitTime)
	defer cancel()
	err = u.m.visit(ctx, want)
	after, fault := u.m.id.Document()
	if fault == nil && after.Version() != before.Version() {
		u.adopt(before, after)
	}
	switch {
	case err == nil && due:
		u.say("renewed with the authority, directly; it has seen the address of this relay")
	case err != nil && due && ctx.Err() == nil && !errors.Is(err, visit.ErrClock) && !errors.Is(err, identity.ErrNone):
		u.warnOnce("not renewed: " + enroll.Explain(err))
	}
	return err
}

// adopt hands a newer document to the node: whoever it revokes is left at once. A node that waits for seeds is made again
// with the new ones.
func (u *upRun) adopt(before, after document.Overlay) {
	u.mu.Lock()
	node, restart := u.node, u.restart
	u.mu.Unlock()
	if node == nil {
		return
	}
	if node.Status().State == overlay.Seeds && !sameSeeds(before, after) && u.hasOtherSeeds() {
		restart()
		return
	}
	node.Adopt(after, after.Hash())
}

func sameSeeds(before, after document.Overlay) bool {
	list := map[peer.NodeID]bool{}
	for _, s := range before.Seeds() {
		list[s.NodeID()] = true
	}
	for _, s := range after.Seeds() {
		if !list[s.NodeID()] {
			return false
		}
	}
	return true
}

// awaitAdmission asks for the admission of this key epoch until it is there.
func (u *upRun) awaitAdmission(ctx context.Context) error {
	for pause := keepFirst; ctx.Err() == nil; {
		o, err := u.m.id.Document()
		if err != nil {
			return aboutIdentity(err)
		}
		err = u.visit(ctx, identity.Want{Admit: true, AdmitEpoch: enroll.KeyEpoch(o, u.m.now())}, true)
		switch {
		case err == nil, errors.Is(err, identity.ErrNone): // it is there
			return nil
		case errors.Is(err, visit.ErrClock):
			return errClock(u.m.now())
		case errors.Is(err, document.ErrBlindKey):
			_ = u.visit(ctx, identity.Want{}, false) // the newest document may have it
		}
		wait(ctx, pause)
		pause = min(2*pause, rhythm(o))
	}
	return nil
}

// warnings says what ends soon.
func (u *upRun) warnings(now time.Time) {
	list, err := u.m.id.Warnings(now, u.m.c.role == roleRelay)
	if err != nil {
		u.warn(aboutIdentity(err).Error())
	}
	for _, w := range list {
		u.warn(w.String())
	}
}

// watchSilence tells once when no seed answers for a while, and what that may be.
func (u *upRun) watchSilence(ctx context.Context) {
	wait(ctx, silentAfter)
	node := u.current()
	if ctx.Err() != nil || node == nil || node.Status().State != overlay.Seeds {
		return
	}
	if !u.hasOtherSeeds() {
		u.warn("the overlay document names no other seed; this node waits for others to come")
		return
	}
	u.warn("no seed answers; check that UDP gets out and in, and that the clock is right: it shows " + day(u.m.now()) +
		", and seeds are silent to whoever is off by more than five minutes")
}
