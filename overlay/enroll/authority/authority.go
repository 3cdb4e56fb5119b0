// Creating and opening an authority, and the transactions that everything else runs in.

package authority

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/peer"
)

var (
	// ErrTaken says that a name belongs to somebody, or is promised to somebody by an open invite.
	ErrTaken = errors.New("authority: the name is taken")
	// ErrUnknown says that nobody of that name, or no such peer, is enrolled.
	ErrUnknown = errors.New("authority: not enrolled")
	// ErrFull says that a bound is reached: open invites, seeds, revocations.
	ErrFull = errors.New("authority: a list is full")
	// ErrMixed says that a seed is not of the same kind of network, public or private, as the seeds there are.
	ErrMixed = errors.New("authority: public and private seeds do not mix")
	// ErrNoRoot says that the root key is not in the state; it was taken away to be kept offline.
	ErrNoRoot = errors.New("authority: the root key is not here")
	// ErrKeysEnded says that the root's word for the online keys has ended: RotateKeys.
	ErrKeysEnded = errors.New("authority: the online keys have ended")
	// ErrOtherRoot says that a root key is not that of this overlay.
	ErrOtherRoot = errors.New("authority: another overlay's root key")
	// ErrClock says that this machine's clock is behind what the authority signed before.
	ErrClock = errors.New("authority: the clock is behind an earlier signature")
	// ErrPause says that the clock is further ahead of the newest document than an authority at work lets pass: Resume.
	ErrPause = errors.New("authority: a long pause, or the clock is ahead")
	// ErrConfig says that an overlay cannot be founded with these values.
	ErrConfig = errors.New("authority: unusable configuration")
	// ErrLate says that it is too late: a founding after period 0.
	ErrLate = errors.New("authority: too late")
)

// Config is what an overlay is founded with. Zero durations and parameters mean the defaults.
type Config struct {
	Name             string
	Genesis          time.Time // zero: now
	Period, KeyEpoch time.Duration
	Params           document.Params
	// Service is the address (host:port) at which the authority will answer, empty for files only.
	Service string
}

// Options are seams for tests, demo and the threat model; the zero value is right elsewhere.
type Options struct {
	// GenerateBlind makes a blind key; nil means blind.GenerateKey.
	GenerateBlind func() (blind.PrivateKey, error)
	// Observe, if set, is shown everything that the authority sees of a request, as the adversary A6 would
	// keep it.
	Observe func(Transcript)
}

// Authority is an open authority. Its methods are safe for concurrent use. It never prints itself.
type Authority struct {
	store   *store.Store
	options Options
}

// The tables of the state.
const (
	tableState    = "state"    // one record: settings and the current document
	tableKeys     = "keys"     // generation → online keys
	tableBlind    = "blind"    // key epoch → blind key
	tableInvites  = "invites"  // name of the code → invite
	tableUsers    = "users"    // name → person
	tableAdmitted = "admitted" // name, key epoch → admissions given
	tableWriters  = "writers"  // epoch, name → writer keys certified
	tablePlaces   = "places"   // key epoch, name → y
	tableRevoked  = "revoked"  // serial → when it ends
	tableNodes    = "nodes"    // NodeID → key epoch
	tableSeeds    = "seeds"    // NodeID → seed
	tableFounding = "founding" // NodeID → descriptor of period 0
)

var tables = []string{tableState, tableKeys, tableBlind, tableInvites, tableUsers, tableAdmitted, tableWriters, tablePlaces,
	tableRevoked, tableNodes, tableSeeds, tableFounding}

// state is the one record of settings. The current document is kept as signed.
type state struct {
	Founding   []byte // as Config, in JSON
	Params     document.Params
	Service    string
	TLS        []byte // Ed25519 seed
	Size       uint32
	Generation uint32
	Document   []byte
	// UnknownUntil is, after a restore, when the last certificate ends that the lost state may have issued.
	UnknownUntil int64
}

// Create founds an overlay with its keys and first document in dir, which must not hold anything yet: all of
// it or nothing. It takes some hundred milliseconds for the RSA keys.
func Create(dir string, c Config, o Options, now time.Time) error {
	c, err := c.complete(now)
	if err != nil {
		return err
	}
	root, err := document.NewRootKey(rand.Reader)
	if err != nil {
		return err
	}
	founding, err := document.NewFounding(c.Name, root.Public(), c.Genesis, c.Period, c.KeyEpoch)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	seed := root.Seed()
	return store.Create(dir, store.Authority, tables, map[string][]byte{rootFile: seed[:]}, func(tx *store.Tx) error {
		return found(tx, c, founding, root, o, now)
	})
}

func (c Config) complete(now time.Time) (Config, error) {
	if c.Genesis.IsZero() {
		c.Genesis = now
	}
	if c.Period == 0 {
		c.Period = peer.DefaultPeriod
	}
	if c.KeyEpoch == 0 {
		c.KeyEpoch = 60 * c.Period
	}
	if c.Params == (document.Params{}) {
		c.Params = document.DefaultParams()
		// An overlay of shorter periods, as in tests, admits as early in proportion.
		c.Params.AdmitAhead = min(c.Params.AdmitAhead, c.KeyEpoch/4).Truncate(time.Second)
	}
	if c.Genesis.Before(time.Unix(0, 0)) {
		return c, ErrConfig
	}
	return c, nil
}

