// Wishes: what somebody wants of his own identity, carried out here or by the node that runs on it.
//
// They are to an identity what orders are to an authority: the state is open in one process at a time, and the work is
// the same in either.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/identity"
	"sotto/overlay/enroll/store"
	"sotto/overlay/enroll/visit"
)

// identityName is the directory of the identity in the state directory.
const identityName = "identity"

// wish is one thing to do. It may hold a passphrase and is not to be logged.
type wish struct {
	Do     string
	NewKey bool
	File   []byte // a response

	Passphrase []byte
}

// wishes is everything that can be wished for, apart from the status, which a running node knows more about.
func wishes() map[string]func(*member, wish) (outcome, error) {
	return map[string]func(*member, wish) (outcome, error){
		"backup":   wishBackup,
		"renew":    wishRenew,
		"request":  wishRequest,
		"response": wishResponse,
		"status":   wishStatus,
	}
}

// member is an enrolled state as the commands use it.
type member struct {
	id    *identity.Identity
	dir   string // the state directory
	c     config
	now   func() time.Time
	alive func() *liveStatus // nil where no node runs

	visiting sync.Mutex // one request waits for its answer at a time
}

// openMember opens the state of a node that has joined, for this process alone: store.ErrInUse if another has it, else
// a sentence.
func (e *env) openMember(dir string) (*member, error) {
	if err := checkState(dir); err != nil {
		return nil, err
	}
	c, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	m := &member{dir: dir, c: c, now: e.now}
	if m.id, err = identity.Open(filepath.Join(dir, identityName)); err != nil && !errors.Is(err, store.ErrInUse) {
		err = aboutIdentity(err)
	}
	return m, err
}

// grant carries out a wish.
func (m *member) grant(w wish) outcome {
	do, ok := wishes()[w.Do]
	if !ok {
		return outcome{Fault: "the running node does not know this command; start it again with this version"}
	}
	done, err := do(m, w)
	if err != nil {
		done.Fault = aboutIdentity(err).Error()
	}
	return done
}

// answerWish is what a running node does with a question from its socket.
func (m *member) answerWish(question []byte) any {
	var w wish
	if json.Unmarshal(question, &w) != nil {
		return outcome{Fault: "the running node does not understand this command; start it again with this version"}
	}
	return m.grant(w)
}

// aboutIdentity is what the owner of an identity is told.
func aboutIdentity(err error) error {
	var said sentence
	switch {
	case errors.As(err, &said):
		return said
	case errors.Is(err, store.ErrMissing):
		return errors.New("nobody has joined with this state; run `sotto join INVITE` first, or name the right one with --state DIR")
	case errors.Is(err, store.ErrInUse):
		return errStateInUse
	}
	return errors.New(enroll.Explain(err))
}

// grant has w carried out for the state directory given with --state.
func (e *env) grant(ctx context.Context, given string, w wish) (outcome, error) {
	dir, err := e.stateDir(given)
	if err != nil {
		return outcome{}, err
	}
	if err := checkState(dir); err != nil {
		return outcome{}, err
	}
	var done outcome
	err = patiently(ctx, func() error {
		if err := ask(ctx, dir, w, &done); !errors.Is(err, errNobody) {
			return err
		}
		m, err := e.openMember(dir)
		if err != nil {
			return err
		}
		defer m.id.Close()
		done = m.grant(w)
		return nil
	})
	switch {
	case errors.Is(err, store.ErrInUse):
		return outcome{}, errStateInUse
	case err != nil:
		return outcome{}, err
	}
	if done.Fault != "" {
		return done, errors.New(done.Fault)
	}
	return done, nil
}

// wish carries out w, writes its result to stdout or the file out, and says the rest.
func (e *env) wish(ctx context.Context, given string, w wish, out string) error {
	done, err := e.grant(ctx, given, w)
	if err != nil {
		return err
	}
	if len(done.Result) > 0 {
		if err := e.deliver(done.Result, out); err != nil {
			return err
		}
	}
	if done.Says != "" {
		e.progress("%s", done.Says)
	}
	return nil
}

