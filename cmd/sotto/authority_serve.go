// The command `sotto authority serve`: answer who wants to join, and keep the overlay document fresh.

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/store"
	"sotto/overlay/enroll/visit"
)

// serveGrace is how long answers under way may take when the service is told to end, so that it ends within 2 s.
const serveGrace = 1500 * time.Millisecond

func runAuthorityServe(ctx context.Context, e *env, args []string) error {
	flags := newFlags()
	state, listen := flags.String("state", "", ""), flags.String("listen", "", "")
	service := flags.String("service", "", "")
	if _, err := parseFlags(flags, args); err != nil {
		return err
	}
	dir, err := e.authorityDir(*state)
	if err != nil {
		return err
	}
	var a *authority.Authority
	err = patiently(ctx, func() (err error) {
		a, err = authority.Open(dir, authority.Options{})
		var other outcome
		if errors.Is(err, store.ErrInUse) && ask(ctx, dir, order{}, &other) == nil {
			return sentence("another sotto is serving this authority; stop it first")
		}
		return err
	})
	if errors.Is(err, store.ErrInUse) {
		return errStateInUse
	}
	if err != nil {
		return aboutAuthority(err)
	}
	defer a.Close()
	if *service != "" {
		if err := a.SetService(e.now(), *service); err != nil {
			return aboutAuthority(err)
		}
	}
	log := newLogger(e.stderr, slog.LevelWarn)
	every, err := e.maintain(a, log)
	if err != nil {
		return aboutAuthority(err)
	}
	socket, err := listenService(a, *listen)
	if err != nil {
		return err
	}
	return e.serve(ctx, a, dir, socket, every, log)
}

// serve answers visits and orders, and does every now and then what is due, until ctx ends. A nil socket means that
// requests travel as files.
func (e *env) serve(ctx context.Context, a *authority.Authority, dir string, socket net.Listener, every time.Duration, log *slog.Logger) error {
	control, err := listenControl(dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { serveControl(ctx, dir, control, answerOrder(a, e.now)) })
	work.Go(func() {
		for tick := time.NewTicker(every); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				if _, err := e.maintain(a, log); err != nil {
					log.Error("the overlay document could not be renewed", "reason", aboutAuthority(err))
				}
			}
		}
	})
	if socket == nil {
		e.progress("this authority answers requests as files only (sotto authority issue)")
		<-ctx.Done()
		return nil
	}
	cert, err := a.TLS()
	if err != nil {
		socket.Close()
		cancel()
		return aboutAuthority(err)
	}
	e.progress("answering")
	failed := e.answerVisits(ctx, visit.NewService(a.Handle, cert), socket)
	cancel()
	return failed
}

// answerVisits runs the service until ctx ends, and no longer than serveGrace after it.
func (e *env) answerVisits(ctx context.Context, service *visit.Service, socket net.Listener) error {
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx, socket) }()
	select {
	case err := <-done:
		if err != nil && ctx.Err() == nil {
			return errors.New("the service cannot listen any more; look at the network of this machine and start it again")
		}
		return nil
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(serveGrace): // who waits for an answer asks again
	}
	return nil
}

// maintain does what is due and says when there is a new document. It returns when to do it again.
func (e *env) maintain(a *authority.Authority, log *slog.Logger) (every time.Duration, err error) {
	now := e.now()
	changed, err := a.Maintain(now)
	if err != nil {
		return 0, err
	}
	if changed {
		log.Info("new overlay document")
		e.progress("signed a new overlay document")
	}
	o, err := a.Document()
	if err != nil {
		return 0, err
	}
	list, err := a.Warnings(now)
	for _, w := range list {
		log.Warn(w)
	}
	if err != nil {
		return 0, err
	}
	return rhythm(o), nil
}

// listenService opens the TCP port of the service: at the given address, else at the one the document names where that
// is of this machine alone, else at its port of every address.
func listenService(a *authority.Authority, given string) (net.Listener, error) {
	o, err := a.Document()
	if err != nil {
		return nil, aboutAuthority(err)
	}
	address := o.Service().Address
	switch {
	case given != "":
		address = given
	case address == "":
		return nil, nil
	default:
		host, port, err := net.SplitHostPort(address)
		if ip, fault := netip.ParseAddr(host); err == nil && (fault != nil || !ip.IsLoopback()) {
			address = ":" + port
		}
	}
	socket, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		return socket, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errors.New("another program has the TCP port of the service; stop it, or choose another port with --listen and --service")
	case errors.Is(err, syscall.EACCES):
		return nil, errors.New("the system does not permit this TCP port; choose one above 1023 with --listen and --service")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, errors.New("the address to listen on is not one of this machine; choose another with --listen")
	}
	return nil, fmt.Errorf("cannot listen for the service (%w); choose another address with --listen HOST:PORT", plainCause(err))
}
