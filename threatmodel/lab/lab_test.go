package lab

// The lab itself: it repeats itself from its seed, sees everything, and files what is learned under the right name.

import (
	"bytes"
	"crypto/sha256"
	"net/netip"
	"testing"
	"time"

	"sotto/internal/simnet"
	"sotto/noise"
)

// pair is a lab with a relay and an anonymous node that links to it.
func pair(t *testing.T, seed uint64) (l *Lab, relay, client *Node, link noise.LinkID) {
	t.Helper()
	l = New(Config{Seed: seed, Link: simnet.Link{Latency: 20 * time.Millisecond, Jitter: 5 * time.Millisecond}})
	relay, err := l.Node(NodeConfig{Name: "relay", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
	if err != nil {
		t.Fatal(err)
	}
	client, err = l.Node(NodeConfig{Name: "client", Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.1")}, Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	if link, err = client.Dial(relay.Target(noise.NK)); err != nil {
		t.Fatal(err)
	}
	l.Run(time.Second)
	return l, relay, client, link
}

func TestTheSameSeedGivesTheSameDatagrams(t *testing.T) {
	run := func(seed uint64) [32]byte {
		l, _, client, link := pair(t, seed)
		h := sha256.New()
		l.Watch(func(d Datagram) { h.Write(d.Payload); h.Write([]byte(d.Time.String())) })
		for range 200 {
			if err := client.Send(link, make([]byte, noise.FrameLen)); err != nil {
				t.Fatal(err)
			}
			l.Run(time.Second)
		}
		return [32]byte(h.Sum(nil))
	}
	first, again, other := run(5), run(5), run(6)
	if first != again {
		t.Error("two runs of one seed differ")
	}
	if first == other {
		t.Error("two seeds give one run")
	}
}

func TestKnowledgeIsFiledUnderItsOwner(t *testing.T) {
	l, relay, client, link := pair(t, 3)
	secret := bytes.Repeat([]byte("a canary "), 2)
	l.Plant(PlantBytes("frame", secret))
	sent := 0
	l.Watch(func(d Datagram) {
		if d.Sender == client {
			sent++
		}
	})
	if err := client.Send(link, append(secret, make([]byte, noise.FrameLen-len(secret))...)); err != nil {
		t.Fatal(err)
	}
	l.Run(time.Second)
	if relay.Knows.Canaries["frame"] != 1 || client.Knows.Canaries["frame"] != 0 {
		t.Errorf("relay read %d, client %d", relay.Knows.Canaries["frame"], client.Knows.Canaries["frame"])
	}
	if len(l.OnWire()) != 0 {
		t.Errorf("on the wire: %v", l.OnWire())
	}
	if relay.Knows.Addresses[client.Addr()] == 0 || len(relay.Knows.Addresses) != 1 || sent != 1 {
		t.Errorf("the relay heard from %d addresses, the client sent %d datagrams", len(relay.Knows.Addresses), sent)
	}
	if client.Knows.Keys[relay.Static().Public()] != 1 || len(relay.Knows.Keys) != 0 {
		t.Error("the keys that were proven are filed wrongly")
	}
}

func TestForgedSourcesHaveNoSender(t *testing.T) {
	l, relay, client, _ := pair(t, 4)
	l.Plant(PlantText("text", "plain as day"))
	var forged, own int
	l.Watch(func(d Datagram) {
		if d.Sender == nil {
			forged++
		} else {
			own++
		}
	})
	host := client.Machine().Host()
	if err := host.Forge(netip.MustParseAddrPort("203.0.113.9:9"), relay.Addr(), []byte("plain as day")); err != nil {
		t.Fatal(err)
	}
	l.Run(time.Second)
	if forged != 1 || own != 0 || l.OnWire()["text"] != 1 {
		t.Errorf("forged %d, own %d, canaries %v", forged, own, l.OnWire())
	}
}

func TestRestartedNodeHasForgottenItsLinks(t *testing.T) {
	l, relay, client, link := pair(t, 5)
	if err := relay.Restart(false); err != nil {
		t.Fatal(err)
	}
	if err := client.Send(link, make([]byte, noise.FrameLen)); err != nil {
		t.Fatal(err)
	}
	l.Run(time.Minute)
	if relay.Knows.Frames != 0 || relay.Core().Stats().Links != 0 {
		t.Error("a link survived the restart of its end")
	}
	if client.Knows.Down != 1 {
		t.Errorf("the client saw %d links end", client.Knows.Down)
	}
}