func found(tx *store.Tx, c Config, founding document.Founding, root document.RootKey, o Options, now time.Time) error {
	s := state{Params: c.Params, Service: c.Service}
	var err error
	if s.Founding, err = json.Marshal(founding); err != nil {
		return err
	}
	if s.TLS, err = newTLSKey(); err != nil {
		return err
	}
	if err := addKeys(tx, founding.ID(), root, 0, now); err != nil {
		return err
	}
	t := &transaction{tx: tx, s: s, founding: founding, options: o, now: now.UTC()}
	if t.calendar, err = founding.Calendar(); err != nil {
		return ErrConfig
	}
	if err := t.prepareBlind(); err != nil {
		return err
	}
	if err := t.sign(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return t.save()
}

// Open opens the authority in dir. The errors are those of package store.
func Open(dir string, o Options) (*Authority, error) {
	s, err := store.Open(dir, store.Authority)
	if err != nil {
		return nil, err
	}
	a := &Authority{store: s, options: o}
	if err := s.View(func(tx *store.Tx) error { _, err := a.begin(tx, time.Time{}); return err }); err != nil {
		s.Close()
		return nil, err
	}
	return a, nil
}

// Close gives the state back. Closing twice is fine.
func (a *Authority) Close() error { return a.store.Close() }

// Format prints a fixed text for every verb.
func (a *Authority) Format(s fmt.State, _ rune) { io.WriteString(s, "[authority]") }

// LogValue logs a fixed text.
func (a *Authority) LogValue() slog.Value { return slog.StringValue("[authority]") }

// transaction is one operation in progress: the settings as read, and whether to write them.
type transaction struct {
	tx       *store.Tx
	s        state
	founding document.Founding
	calendar peer.Calendar
	current  document.Overlay
	options  Options
	now      time.Time
	signed   bool // the settings have changed, and with them the document
}

func (a *Authority) begin(tx *store.Tx, now time.Time) (*transaction, error) {
	t := &transaction{tx: tx, options: a.options, now: now.UTC()}
	if err := get(tx, tableState, []byte("state"), &t.s); err != nil {
		return nil, err
	}
	err := json.Unmarshal(t.s.Founding, &t.founding)
	if err == nil {
		t.calendar, err = t.founding.Calendar()
	}
	if err == nil {
		t.current, err = document.ParseOverlay(t.s.Document)
	}
	if err != nil {
		return nil, store.ErrDamaged
	}
	return t, nil
}

// update runs f in one transaction that is written whole or not at all. A clock that went back is refused:
// what is signed now would be dated before what was signed earlier. One that is far ahead is refused with ErrPause:
// what is signed by it could never be taken back, and nothing after it would be believed until that time comes.
func (a *Authority) update(now time.Time, f func(*transaction) error) error {
	return a.write(now, func(t *transaction) error {
		if now.After(t.current.Contents().Issued.Add(DocumentLife)) {
			return ErrPause
		}
		return f(t)
	})
}

func (a *Authority) write(now time.Time, f func(*transaction) error) error {
	return a.store.Update(func(tx *store.Tx) error {
		t, err := a.begin(tx, now)
		if err != nil {
			return err
		}
		if now.Add(document.Slack).Before(t.current.Contents().Issued) {
			return ErrClock
		}
		if err := f(t); err != nil || !t.signed {
			return err
		}
		return t.save()
	})
}

func (a *Authority) view(now time.Time, f func(*transaction) error) error {
	return a.store.View(func(tx *store.Tx) error {
		t, err := a.begin(tx, now)
		if err != nil {
			return err
		}
		return f(t)
	})
}

func (t *transaction) save() error { return store.Put(t.tx, tableState, []byte("state"), t.s) }

// get reads a record; ErrUnknown if there is none.
func get(tx *store.Tx, table string, key []byte, record any) error {
	found, err := store.Get(tx, table, key, record)
	if err == nil && !found {
		return ErrUnknown
	}
	return err
}

// each calls f with every record of a table in the order of their keys; f may not change the table.
func each[T any](tx *store.Tx, table string, f func(key []byte, record T) error) error {
	b := tx.Bucket([]byte(table))
	if b == nil {
		return store.ErrDamaged
	}
	return b.ForEach(func(k, v []byte) error {
		var record T
		if json.Unmarshal(v, &record) != nil {
			return store.ErrDamaged
		}
		return f(k, record)
	})
}

// prune deletes the records that over picks.
func prune[T any](tx *store.Tx, table string, over func(key []byte, record T) bool) error {
	var gone [][]byte
	err := each(tx, table, func(k []byte, record T) error {
		if over(k, record) {
			gone = append(gone, append([]byte(nil), k...))
		}
		return nil
	})
	for _, k := range gone {
		if err == nil {
			err = tx.Bucket([]byte(table)).Delete(k)
		}
	}
	return err
}

// count walks a table, because bbolt's own statistics do not see what the transaction has written itself.
func count(tx *store.Tx, table string) int {
	n := 0
	c := tx.Bucket([]byte(table)).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		n++
	}
	return n
}

func keyGeneration(key []byte) uint32 { return binary.BigEndian.Uint32(key) }

func epochKey(epoch uint32, name string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, epoch), name...)
}