// renewal is what there is to ask the authority for now.
func (m *member) renewal(newKey bool) (identity.Want, error) {
	now := m.now()
	want, err := m.id.Due(now)
	if err != nil {
		return want, err
	}
	want.NewKey = newKey
	if m.c.role != roleRelay {
		return want, nil
	}
	o, err := m.id.Document()
	if err != nil {
		return want, err
	}
	if want.Admit, want.AdmitEpoch, err = m.admission(o, now); err != nil {
		return want, err
	}
	if !want.Admit {
		want.Seed, err = m.listing(o, now)
	}
	return want, err
}

// admission says whether a relay should ask to be admitted, and in which key epoch: in this one, and in the next as
// soon as the document has its key.
func (m *member) admission(o document.Overlay, now time.Time) (ask bool, keyEpoch uint32, err error) {
	for _, e := range []uint32{enroll.KeyEpoch(o, now), enroll.KeyEpoch(o, now) + 1} {
		if _, err := o.BlindKey(e); err != nil {
			continue
		}
		switch _, _, err := m.id.Peer(e); {
		case errors.Is(err, identity.ErrNone):
			return true, e, nil
		case err != nil:
			return false, 0, err
		}
	}
	return false, 0, nil
}

// listing is the own descriptor if the document should list this relay as a seed and does not, or not as it is now.
func (m *member) listing(o document.Overlay, now time.Time) (document.Pair, error) {
	may, err := m.id.MaySeed()
	if err != nil || !may {
		return document.Pair{}, err
	}
	period, err := o.Calendar().PeriodAt(now)
	if err != nil {
		return document.Pair{}, nil
	}
	_, static, err := m.id.Peer(o.Calendar().KeyEpochOf(period))
	if errors.Is(err, identity.ErrNone) {
		return document.Pair{}, nil
	}
	if err != nil {
		return document.Pair{}, err
	}
	daily, err := m.id.Daily(period)
	if errors.Is(err, identity.ErrNone) {
		return document.Pair{}, nil // the node will sign it
	}
	own := document.Pair{Static: static, Daily: daily}
	for _, s := range o.Seeds() {
		if s.NodeID() == own.NodeID() && slices.Equal(s.Daily.Addresses(), daily.Addresses()) && s.Daily.LinkKey() == daily.LinkKey() {
			return document.Pair{}, nil
		}
	}
	return own, nil
}

// sender goes to the authority over HTTPS, as the newest document says.
func (m *member) sender() (enroll.Sender, error) {
	o, err := m.id.Document()
	if err != nil {
		return nil, err
	}
	return visit.NewClient(o.Service(), nil)
}

// visit asks the authority directly, which shows it the address of this machine.
func (m *member) visit(ctx context.Context, want identity.Want) error {
	m.visiting.Lock()
	defer m.visiting.Unlock()
	sender, err := m.sender()
	if err != nil {
		return err
	}
	return enroll.Visit(ctx, m.id, want, sender)
}

func wishRenew(m *member, w wish) (outcome, error) {
	want, err := m.renewal(w.NewKey)
	if err != nil {
		return outcome{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), visitTime)
	defer cancel()
	if err := m.visit(ctx, want); err != nil {
		return outcome{}, err
	}
	return outcome{Says: "renewed; the authority has seen the address of this machine"}, nil
}

func wishRequest(m *member, w wish) (outcome, error) {
	want, err := m.renewal(w.NewKey)
	if err != nil {
		return outcome{}, err
	}
	q, err := m.id.Request(m.now(), want)
	if err != nil {
		return outcome{}, err
	}
	return outcome{Result: q.File(), Says: "next: the authority's operator runs `sotto authority issue`, and you hand over the response"}, nil
}

func wishResponse(m *member, w wish) (outcome, error) {
	answer, err := document.ReadAnswer(w.File)
	if err == nil {
		err = m.id.Accept(m.now(), answer)
	}
	if err != nil {
		return outcome{}, err
	}
	return outcome{Says: "taken over"}, nil
}
