// Whether the clock of this machine can be right, as far as a state can tell at the start of a node.
//
// A clock that is behind shows itself: something signed, or the last run, lies in its future. A clock that is ahead only
// looks like a document that ended; a visit to the authority, or the silence of every seed, tells the two apart.

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sotto/overlay/enroll/document"
)

const (
	seenName = "seen"
	seenMax  = 64
)

// errClockAhead is told by the authority, whose answer has its time.
func errClock(now time.Time) error {
	return fmt.Errorf("the clock of this machine shows %s, and that of the authority differs by more than %d minutes; set the clock, then start again",
		day(now), document.Slack/time.Minute)
}

// checkClock refuses a clock that is behind what the state has seen. What has ended is for the caller to judge.
func (m *member) checkClock(now time.Time) error {
	behind := func(what string, at time.Time) error {
		return fmt.Errorf("the clock of this machine shows %s, and %s %s; set the clock, then start again", day(now), what, day(at))
	}
	o, err := m.id.Document()
	if err != nil {
		return aboutIdentity(err)
	}
	if errors.Is(o.Check(now), document.ErrFuture) {
		return behind("the overlay document was signed on", o.Contents().Issued)
	}
	_, cert, err := m.id.User()
	if err != nil {
		return aboutIdentity(err)
	}
	if now.Add(document.Slack).Before(cert.NotBefore()) {
		return behind("the certificate begins on", cert.NotBefore())
	}
	if genesis := o.Contents().Founding.Genesis; now.Before(genesis) {
		return behind("the overlay begins on", genesis)
	}
	seen, err := m.seen()
	if err == nil && now.Add(document.Slack).Before(seen) {
		return behind("this node last ran on", seen)
	}
	return err
}

// seen is when a node last ran on this state; the zero time if it is not known.
func (m *member) seen() (time.Time, error) {
	path := filepath.Join(m.dir, seenName)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	content, err := readSecret(path, seenMax)
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, string(content))
	if err != nil {
		return time.Time{}, nil // it is a help and no more
	}
	return at, nil
}

// see notes that a node runs now.
func (m *member) see() error {
	return writeSecret(filepath.Join(m.dir, seenName), m.now().UTC().AppendFormat(nil, time.RFC3339))
}
