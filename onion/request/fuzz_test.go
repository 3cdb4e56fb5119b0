// Both ends under random events, honest, hostile and nonsensical ones.

package request

import (
	"bytes"
	"testing"
	"time"

	"sotto/onion/cell"
)

// The peer must stay within its limits, and ask its service once a circuit, whatever arrives.
func FuzzServer(f *testing.F) {
	for seed := range uint64(6) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		long := Service{Number: 16, Forward: 15, ForwardParity: true, Answer: 3, AnswerParity: true}
		l := newLab(t, seed, Echo, EchoTrain, long)
		limits := DefaultLimits()
		limits.Requests, limits.PerNeighbor, limits.Bytes, limits.BytesPerNeighbor = 12, 6, 60_000, 40_000
		l.server.limits = limits
		asked, ended := map[Circuit]bool{}, map[Circuit]bool{}
		for range 300 {
			l.now = l.now.Add(time.Duration(l.rand.IntN(200)) * time.Millisecond)
			h, n := Circuit(l.rand.IntN(30)), Neighbor(l.rand.IntN(3))
			var out []Action
			switch l.rand.IntN(8) {
			case 0, 1:
				first := make([]byte, cell.EarlyFirstLen)
				_, _ = seeded(l.rand.Uint64()).Read(first)
				first[0], first[1], first[2] = byte(cell.Ask), []byte{1, 2, 16, 77}[l.rand.IntN(4)], byte(l.rand.IntN(20))
				if !ended[h] { // a circuit is created once
					out = l.server.Early(l.now, h, n, first)
				}
			case 2, 3, 4:
				for i := range 18 {
					out = append(out, l.server.Arrived(l.now, h, cell.Request, fillUp([]byte{byte(i + l.rand.IntN(2))}))...)
				}
			case 5:
				out = l.server.Arrived(l.now, h, cell.Message(l.rand.IntN(14)), fillUp(appendAgain(nil, set(l.rand.Uint32()>>l.rand.IntN(32)))))
			case 6:
				if l.server.jobs[h] != nil {
					ended[h] = true
				}
				l.server.Closed(h)
			case 7:
				out, _ = l.server.Answer(l.now, h, make([]byte, l.rand.IntN(400)))
			}
			out = append(out, l.server.Tick(l.now)...)
			for _, a := range out {
				if a.Kind == ActAsk && (asked[a.Circuit] || ended[a.Circuit]) {
					t.Fatal("executed twice")
				}
				asked[a.Circuit] = asked[a.Circuit] || a.Kind == ActAsk
				ended[a.Circuit] = ended[a.Circuit] || a.Kind == ActClose || a.Message == cell.Answer
			}
			l.check()
		}
		l.now = l.now.Add(time.Minute)
		l.server.Tick(l.now)
		if l.server.Requests() != 0 || l.server.bytes != 0 {
			t.Fatal("something is left")
		}
	})
}

// The asking end must end each request once, whatever its peer sends.
func FuzzClient(f *testing.F) {
	for seed := range uint64(6) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		l := newLab(t, seed)
		services := []Service{Echo, EchoTrain, sixteen(true), {Number: 17, Forward: MaxForward, Answer: MaxAnswer}}
		began, ended := 0, 0
		count := func(all []Action) {
			for _, a := range all {
				if a.Kind == ActDone {
					ended++
				}
				if a.Kind == ActSend && (len(a.Payload) == 0 || len(a.Payload) > cell.PayloadLen) {
					t.Fatal("a payload of the wrong length")
				}
			}
		}
		for range 300 {
			l.now = l.now.Add(time.Duration(l.rand.IntN(200)) * time.Millisecond)
			h := Circuit(l.rand.IntN(20))
			payload := fillUp([]byte{byte(l.rand.IntN(34)), byte(l.rand.IntN(3))})
			switch l.rand.IntN(7) {
			case 0, 1:
				s := services[l.rand.IntN(len(services))]
				if _, _, err := l.client.Ask(l.now, h, s, testContent(l.rand.IntN(s.RequestMax())), testLimit); err == nil {
					began++
				}
			case 2:
				count(l.client.Opened(l.now, h))
			case 3:
				for i := range byte(l.rand.IntN(33)) {
					count(l.client.Arrived(l.now, h, cell.Answer, append([]byte{i, 0}, bytes.Clone(payload[2:])...)))
				}
			case 4:
				count(l.client.Arrived(l.now, h, cell.Message(l.rand.IntN(14)), payload))
			case 5:
				count(l.client.Arrived(l.now, h, cell.Again, fillUp(appendAgain(nil, set(l.rand.Uint32()>>l.rand.IntN(32))))))
			case 6:
				count(l.client.Closed(h))
			}
			count(l.client.Tick(l.now))
			l.check()
		}
		count(l.client.Tick(l.now.Add(testLimit)))
		if began != ended || l.client.Requests() != 0 {
			t.Fatalf("%d began, %d ended", began, ended)
		}
	})
}
