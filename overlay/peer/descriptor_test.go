package peer

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
)

func TestDescriptorComesBackFromTheWire(t *testing.T) {
	p := newTestPeer(t, 1, 0)
	for name, f := range map[string]DailyFields{"relay": relayFields(t, 3), "anonymous": anonymousFields(t, 3)} {
		d := p.describe(t, f)
		static, err := ParseStatic(d.Static().Append(nil))
		must(t, err)
		daily, err := ParseDaily(d.Daily().Append(nil))
		must(t, err)
		if daily != d.Daily() || static.NodeID() != d.NodeID() || static.KeyEpoch() != 0 {
			t.Errorf("%s: something else came back", name)
		}
		got := daily.Fields()
		slices.SortFunc(f.Addresses, Address.Compare)
		slices.SortFunc(f.LeaseRelays, IDPrefix.Compare)
		if !slices.Equal(got.Addresses, f.Addresses) || !slices.Equal(got.LeaseRelays, f.LeaseRelays) {
			t.Errorf("%s: other places to reach the peer", name)
		}
		if got.Link != f.Link || got.Onion != f.Onion || got.Lease != f.Lease || got.Family != f.Family ||
			got.Period != f.Period || got.Document != f.Document || got.Roles != f.Roles || got.Capacity != f.Capacity {
			t.Errorf("%s: other fields", name)
		}
		if daily.Anonymous() != (name == "anonymous") {
			t.Errorf("%s: reach is mistaken", name)
		}
	}
}

