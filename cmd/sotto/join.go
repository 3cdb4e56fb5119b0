// The command `sotto join`: make keys, enrol with an invite, write the configuration. It can be killed at any point and
// called again.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/visit"
)

// How long a join waits for an authority that has only just been started, and how often it tries.
const (
	joinPatience = 10 * time.Second
	joinPause    = 250 * time.Millisecond
)

// joining is one call of the command.
type joining struct {
	e      *env
	dir    string // the state directory
	invite document.Invite
	c      config
	made   bool // the state directory was not there before
}

func runJoin(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, as := flags.String("state", "", ""), flags.String("role", string(roleAnonymous), "")
	announce, listen := flags.String("announce", "", ""), flags.String("listen", "", "")
	request, response := flags.String("request", "", ""), flags.String("response", "", "")
	var want []string
	if !given(args, "response") {
		want = []string{"INVITE"}
	}
	rest, err := parseFlags(flags, args, want...)
	if err != nil {
		return err
	}
	dir, err := e.stateDir(*state)
	if err != nil {
		return err
	}
	if *response != "" {
		return e.finishByFile(dir, *response)
	}
	j := &joining{e: e, dir: dir}
	if j.c, err = joinConfig(*as, *announce, *listen); err != nil {
		return err
	}
	file, err := readLimited(rest[0], document.MaxFile)
	if err != nil {
		return err
	}
	if j.invite, err = document.ReadInvite(file); err == nil {
		err = j.invite.Check(e.now())
	}
	if err != nil {
		return fmt.Errorf("the invite: %s", enroll.Explain(err))
	}
	return j.run(ctx, *request)
}

// given tells whether a flag is among the arguments, before they are parsed.
func given(args []string, name string) bool {
	for _, a := range args {
		if flag, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "="); strings.HasPrefix(a, "-") && flag == name {
			return true
		}
	}
	return false
}

// joinConfig makes the configuration from the flags.
func joinConfig(as, announce, listen string) (config, error) {
	c := defaultConfig()
	if err := setRole(&c, as); err != nil {
		return c, usagef("--role %s", err)
	}
	if announce != "" {
		var list []any
		for _, address := range strings.Split(announce, ",") {
			list = append(list, strings.TrimSpace(address))
		}
		if setAnnounce(&c, list) != nil {
			return c, usagef("--announce takes an IPv4 address with port, an IPv6 one, or both with a comma between, like 203.0.113.7:4433,[2001:db8::7]:4433")
		}
	}
	c.listen = listenFor(c.role, c.announce)
	if listen != "" {
		if err := setListen(&c, listen); err != nil {
			return c, usagef("--listen %s", err)
		}
	}
	if err := c.check(); err != nil {
		if c.role == roleRelay {
			return c, usagef("a relay needs --announce, the address at which others reach it, like 203.0.113.7:4433")
		}
		return c, usagef("--announce is for --role relay")
	}
	return c, nil
}

// listenFor is the socket that fits what is announced: a port of this machine alone where others are not meant to reach
// it, else that port of every address. A node that nobody dials takes any port: a fixed one would show what it is.
func listenFor(r role, announce []netip.AddrPort) netip.AddrPort {
	if r != roleRelay || len(announce) == 0 {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	every := netip.IPv4Unspecified()
	for _, a := range announce {
		if a.Addr().Is6() {
			every = netip.IPv6Unspecified() // which takes IPv4 too
		}
	}
	if len(announce) == 1 && announce[0].Addr().IsLoopback() {
		every = announce[0].Addr()
	}
	return netip.AddrPortFrom(every, announce[0].Port())
}

// enrolRole is the role as the enrolment distinguishes it.
func enrolRole(r role) enroll.Role {
	switch r {
	case roleRelay:
		return enroll.Relay
	case roleClient:
		return enroll.Client
	}
	return enroll.Anonymous
}

// run enrols in the state directory, and leaves nothing there that was not there before if the authority refuses for
// good. With request it writes the request into that file instead of going to the authority.
func (j *joining) run(ctx context.Context, request string) (err error) {
	_, missing := os.Lstat(j.dir)
	j.made = errors.Is(missing, fs.ErrNotExist)
	if err := createState(j.dir); err != nil {
		return err
	}
	release, err := lockState(j.dir)
	if err != nil {
		return err
	}
	defer release()
	// The configuration comes first: once somebody is enrolled it must be there, and it says nothing until then.
	_, had := os.Lstat(filepath.Join(j.dir, configName))
	if _, err := os.Lstat(filepath.Join(j.dir, identityName)); err == nil && had == nil {
		if err := j.unfinished(); err != nil {
			return err
		}
	}
	if err := saveConfig(j.dir, &j.c); err != nil {
		return err
	}
	if request != "" {
		err = j.writeRequest(request)
	} else {
		err = j.visit(ctx)
	}
	if err != nil {
		j.tidy()
		return aboutIdentity(err)
	}
	return nil
}

// unfinished refuses to touch the configuration of somebody who is enrolled.
func (j *joining) unfinished() error {
	id, err := identity.Open(filepath.Join(j.dir, identityName))
	if err == nil {
		id.Close()
		return aboutIdentity(identity.ErrJoined)
	}
	if errors.Is(err, identity.ErrNotJoined) {
		return nil
	}
	return aboutIdentity(err)
}

// visit goes to the authority, with patience for one that has only just been started.
func (j *joining) visit(ctx context.Context) error {
	client, err := visit.NewClient(j.invite.Overlay.Service(), nil)
	if err != nil {
		return err
	}
	j.e.progress("going to the authority, the one time directly: it learns the address of this machine")
	deadline := j.e.now().Add(joinPatience)
	for {
		id, err := enroll.Join(ctx, filepath.Join(j.dir, identityName), j.invite, enrolRole(j.c.role), client)
		if err == nil {
			j.e.progress("enrolled; next: sotto up --state %s", j.dir)
			return id.Close()
		}
		if ctx.Err() != nil {
			return sentence("interrupted; nothing is lost, call it again with the same invite")
		}
		if !errors.Is(err, visit.ErrUnreachable) || !j.e.now().Before(deadline) {
			return err
		}
		wait(ctx, joinPause)
	}
}

// writeRequest is the way without a network.
func (j *joining) writeRequest(file string) error {
	content, err := enroll.JoinByFile(filepath.Join(j.dir, identityName), j.invite, enrolRole(j.c.role))
	if err != nil {
		return err
	}
	if err := writeSecret(file, content); err != nil {
		return sentence(err.Error())
	}
	j.e.progress("hand the request to the authority's operator, then: sotto join --state %s --response FILE", j.dir)
	return nil
}

// finishByFile takes over the response to a request that writeRequest made.
func (e *env) finishByFile(dir, response string) error {
	file, err := readLimited(response, document.MaxFile)
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
	id, err := enroll.FinishByFile(filepath.Join(dir, identityName), file)
	if err != nil {
		(&joining{dir: dir}).tidy()
		return fmt.Errorf("the response: %w", aboutIdentity(err))
	}
	e.progress("enrolled; next: sotto up --state %s", dir)
	return id.Close()
}

// tidy removes what a join wrote, if no enrolment is left that the next call would carry on.
func (j *joining) tidy() {
	if _, err := os.Lstat(filepath.Join(j.dir, identityName)); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	os.Remove(filepath.Join(j.dir, configName))
	os.Remove(filepath.Join(j.dir, lockName))
	if j.made {
		os.Remove(j.dir) // only if nothing else is in it
	}
}
