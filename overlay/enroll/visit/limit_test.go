// Nobody takes the service from the others.

package visit

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"sotto/overlay/enroll/document"
)

func readerOf(b []byte) io.Reader { return bytes.NewReader(b) }

func TestOneSourceTakesNothingFromTheOthers(t *testing.T) {
	l, now := newLimiter(), time.Unix(1000, 0)
	granted := 0
	for range 1000 {
		if l.allow("192.0.2.1:5", now) {
			granted++
		}
	}
	if granted != sourceBurst {
		t.Errorf("one source got %d visits at once, want %v", granted, sourceBurst)
	}
	if !l.allow("192.0.2.2:5", now) || !l.allow("[2001:db8::1]:5", now) {
		t.Error("another source is refused")
	}
	if l.allow("192.0.2.1:6", now.Add(time.Second)) || !l.allow("192.0.2.1:6", now.Add(4*time.Second)) {
		t.Error("a visit comes back after three seconds, not sooner or later")
	}
	for n := range 100 {
		l.allow(fmt.Sprintf("[2001:db8::%x]:1", n), now)
	}
	if l.allow("[2001:db8::ffff]:1", now) {
		t.Error("addresses of one subscriber count apart")
	}
}

func TestTableOfSourcesIsBounded(t *testing.T) {
	l, now := newLimiter(), time.Unix(1000, 0)
	for n := range 3 * maxSources {
		l.source(fmt.Sprintf("10.%d.%d.%d:1", n>>16, n>>8&255, n&255), now).take(now, sourceRate, sourceBurst)
	}
	if len(l.sources) > maxSources {
		t.Errorf("%d sources, want at most %d", len(l.sources), maxSources)
	}
	later := now.Add(time.Hour)
	l.source("192.0.2.1:1", later)
	if len(l.sources) != 1 {
		t.Errorf("%d idle sources are still there", len(l.sources)-1)
	}
}

type endless struct{ net.Listener }

func (endless) Accept() (net.Conn, error) {
	a, _ := net.Pipe()
	return a, nil
}

func (endless) Close() error { return nil }

func TestConnectionsAreBounded(t *testing.T) {
	g := newGate(endless{}, maxPerSource)
	var open []net.Conn
	for range maxPerSource {
		c, err := g.Accept()
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	got := make(chan error)
	go func() { _, err := g.Accept(); got <- err }()
	select {
	case <-got:
		t.Fatal("one connection more than there are places")
	default:
	}
	open[0].Close()
	open[0].Close()
	if err := <-got; err != nil {
		t.Errorf("after one left: %v", err)
	}
	go func() { _, err := g.Accept(); got <- err }()
	g.Close()
	if err := <-got; err == nil {
		t.Error("closing does not end the waiting")
	}
}

func TestManyStrangersTakeNothingFromAKnownSource(t *testing.T) {
	l := newLimiter()
	now := time.Unix(1000, 0)
	if !l.allow("192.0.2.1:1", now) {
		t.Fatal("the first visit is refused")
	}
	l.granted("192.0.2.1:1")
	refused := 0
	for s := range 600 { // ten minutes
		now = now.Add(time.Second)
		for i := range 40 { // 40 sources, each below its own rate of one in three seconds
			if s%3 == i%3 {
				l.allow(fmt.Sprintf("198.51.100.%d:1", i), now)
			}
		}
		if s%60 == 59 && !l.allow("192.0.2.1:1", now) {
			refused++
		}
	}
	if refused > 0 {
		t.Errorf("40 polite strangers: %d of 10 visits of a known source refused", refused)
	}
}

func TestKnownSourceIsForgottenAfterDaysOnly(t *testing.T) {
	l, now := newLimiter(), time.Unix(1000, 0)
	l.allow("192.0.2.1:1", now)
	l.granted("192.0.2.1:1")
	l.sweep(now.Add(knownLife - time.Minute))
	if len(l.sources) != 1 {
		t.Error("a source that comes every day is a stranger again")
	}
	if l.sweep(now.Add(knownLife + time.Minute)); len(l.sources) != 0 {
		t.Error("sources are kept for ever")
	}
}

func TestOnlyAGrantMakesASourceKnown(t *testing.T) {
	now := time.Unix(1e9, 0)
	if grants(answers(t, now)) || grants(nil) || grants(make([]byte, document.AnswerUnit)) {
		t.Error("a refusal, or nothing, counts as a grant")
	}
	if !grants(answer(t, document.Answer{At: now, Document: make([]byte, 100)})) {
		t.Error("a grant does not count")
	}
}
