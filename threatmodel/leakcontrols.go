package threatmodel

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"

	"sotto/threatmodel/lab"
)

// The negative controls of P18: one deliberate leak each, through the listener that hears the scene.

// leak plants canaries and lets one out.
func leak(out func(l *listener, log *slog.Logger, at netip.AddrPort, key [32]byte, name string)) (Measurement, error) {
	l := newListener()
	at, name := netip.MustParseAddrPort("45.77.1.201:41977"), "canary.alice@nest.example"
	var key [32]byte
	lab.NewSource(leakSeed, "leaked key").Read(key[:])
	l.plant(lab.PlantAddr("address", at.Addr()), lab.PlantText("name", name), lab.PlantBytes("key", key[:]))
	out(l, slog.New(slog.NewTextHandler(l.writer("logs", "a careless log"), nil)), at, key, name)
	m := Measurement{Seed: leakSeed}
	l.figures(&m)
	return m, nil
}

func controlLogsAddress(context.Context, Scale) (Measurement, error) {
	return leak(func(_ *listener, log *slog.Logger, at netip.AddrPort, _ [32]byte, _ string) {
		log.Info("linked", "to", at)
	})
}

func controlLogsNetError(context.Context, Scale) (Measurement, error) {
	return leak(func(_ *listener, log *slog.Logger, at netip.AddrPort, _ [32]byte, _ string) {
		log.Info("lost", "err", &net.OpError{Op: "read", Net: "udp", Addr: net.UDPAddrFromAddrPort(at), Err: net.ErrClosed})
	})
}

func controlLogsKey(context.Context, Scale) (Measurement, error) {
	return leak(func(_ *listener, log *slog.Logger, _ netip.AddrPort, key [32]byte, _ string) {
		log.Info("dialled", "peer", struct{ key [32]byte }{key})
	})
}

func controlErrorNames(context.Context, Scale) (Measurement, error) {
	return leak(func(l *listener, _ *slog.Logger, _ netip.AddrPort, _ [32]byte, name string) {
		l.hear("errors", "a careless error", []byte(fmt.Errorf("no such person: %s", url.QueryEscape(name)).Error()))
	})
}
