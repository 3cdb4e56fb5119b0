// A host's packet filter: rules, and answers only.

package simnet

import (
	"net/netip"
	"time"
)

// FirewallConfig is a packet filter in front of one host. The zero value lets everything through. A firewall of a whole site is the
// same filter given to each of its hosts.
type FirewallConfig struct {
	// Rules are tried first, in order; the first that matches decides.
	Rules []Rule
	// Stateful refuses what comes in unless it answers, from the very address and port, something that went out.
	Stateful bool
	// Timeout is how long after the last datagram of a conversation, in either direction, an answer is still let in; 0: 2 minutes.
	Timeout time.Duration
}

// Rule matches datagrams by direction, far address and destination port.
type Rule struct {
	Inbound bool         // matches what comes in; otherwise what goes out
	Remote  netip.Prefix // the far end; the zero prefix matches every address
	Port    uint16       // destination port; 0 matches every port
	Allow   bool         // let it pass, without regard to Stateful; otherwise refuse it
}

type conversation struct{ local, remote netip.AddrPort }

type firewall struct {
	cfg   FirewallConfig
	until map[conversation]time.Duration
	swept int
}

func newFirewall(cfg FirewallConfig) *firewall {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	cfg.Rules = append([]Rule(nil), cfg.Rules...)
	return &firewall{cfg: cfg, until: make(map[conversation]time.Duration)}
}

// rule returns the decision of the first rule that matches, if any does.
func (w *firewall) rule(inbound bool, remote netip.Addr, port uint16) (allow, found bool) {
	for _, r := range w.cfg.Rules {
		if r.Inbound != inbound || r.Port != 0 && r.Port != port {
			continue
		}
		if r.Remote.IsValid() && !r.Remote.Contains(remote) {
			continue
		}
		return r.Allow, true
	}
	return false, false
}

func (w *firewall) outbound(now time.Duration, src, dst netip.AddrPort) bool {
	if allow, found := w.rule(false, dst.Addr(), dst.Port()); found && !allow {
		return false
	}
	if w.cfg.Stateful {
		w.sweep(now)
		w.until[conversation{src, dst}] = now + w.cfg.Timeout
	}
	return true
}

func (w *firewall) inbound(now time.Duration, src, dst netip.AddrPort) bool {
	if allow, found := w.rule(true, src.Addr(), dst.Port()); found {
		return allow
	}
	if !w.cfg.Stateful {
		return true
	}
	c := conversation{local: dst, remote: src}
	if until, ok := w.until[c]; !ok || now >= until {
		return false
	}
	w.until[c] = now + w.cfg.Timeout
	return true
}

// sweep forgets ended conversations each time the table has doubled, so that its size follows the live ones. Only the host behind
// the firewall can make it grow.
func (w *firewall) sweep(now time.Duration) {
	if len(w.until) < max(64, 2*w.swept) {
		return
	}
	for c, until := range w.until {
		if now >= until {
			delete(w.until, c)
		}
	}
	w.swept = len(w.until)
}
