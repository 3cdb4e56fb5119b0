// From a state directory to a node: the socket, the identity, the peers known, and the loop that makes a node again when
// its key epoch has ended or the overlay document names other seeds.

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"sotto/noise"
	"sotto/onion"
	"sotto/onion/path"
	"sotto/overlay"
	"sotto/overlay/enroll"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/peer"
)

// uncapped is the capacity that a relay without a cap declares, in bytes per second: 8 Mbit/s, which the line of every
// server has.
const uncapped = 1 << 20

// errRestart ends a node so that it is made again from what is known now.
var errRestart = errors.New("made again")

// openPipe opens the socket of all links.
func openPipe(listen netip.AddrPort) (*noise.UDPPipe, error) {
	pipe, err := noise.ListenUDP(listen, noise.UDPOptions{})
	if err != nil && listen.Addr() == netip.IPv6Unspecified() && !errors.Is(err, noise.ErrPortInUse) && !errors.Is(err, noise.ErrNoPermission) {
		pipe, err = noise.ListenUDP(netip.AddrPortFrom(netip.IPv4Unspecified(), listen.Port()), noise.UDPOptions{}) // no IPv6 here
	}
	switch {
	case err == nil:
		return pipe, nil
	case errors.Is(err, noise.ErrPortInUse):
		return nil, fmt.Errorf("another program has UDP port %d; stop it, or write another port into listen and announce of %s", listen.Port(), configName)
	case errors.Is(err, noise.ErrNoPermission):
		return nil, fmt.Errorf("the system does not permit UDP port %d; write one above 1023 into listen and announce of %s", listen.Port(), configName)
	case errors.Is(err, noise.ErrNoLocalAddress):
		return nil, fmt.Errorf("the address in listen is not one of this machine; correct it in %s", configName)
	}
	return nil, fmt.Errorf("cannot open the socket for links (%w); correct listen in %s", err, configName)
}

// nodeConfig is everything that a node is made from, but for its socket.
func (m *member) nodeConfig(log *slog.Logger) (overlay.Config, error) {
	o, err := m.id.Document()
	if err != nil {
		return overlay.Config{}, err
	}
	c := overlay.Config{
		Role: nodeRole(m.c.role), Overlay: o.ID(), Calendar: o.Calendar(), Trust: o, Document: o.Hash(),
		BytesPerSecond: uint64(m.c.bandwidth), Log: log,
	}
	for _, s := range o.Seeds() {
		if d, err := o.Descriptor(s); err == nil { // one that is revoked is no seed
			c.Seeds = append(c.Seeds, d)
		}
	}
	if c.Known, err = o.FoundingDescriptors(); err != nil {
		return c, err
	}
	c.Known = append(c.Known, m.knownPeers(o)...)
	if m.c.role == roleRelay {
		c.Identity, err = m.nodeIdentity(o)
	}
	return c, err
}

func nodeRole(r role) overlay.Role {
	switch r {
	case roleRelay:
		return overlay.Relay
	case roleClient:
		return overlay.Client
	}
	return overlay.Anonymous
}

// nodeIdentity is what a relay is known by in the key epoch of now: identity.ErrNone if it is not admitted in it.
func (m *member) nodeIdentity(o document.Overlay) (*overlay.Identity, error) {
	signing, static, err := m.id.Peer(enroll.KeyEpoch(o, m.now()))
	if err != nil {
		return nil, err
	}
	key, err := m.id.LinkKey()
	if err != nil {
		return nil, err
	}
	i := &overlay.Identity{
		Static: static, Signing: signing, Link: key, Days: newDayStore(m.dir, m.id),
		Roles: peer.RoleRelay | peer.RoleGuard, Family: peer.FamilyOf(o.ID(), m.c.family),
	}
	for _, a := range m.c.announce {
		address, err := peer.NewAddress(a)
		if err != nil {
			return nil, err
		}
		i.Addresses = append(i.Addresses, address)
		if address.IsLoopback() {
			// All relays of one machine have one network; each port counts as one of its own.
			i.Declared = peer.DeclaredPrefix{a.Addr().As16()[15], 1, byte(a.Port() >> 8), byte(a.Port())}
		}
	}
	rate := m.c.bandwidth
	if rate == 0 {
		rate = uncapped
	}
	i.Capacity = peer.CapacityOf(uint64(rate) / noise.DatagramLen)
	return i, nil
}