func TestEveryPrefixAndEveryLongerStringIsRefused(t *testing.T) {
	p := newTestPeer(t, 1, 0)
	d := p.describe(t, relayFields(t, 3))
	proof, _ := Equivocation(d, p.describe(t, anonymousFields(t, 3)))
	for name, c := range map[string]struct {
		wire  []byte
		parse func([]byte) error
	}{
		"static": {d.Static().Append(nil), func(b []byte) error { _, err := ParseStatic(b); return err }},
		"daily":  {d.Daily().Append(nil), func(b []byte) error { _, err := ParseDaily(b); return err }},
		"proof":  {proof.Append(nil), func(b []byte) error { _, err := ParseProof(b); return err }},
	} {
		must(t, c.parse(c.wire))
		for n := range c.wire {
			if err := c.parse(c.wire[:n]); !errors.Is(err, ErrLength) {
				t.Fatalf("%s cut to %d bytes: %v", name, n, err)
			}
		}
		if err := c.parse(append(c.wire, 0)); !errors.Is(err, ErrLength) {
			t.Errorf("%s with a byte too many: %v", name, err)
		}
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	overlay, calendar := testOverlay(t), testCalendar(t)
	p := newTestPeer(t, 1, 0)
	admitted, err := Admit(p.static, overlay, fakeAuthority{})
	must(t, err)
	acceptStatic := func(b []byte) error {
		s, err := ParseStatic(b)
		if err != nil {
			return err
		}
		_, err = Admit(s, overlay, fakeAuthority{})
		return err
	}
	acceptDaily := func(b []byte) error {
		d, err := ParseDaily(b)
		if err != nil {
			return err
		}
		_, err = admitted.Verify(d, calendar, 3)
		return err
	}
	relay, anonymous := p.describe(t, relayFields(t, 3)), p.describe(t, anonymousFields(t, 3))
	for name, c := range map[string]struct {
		wire   []byte
		accept func([]byte) error
	}{
		"static":          {p.static.Append(nil), acceptStatic},
		"daily relay":     {relay.Daily().Append(nil), acceptDaily},
		"daily anonymous": {anonymous.Daily().Append(nil), acceptDaily},
	} {
		must(t, c.accept(c.wire))
		for bit := range len(c.wire) * 8 {
			c.wire[bit/8] ^= 1 << (bit % 8)
			if c.accept(c.wire) == nil {
				t.Errorf("%s: bit %d of byte %d flipped unnoticed", name, bit%8, bit/8)
			}
			c.wire[bit/8] ^= 1 << (bit % 8)
		}
	}
}

func TestDailyPartOfAnotherPeerOverlayOrTimeIsRefused(t *testing.T) {
	calendar, overlay := testCalendar(t), testOverlay(t)
	p, other := newTestPeer(t, 1, 0), newTestPeer(t, 2, 0)
	admitted, err := Admit(p.static, overlay, fakeAuthority{})
	must(t, err)
	sign := func(by testPeer, period uint32) Daily {
		d, err := SignDaily(by.static, relayFields(t, period), by.key)
		must(t, err)
		return d
	}
	// The other peer puts the prefix of this one onto its own part.
	disguised := sign(other, 3)
	ownPrefix := p.static.NodeID().Prefix()
	copy(disguised.b[offPrefix:offDocument], ownPrefix.b[:])
	misnamed, err := encodeDaily(other.static.NodeID(), relayFields(t, 3))
	must(t, err)
	signature := p.key.Sign(misnamed.message(p.static))
	copy(misnamed.b[offSignature:], signature[:])
	for _, c := range []struct {
		name  string
		daily Daily
		now   uint32
		want  error
	}{
		{"current", sign(p, 3), 3, nil},
		{"one behind", sign(p, 2), 3, nil},
		{"one ahead", sign(p, 4), 3, nil},
		{"two behind", sign(p, 1), 3, ErrPeriod},
		{"two ahead", sign(p, 5), 3, ErrPeriod},
		{"last of the key epoch", sign(p, 59), 60, nil},
		{"of the next key epoch", sign(p, 60), 60, ErrPeriod},
		{"of another peer", sign(other, 3), 3, ErrSignature},
		{"of another peer in disguise", disguised, 3, ErrSignature},
		{"of this peer under another prefix", misnamed, 3, ErrSignature},
	} {
		if _, err := admitted.Verify(c.daily, calendar, c.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := (Admitted{}).Verify(sign(p, 3), calendar, 3); !errors.Is(err, ErrSignature) {
		t.Errorf("nobody's daily part: %v", err)
	}
	foreign := overlay
	foreign.b[0] ^= 1
	if _, err := Admit(p.static, foreign, fakeAuthority{}); !errors.Is(err, ErrOverlay) {
		t.Errorf("peer of another overlay: %v", err)
	}
	if _, err := SignDaily(p.static, relayFields(t, 3), other.key); !errors.Is(err, ErrKey) {
		t.Errorf("signed with another key: %v", err)
	}
}

func TestVerifierIsAskedForTheKeyEpochAndItsReasonIsKept(t *testing.T) {
	p := newTestPeer(t, 1, 7)
	v := &recordingVerifier{}
	_, err := Admit(p.static, testOverlay(t), v)
	if !errors.Is(err, ErrAdmission) || errors.Is(err, errFake) {
		t.Errorf("refused with %v", err)
	}
	if v.keyEpoch != 7 || string(v.message) != string(AdmissionMessage(testOverlay(t), 7, p.key.Public())) {
		t.Error("the verifier was asked for something else")
	}
}

type recordingVerifier struct {
	keyEpoch uint32
	message  []byte
}

func (v *recordingVerifier) VerifyAdmission(keyEpoch uint32, message, _ []byte) error {
	v.keyEpoch, v.message = keyEpoch, message
	return errFake
}

func TestContradictingFieldsAreRefused(t *testing.T) {
	p := newTestPeer(t, 1, 0)
	loopback := []Address{testAddress(t, "127.0.0.1:4433")}
	third := testAddress(t, "198.51.100.1:4433")
	cases := map[string]func(r, a *DailyFields){
		"no role":                  func(r, a *DailyFields) { r.Roles, a.Roles = 0, 0 },
		"unknown role":             func(r, a *DailyFields) { r.Roles |= 8; a.Roles |= 8 },
		"guard that is no relay":   func(r, a *DailyFields) { r.Roles, a.Roles = RoleGuard, RoleGuard },
		"capacity above the scale": func(r, a *DailyFields) { r.Capacity, a.Capacity = 25, 25 },
		"both reaches":             func(r, a *DailyFields) { r.Lease, a.Link = a.Lease, r.Link },
		"no reach":                 func(r, a *DailyFields) { *r = DailyFields{Roles: RoleStorer}; *a = *r },
		"no address, no lease":     func(r, a *DailyFields) { r.Addresses, a.LeaseRelays = nil, nil },
		"three of them": func(r, a *DailyFields) {
			r.Addresses = append(r.Addresses, third)
			a.LeaseRelays = append(a.LeaseRelays, node8(9).Prefix())
		},
		"the same one twice":            func(r, a *DailyFields) { r.Addresses[1] = r.Addresses[0]; a.LeaseRelays[1] = a.LeaseRelays[0] },
		"key missing":                   func(r, a *DailyFields) { r.Link, a.Lease = LinkPublic{}, LeasePublic{} },
		"one key in two roles, or self": func(r, a *DailyFields) { r.Onion = OnionPublic(r.Link); a.LeaseRelays[0] = p.static.NodeID().Prefix() },
		"leases at oneself only":        func(r, a *DailyFields) { r.Addresses = nil; a.LeaseRelays = []IDPrefix{p.static.NodeID().Prefix()} },
		"declared prefix without cause": func(r, a *DailyFields) { r.Declared, a.Declared = DeclaredPrefix{1}, DeclaredPrefix{1} },
		"declared prefix, one loopback": func(r, a *DailyFields) {
			r.Declared, a.Declared = DeclaredPrefix{1}, DeclaredPrefix{1}
			r.Addresses[0] = loopback[0]
		},
		"anonymous relay, zero address": func(r, a *DailyFields) { r.Addresses[0] = Address{}; a.Roles |= RoleRelay },
	}
	for name, spoil := range cases {
		relay, anonymous := relayFields(t, 3), anonymousFields(t, 3)
		spoil(&relay, &anonymous)
		for kind, f := range map[string]DailyFields{"relay": relay, "anonymous": anonymous} {
			if _, err := SignDaily(p.static, f, p.key); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
		}
	}
	good := relayFields(t, 3)
	good.Addresses, good.Declared = loopback, DeclaredPrefix{1}
	if _, err := SignDaily(p.static, good, p.key); err != nil {
		t.Errorf("a declared prefix with a loopback address: %v", err)
	}
}

func TestSecondFormsOfTheSameFieldsAreRefused(t *testing.T) {
	p := newTestPeer(t, 1, 0)
	one := relayFields(t, 3)
	one.Addresses = one.Addresses[1:] // IPv4
	single := anonymousFields(t, 3)
	single.LeaseRelays = single.LeaseRelays[:1]
	for name, c := range map[string]struct {
		fields DailyFields
		change func(b []byte)
	}{
		"padding after leases":       {single, func(b []byte) { b[offSignature-1] = 1 }},
		"padding right after leases": {single, func(b []byte) { b[offLeasePad] = 1 }},
		"second lease relay in front": {single, func(b []byte) {
			copy(b[offLeaseRelays+8:], b[offLeaseRelays:offLeaseRelays+8])
			clear(b[offLeaseRelays : offLeaseRelays+8])
		}},
		"padding after an IPv4 address":  {one, func(b []byte) { b[offAddresses+5] = 1 }},
		"address of no kind with a port": {one, func(b []byte) { b[offSignature-1] = 1 }},
		"address of an unknown kind":     {one, func(b []byte) { b[offAddresses] = 5 }},
		"second address in front": {one, func(b []byte) {
			copy(b[offAddresses+addressLen:], b[offAddresses:offAddresses+addressLen])
			clear(b[offAddresses : offAddresses+addressLen])
		}},
		"addresses in descending order":     {relayFields(t, 3), func(b []byte) { swap(b[offAddresses:offSignature]) }},
		"lease relays in descending order":  {anonymousFields(t, 3), func(b []byte) { swap(b[offLeaseRelays:offLeasePad]) }},
		"link key with its ignored top bit": {one, func(b []byte) { b[offOnion-1] |= 0x80 }},
		"an unknown reach":                  {one, func(b []byte) { b[offReach] = 3 }},
	} {
		daily, err := SignDaily(p.static, c.fields, p.key)
		must(t, err)
		wire := daily.Append(nil)
		c.change(wire)
		if _, err := ParseDaily(wire); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// swap exchanges the two halves of b.
func swap(b []byte) {
	half := len(b) / 2
	copy(b, append(slices.Clone(b[half:]), b[:half]...))
}

func TestAddressesThatNobodyCanDialAreRefused(t *testing.T) {
	for _, s := range []string{
		"0.0.0.0:1", "[::]:1", "192.0.2.1:0", "224.0.0.1:1", "[ff02::1]:1", "255.255.255.255:1", "240.0.0.1:1",
		"0.1.2.3:1", "169.254.169.254:1", "[fe80::1]:1", "[fe80::1%eth0]:1", "[2001:db8::1%x]:1",
		"[::ffff:192.0.2.1]:1", "[::ffff:127.0.0.1]:1", "[::192.0.2.1]:1", "[64:ff9b::192.0.2.1]:1",
	} {
		if _, err := NewAddress(netip.MustParseAddrPort(s)); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if _, err := NewAddress(netip.AddrPort{}); !errors.Is(err, ErrAddress) {
		t.Errorf("no address: %v", err)
	}
	public := map[string]bool{
		"192.0.2.1:1": true, "[2001:db8::1]:65535": true, "127.1.0.1:4433": false, "[::1]:4433": false,
		"10.0.0.1:1": false, "192.168.1.1:1": false, "[fd00::1]:1": false, "100.64.0.1:1": false, "100.128.0.1:1": true,
	}
	for s, want := range public {
		ap := netip.MustParseAddrPort(s)
		a, err := NewAddress(ap)
		if err != nil || a.AddrPort() != ap || a.IsPublic() != want {
			t.Errorf("%s: %v, same %v, public %v", s, err, a.AddrPort() == ap, a.IsPublic())
		}
	}
}

func TestNetworkPrefixesAreWhatPathsCount(t *testing.T) {
	p := newTestPeer(t, 1, 0)
	prefixes := func(declared DeclaredPrefix, addresses ...string) []NetPrefix {
		f := relayFields(t, 3)
		f.Addresses, f.Declared = nil, declared
		for _, s := range addresses {
			f.Addresses = append(f.Addresses, testAddress(t, s))
		}
		return p.describe(t, f).Daily().Prefixes()
	}
	if a, b := prefixes(DeclaredPrefix{}, "198.51.100.1:1"), prefixes(DeclaredPrefix{}, "198.51.7.9:2"); !slices.Equal(a, b) {
		t.Error("two addresses of one /16 count as two networks")
	}
	if a, b := prefixes(DeclaredPrefix{}, "127.1.0.1:1"), prefixes(DeclaredPrefix{}, "127.2.0.1:1"); slices.Equal(a, b) {
		t.Error("two /16 count as one network")
	}
	if a, b := prefixes(DeclaredPrefix{}, "[2001:db8:1::1]:1"), prefixes(DeclaredPrefix{}, "[2001:db8:2::1]:1"); !slices.Equal(a, b) {
		t.Error("two addresses of one /32 count as two networks")
	}
	if n := len(prefixes(DeclaredPrefix{}, "192.0.2.1:1", "[2001:db8::1]:1")); n != 2 {
		t.Errorf("an IPv4 and an IPv6 address count as %d networks", n)
	}
	if n := len(prefixes(DeclaredPrefix{}, "192.0.2.1:1", "192.0.2.1:2")); n != 1 {
		t.Errorf("two ports count as %d networks", n)
	}
	if a, b := prefixes(DeclaredPrefix{1}, "127.0.0.1:1"), prefixes(DeclaredPrefix{2}, "127.0.0.1:1"); slices.Equal(a, b) || len(a) != 1 {
		t.Error("declared prefixes don't part the peers of one machine")
	}
	if got := p.describe(t, anonymousFields(t, 3)).Daily().Prefixes(); got != nil {
		t.Error("an anonymous peer is in a network")
	}
}

func TestCapacityIsALogarithm(t *testing.T) {
	for dps, want := range map[uint64]Capacity{0: 0, 1: 0, 2: 1, 3: 1, 1 << 17: 17, 1<<18 - 1: 17, 1 << 60: MaxCapacity} {
		if got := CapacityOf(dps); got != want {
			t.Errorf("%d datagrams per second: %d, want %d", dps, got, want)
		}
	}
	if Capacity(17).DatagramsPerSecond() != 1<<17 || Capacity(255).DatagramsPerSecond() != 1<<24 {
		t.Error("the way back is another")
	}
}

func TestFamiliesAreOfOneOverlay(t *testing.T) {
	other := testOverlay(t)
	other.b[0] ^= 1
	if FamilyOf(other, "mine") == FamilyOf(testOverlay(t), "mine") || FamilyOf(other, "mine") == FamilyOf(other, "yours") {
		t.Error("a family depends too little on its name or overlay")
	}
	if !FamilyOf(other, "").IsZero() {
		t.Error("no name gives a family")
	}
}
