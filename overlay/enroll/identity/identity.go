// Beginning and opening an identity, and the transactions that everything else runs in.

package identity

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"sotto/noise"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
)

var (
	// ErrJoined says that the state has been enrolled already.
	ErrJoined = errors.New("identity: already enrolled")
	// ErrNotJoined says that enrolment has begun and not ended.
	ErrNotJoined = errors.New("identity: enrolment is not finished")
	// ErrOtherInvite says that enrolment has begun with another invite.
	ErrOtherInvite = errors.New("identity: enrolment was begun with another invite")
	// ErrNone says that there is no such key, admission or certificate here yet.
	ErrNone = errors.New("identity: not there yet")
	// ErrPending says that a change of keys waits for its answer first.
	ErrPending = errors.New("identity: a change of keys is not finished")
	// ErrUnasked says that an answer came although nothing was asked.
	ErrUnasked = errors.New("identity: nothing was asked")
	// ErrRestored says that the identity came back from a backup, and may have shown a descriptor of that period
	// before that the backup does not know.
	ErrRestored = errors.New("identity: restored, and not sure what was published in that period")
	// ErrSecondDaily says that another descriptor of that period was shown already: two would prove
	// equivocation and exclude the peer.
	ErrSecondDaily = errors.New("identity: there is another descriptor of that period")
)

// Identity is an open identity, locked against other processes. Its methods are safe for concurrent use. It
// never prints itself.
type Identity struct {
	store *store.Store
}

// The tables of the state.
const (
	tableState  = "state"  // one record
	tablePeers  = "peers"  // key epoch → peer key and admission
	tableSlots  = "slots"  // epoch → slot certificate
	tablePlaces = "places" // key epoch → y
	tableDaily  = "daily"  // period → daily part of the descriptor
)

var tables = []string{tableState, tablePeers, tableSlots, tablePlaces, tableDaily}

// state is the one record of settings.
type state struct {
	Name     string
	UserKey  []byte
	NextKey  []byte // while a change of keys waits for its answer
	Cert     []byte // none until enrolled
	Code     []byte // until enrolled
	Seed     bool   // may ask for its relay to be listed
	LinkKey  []byte
	Writer   []byte // master of the writer keys
	Document []byte
	Pending  []byte // the request that waits for its answer
	// Successions are the owner's changes of keys, oldest first, for contacts who pinned an earlier one.
	Successions [][]byte
	// SilentUntil is the first period of which a descriptor may be signed; after a restore, a later one.
	SilentUntil uint32
}

// maxSuccessions bounds how far back a contact may have pinned a key; the oldest is dropped.
const maxSuccessions = 16

// peerRecord is a record of tablePeers.
type peerRecord struct {
	Key    []byte // seed
	Factor []byte // of the blinding, until admitted
	Static []byte // once admitted
}

// Begin starts enrolment in dir with a checked invite, or takes up one that was begun there with the same
// invite. It makes the keys and asks nobody. Nothing appears at dir unless everything is written.
func Begin(dir string, invite document.Invite, now time.Time) (*Identity, error) {
	if err := invite.Check(now); err != nil {
		return nil, err
	}
	s, err := store.Open(dir, store.Identity)
	if errors.Is(err, store.ErrMissing) {
		if err := create(dir, invite); err != nil {
			return nil, err
		}
		s, err = store.Open(dir, store.Identity)
	}
	if err != nil {
		return nil, err
	}
	i := &Identity{store: s}
	if err := i.sameInvite(invite); err != nil {
		s.Close()
		return nil, err
	}
	return i, nil
}

func create(dir string, invite document.Invite) error {
	user, err := document.GenerateUserKey()
	if err != nil {
		return err
	}
	link, err := noise.GenerateStaticKey(rand.Reader)
	if err != nil {
		return errors.New("identity: no randomness for a link key")
	}
	private, code, writer := link.Bytes(), invite.Code.Bytes(), make([]byte, 32)
	rand.Read(writer) // never fails (Go 1.24)
	s := state{Name: invite.AoR.Canonical(), UserKey: user.Bytes(), Code: code[:], Seed: invite.Seed, LinkKey: private[:],
		Writer: writer, Document: invite.Overlay.Bytes()}
	return store.Create(dir, store.Identity, tables, nil, func(tx *store.Tx) error {
		return store.Put(tx, tableState, []byte(tableState), s)
	})
}