// runNode runs nodes, one after the other, until ctx ends or one cannot go on.
func (u *upRun) runNode(ctx context.Context) error {
	for {
		pipe, err := openPipe(u.m.c.listen)
		if err != nil {
			return err
		}
		err = u.oneNode(ctx, pipe)
		pipe.Close()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errRestart):
		case errors.Is(err, overlay.ErrAdmission), errors.Is(err, identity.ErrNone):
			if err := u.awaitAdmission(ctx); err != nil {
				return err
			}
		case errors.Is(err, identity.ErrRestored):
			if err := u.awaitPeriod(ctx); err != nil {
				return err
			}
		default:
			return aboutNode(err)
		}
	}
}

// oneNode makes a node and runs it until ctx ends or something makes another one necessary.
func (u *upRun) oneNode(ctx context.Context, pipe *noise.UDPPipe) error {
	c, err := u.m.nodeConfig(u.log)
	if err != nil {
		return err
	}
	c.Pipe, c.ClosePipe, c.Changed = pipe, pipe.Close, u.changed
	if c.Identity != nil {
		c.Identity.Days = &toldDays{c.Identity.Days, u.kick}
	}
	whole, err := u.m.circuitConfig(c)
	if err != nil {
		return err
	}
	node, err := onion.NewNode(whole)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	u.take(node, func() { cancel(errRestart) })
	defer u.take(nil, nil)
	err = node.Run(ctx)
	u.m.keepPeers(node.Node)
	if errors.Is(context.Cause(ctx), errRestart) {
		return errRestart
	}
	return err
}

// toldDays tells when the descriptor of a period is there, because a seed has it listed then.
type toldDays struct {
	overlay.Days
	told func()
}

// Day implements overlay.Days.
func (t *toldDays) Day(period uint32) (overlay.Day, bool, error) {
	day, ok, err := t.Days.Day(period)
	if ok {
		t.told()
	}
	return day, ok, err
}

// KeepDay implements overlay.Days.
func (t *toldDays) KeepDay(day overlay.Day) error {
	err := t.Days.KeepDay(day)
	if err == nil {
		t.told()
	}
	return err
}

// aboutNode is what the operator is told when a node could not start or go on.
func aboutNode(err error) error {
	var said sentence
	switch {
	case errors.As(err, &said):
		return said
	case errors.Is(err, path.ErrState):
		return errGuardsDamaged
	case errors.Is(err, overlay.ErrClock):
		return errors.New("the clock of this machine shows a time at which this overlay does not exist; set the clock, then start again")
	case errors.Is(err, overlay.ErrRevoked):
		return errors.New("the authority has excluded this relay for the rest of its key epoch; ask it why")
	case errors.Is(err, overlay.ErrDay):
		return errors.New("today's descriptor was signed elsewhere or its keys are lost; start this relay again tomorrow, and never run two from one state")
	case errors.Is(err, noise.ErrSocket), errors.Is(err, noise.ErrClosed), errors.Is(err, noise.ErrNoPermission):
		return errors.New("the socket for links is gone; look at the network of this machine, then start again")
	}
	return aboutIdentity(err)
}

// awaitPeriod waits for the next period, in which a restored relay may sign again.
func (u *upRun) awaitPeriod(ctx context.Context) error {
	o, err := u.m.id.Document()
	if err != nil {
		return aboutIdentity(err)
	}
	period, err := o.Calendar().PeriodAt(u.m.now())
	if err != nil {
		return aboutNode(overlay.ErrClock)
	}
	next := o.Calendar().PeriodStart(period + 1)
	u.warn("after a restore nobody can tell what was published before; this relay is silent and tries again on " + day(next) + ", so leave it running")
	wait(ctx, next.Sub(u.m.now()))
	return nil
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
