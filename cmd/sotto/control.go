// The socket in a state directory over which the process that runs there answers the commands beside it: `sotto status`
// asks a node, `sotto authority invite` the authority that is being served.
//
// One connection carries one question and one answer, each a JSON document. Who may open the directory may ask.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	controlName = "control"

	// maxQuestion bounds what is read of a question; the longest is a sealed or armoured file of an authority's order.
	maxQuestion = 1 << 20
	// maxReply bounds an answer; the longest is the backup of a large authority, in base64.
	maxReply = 128 << 20
	// visitTime is how long a visit to the authority may take that somebody waits for.
	visitTime = 30 * time.Second
	// controlTime is how long one question may take with its answer: that visit, and some room.
	controlTime = visitTime + 10*time.Second
	// controlGrace is what is left for it once the process is to end.
	controlGrace = time.Second
	// maxQuestioners bounds connections at a time. More wait in the system's queue.
	maxQuestioners = 8

	// maxSocketPath is the least that any of our systems takes for the path of a local socket, in bytes (macOS: 104).
	maxSocketPath = 100
)

// errNobody is returned by ask where no process answers for a state directory.
var errNobody = errors.New("nothing runs on this state directory; start it first")

// listenControl opens the socket of a state directory. The caller holds the directory's lock, so that a socket that is
// there already was left behind by a process that was killed.
func listenControl(dir string) (net.Listener, error) {
	path := filepath.Join(dir, controlName)
	fault := func(err error) error {
		return fmt.Errorf("cannot make the socket %s (%w); use a state directory on a local disk", path, plainCause(err))
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault(err)
	}
	var l net.Listener
	err := withShortPath(dir, func(dir string) error {
		unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, controlName), Net: "unix"})
		if err != nil {
			return err
		}
		unix.SetUnlinkOnClose(false) // the path it knows may be the short one, which is gone by then
		l = unix
		return os.Chmod(path, secretMode)
	})
	if err != nil {
		if l != nil {
			l.Close()
		}
		return nil, fault(err)
	}
	return l, nil
}

// serveControl answers questions until ctx ends, then removes the socket of dir. It returns when every answer is given.
func serveControl(ctx context.Context, dir string, l net.Listener, answer func(question []byte) any) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var open sync.WaitGroup
	room := make(chan struct{}, maxQuestioners)
	for {
		conn, err := l.Accept()
		if err != nil {
			break
		}
		room <- struct{}{}
		open.Go(func() {
			defer func() { conn.Close(); <-room }()
			answerOne(ctx, conn, answer)
		})
	}
	open.Wait()
	l.Close()
	os.Remove(filepath.Join(dir, controlName))
}

func answerOne(ctx context.Context, conn net.Conn, answer func(question []byte) any) {
	if conn.SetDeadline(time.Now().Add(controlTime)) != nil {
		return
	}
	// A questioner that says or reads nothing must not hold up the end of the process.
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now().Add(controlGrace)) })()
	var question json.RawMessage
	if json.NewDecoder(io.LimitReader(conn, maxQuestion)).Decode(&question) != nil {
		return
	}
	// There is nobody to tell when the questioner has left.
	_ = json.NewEncoder(conn).Encode(answer(question))
}

// ask puts one question to the process that runs on dir and reads its answer. It returns errNobody if there is none.
func ask(ctx context.Context, dir string, question, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, controlTime)
	defer cancel()
	var conn net.Conn
	err := withShortPath(dir, func(dir string) error {
		var dialer net.Dialer
		var err error
		conn, err = dialer.DialContext(ctx, "unix", filepath.Join(dir, controlName))
		return err
	})
	if err != nil {
		return errNobody
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	err = json.NewEncoder(conn).Encode(question)
	if err == nil {
		err = json.NewDecoder(io.LimitReader(conn, maxReply)).Decode(answer)
	}
	if err != nil {
		return errors.New("the process on this state directory does not answer; look at its log, or start it again")
	}
	return nil
}

// withShortPath calls f with dir, or with a short link to it where the path of the socket would be longer than the
// system takes. The link is gone when f returns.
func withShortPath(dir string, f func(dir string) error) error {
	whole, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if len(whole)+1+len(controlName) <= maxSocketPath {
		return f(whole)
	}
	between, err := os.MkdirTemp("", "sotto-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(between)
	link := filepath.Join(between, "s")
	if err := os.Symlink(whole, link); err != nil {
		return err
	}
	return f(link)
}
