package threatmodel

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"sotto/noise"
	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/store"
	"sotto/overlay/enroll/visit"
	"sotto/overlay/peer"
)

// What goes wrong in the scene of P18, and what the packages say about it.

// fail hears what an error says, in every way, and what the user is told. What should fail and does not is a fault of
// the measurement.
func (s *leakScene) fail(what string, err error) error {
	if err == nil {
		return fmt.Errorf("threatmodel: %s was to fail", what)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		s.hear("errors", what, fmt.Appendf(nil, "%s %v %+v %q", e, e, e, e))
	}
	var text bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Error("failed", "err", err)
	s.hear("errors", what, text.Bytes())
	s.hear("sentences for the user", what, []byte(enroll.Explain(err)))
	return nil
}

// failEnrolment hands over everything wrong: cut, altered, of another kind, of others, too late, to places that are taken.
func (s *leakScene) failEnrolment(ctx context.Context) error {
	id := s.people[0]
	o, err := id.Document()
	if err != nil {
		return err
	}
	q, err := id.Request(s.now, identity.Want{Renew: true, Slots: true})
	if err != nil {
		return err
	}
	parsers := map[string]struct {
		good  []byte
		parse func([]byte) error
	}{
		"request":      {q.Bytes(), func(b []byte) error { _, err := document.ParseRequest(b); return err }},
		"request file": {q.File(), func(b []byte) error { _, err := document.ReadRequest(b); return err }},
		"document":     {o.Bytes(), func(b []byte) error { _, err := document.ParseOverlay(b); return err }},
		"pair": {s.pairs[0].Append(nil), func(b []byte) error {
			p, err := document.ParsePair(b)
			if err != nil {
				return err
			}
			_, err = o.Descriptor(p)
			return err
		}},
		"static": {s.pairs[0].Static.Append(nil), func(b []byte) error {
			p, err := peer.ParseStatic(b)
			if err != nil {
				return err
			}
			_, err = peer.Admit(p, o.ID(), o)
			return err
		}},
		"name":   {[]byte(s.names[0]), func(b []byte) error { _, err := document.ParseAoR(string(b)); return err }},
		"answer": {s.transcripts[0].Response(), func(b []byte) error { _, err := document.ParseAnswer(b); return err }},
		"authority": {q.Bytes(), func(b []byte) error {
			answer, err := s.auth.Answer(s.now, b)
			if err == nil && answer.Refused != 0 {
				err = answer.Refused
			}
			return err
		}},
	}
	for what, p := range parsers {
		spoiled := [][]byte{nil, p.good[:len(p.good)/2], p.good[:len(p.good)-1], append(slices.Clone(p.good), 0xff), append([]byte{0xff}, p.good...)}
		for i := 0; i < len(p.good); i += 1 + len(p.good)/64 {
			bad := slices.Clone(p.good)
			bad[i] ^= 0x80
			spoiled = append(spoiled, bad)
		}
		failures := 0
		for _, bad := range spoiled {
			err := p.parse(bad)
			if err == nil {
				continue // some letters of a name may be others
			}
			failures++
			if err := s.fail(what, err); err != nil {
				return err
			}
		}
		if failures < len(spoiled)/2 {
			return fmt.Errorf("threatmodel: %s was to fail", what)
		}
	}
	return s.failPlaces(ctx, o)
}

// failPlaces are failures of states, disks, and the way to the authority.
func (s *leakScene) failPlaces(ctx context.Context, o document.Overlay) error {
	taken, err := document.ParseAoR(s.names[0])
	if err != nil {
		return err
	}
	stranger, err := document.ParseAoR("sip:canary.alice@nest.example.net")
	if err != nil {
		return err
	}
	_, twice := s.auth.Invite(s.now, taken, authority.InviteOptions{})
	_, missing := identity.Open(filepath.Join(s.dir, "canary.alice@nest.example.missing"))
	_, locked := store.Open(filepath.Join(s.dir, s.names[0][len("sip:"):]), store.Identity)
	_, kind := store.Open(filepath.Join(s.dir, "authority"), store.Identity)
	future := s.fail("a document of the future", o.Check(s.now.Add(-24*365*time.Hour)))
	for what, err := range map[string]error{
		"a second invite": twice, "a state that is missing": missing, "a state in use": locked, "another state": kind,
		"a document that ended": o.Check(s.now.Add(24 * 365 * time.Hour)), "revoking a stranger": s.auth.Revoke(s.now, stranger),
	} {
		if err := s.fail(what, err); err != nil {
			return err
		}
	}
	service := document.Service{Address: s.addrs[0].String()}
	for what, dial := range map[string]visit.Dial{
		"nobody there": func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(s.addrs[0]), Err: errors.New("connection refused")}
		},
		"a name that nobody knows": func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: s.names[0], Server: s.addrs[1].String()}
		},
		"somebody else there": func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				// Whatever comes of it is the answer of a stranger.
				_ = tls.Server(there, &tls.Config{}).Handshake()
				there.Close()
			}()
			return here, nil
		},
	} {
		client, err := visit.NewClient(service, dial)
		if err != nil {
			return err
		}
		_, err = client.Send(ctx, make([]byte, document.RequestLen))
		if err := s.fail(what, err); err != nil {
			return err
		}
	}
	_, err = visit.NewClient(document.Service{}, nil)
	if err := s.fail("no service", err); err != nil {
		return err
	}
	return future
}

// failLinks are failures of sockets and links.
func (s *leakScene) failLinks(context.Context) error {
	_, foreign := noise.ListenUDP(netip.MustParseAddrPort("45.77.1.201:41977"), noise.UDPOptions{})
	_, short := noise.ParsePublicKey([]byte("canary.alice@nest.example"))
	static, err := s.people[0].LinkKey()
	if err != nil {
		return err
	}
	core, err := noise.NewCore(s.now, noise.Config{Static: static})
	if err != nil {
		return err
	}
	_, dial := core.Dial(s.now, noise.Target{Addr: s.addrs[0], Pattern: noise.IK})
	for what, err := range map[string]error{
		"an address of somebody else": foreign, "a key that is none": short, "a target without a key": dial,
		"a link that is none": core.Send(s.now, 77, make([]byte, noise.FrameLen)), "a frame that is none": core.Send(s.now, 77, []byte(s.names[0])),
	} {
		if err := s.fail(what, err); err != nil {
			return err
		}
	}
	id, err := core.Dial(s.now, noise.Target{Addr: s.addrs[0], Key: static.Public(), Pattern: noise.IK})
	if err != nil {
		return err
	}
	for i := range 10 {
		core.Tick(s.now.Add(time.Duration(i) * time.Second))
	}
	for _, e := range core.Events(nil) {
		if e.Link == id && e.Kind == noise.LinkDown {
			return s.fail("a link that nobody answers", e.Err)
		}
	}
	return errNoLink
}