// sameInvite compares a state with the invite that it is to be used with.
func (i *Identity) sameInvite(invite document.Invite) error {
	return i.view(func(t *transaction) error {
		code := invite.Code.Bytes()
		switch {
		case t.known.ID() != invite.Overlay.ID():
			return document.ErrForeign
		case t.s.Cert != nil:
			return ErrJoined
		case string(t.s.Code) != string(code[:]):
			return ErrOtherInvite
		}
		return nil
	})
}

// Open opens an identity that is enrolled; ErrNotJoined if it is not yet, else the errors of package store.
func Open(dir string) (*Identity, error) {
	i, err := Resume(dir)
	if err != nil {
		return nil, err
	}
	err = i.view(func(t *transaction) error {
		if t.s.Cert == nil {
			return ErrNotJoined
		}
		return nil
	})
	if err != nil {
		i.Close()
		return nil, err
	}
	return i, nil
}

// Resume opens an identity, be it enrolled or still waiting for its first answer.
func Resume(dir string) (*Identity, error) {
	s, err := store.Open(dir, store.Identity)
	if err != nil {
		return nil, err
	}
	return &Identity{store: s}, nil
}

// Close gives the state back. Closing twice is fine.
func (i *Identity) Close() error { return i.store.Close() }

// Discard closes an identity that is not enrolled and removes it, so that nothing half-done is left behind. Of
// an enrolled one it returns ErrJoined and leaves it.
func (i *Identity) Discard() error {
	err := i.view(func(t *transaction) error {
		if t.s.Cert != nil {
			return ErrJoined
		}
		return nil
	})
	if err != nil {
		return err
	}
	dir := i.store.Dir()
	if err := i.store.Close(); err != nil {
		return store.ErrDisk
	}
	if err := os.RemoveAll(dir); err != nil {
		return store.ErrDisk
	}
	return nil
}

// Format prints a fixed text for every verb.
func (i *Identity) Format(s fmt.State, _ rune) { io.WriteString(s, "[identity]") }

// LogValue logs a fixed text.
func (i *Identity) LogValue() slog.Value { return slog.StringValue("[identity]") }

// transaction is one operation in progress.
type transaction struct {
	tx    *store.Tx
	s     state
	aor   document.AoR
	known document.Overlay
}

func (i *Identity) begin(tx *store.Tx) (*transaction, error) {
	t := &transaction{tx: tx}
	if err := get(tx, tableState, []byte(tableState), &t.s); err != nil {
		return nil, store.ErrDamaged
	}
	var err1, err2 error
	t.aor, err1 = document.ParseAoR(t.s.Name)
	t.known, err2 = document.ParseOverlay(t.s.Document)
	if err1 != nil || err2 != nil {
		return nil, store.ErrDamaged
	}
	return t, nil
}

func (i *Identity) view(f func(*transaction) error) error {
	return i.store.View(func(tx *store.Tx) error {
		t, err := i.begin(tx)
		if err != nil {
			return err
		}
		return f(t)
	})
}

func (i *Identity) update(f func(*transaction) error) error {
	return i.store.Update(func(tx *store.Tx) error {
		t, err := i.begin(tx)
		if err != nil {
			return err
		}
		if err := f(t); err != nil {
			return err
		}
		return store.Put(tx, tableState, []byte(tableState), t.s)
	})
}

// get reads a record; ErrNone if there is none.
func get(tx *store.Tx, table string, key []byte, record any) error {
	found, err := store.Get(tx, table, key, record)
	if err == nil && !found {
		return ErrNone
	}
	return err
}

func number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
