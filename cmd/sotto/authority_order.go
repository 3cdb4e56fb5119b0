// Orders: what the operator of an authority tells it to do, carried out here or by the process that serves it.
//
// A state is open in one process at a time. While `sotto authority serve` has it, the other commands hand their order to
// that process over its socket; otherwise they open the state themselves. The work is the same either way.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"sotto/overlay/enroll"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/peer"
)

// order is one thing to do. Which fields count depends on Do. It holds names and is not to be logged.
type order struct {
	Do       string
	Name     string // address of record
	Life     time.Duration
	Seed     bool
	Replace  bool
	KeepOld  bool
	Resume   bool
	Node     []byte // NodeID
	KeyEpoch *uint32
	File     []byte // what was read for the order: a request, a sealed root key

	Passphrase []byte // of File, or of what is to be sealed
}

// outcome is what came of an order: bytes for stdout or a file, a sentence for the operator, or why it was not done.
type outcome struct {
	Result []byte
	Says   string
	Fault  string
}

// orders is everything that can be ordered.
func orders() map[string]func(*authority.Authority, order, time.Time) (outcome, error) {
	return map[string]func(*authority.Authority, order, time.Time) (outcome, error){
		"invite":    orderInvite,
		"withdraw":  orderWithdraw,
		"issue":     orderIssue,
		"revoke":    orderRevoke,
		"exclude":   orderExclude,
		"unlist":    orderUnlist,
		"list":      orderList,
		"document":  orderDocument,
		"rotate":    orderRotate,
		"take root": orderTakeRoot,
		"drop root": orderDropRoot,
		"put root":  orderPutRoot,
		"backup":    orderBackup,
	}
}

// perform carries out an order on an open authority.
func perform(a *authority.Authority, o order, now time.Time) outcome {
	do, ok := orders()[o.Do]
	if !ok {
		return outcome{Fault: "the running authority does not know this order; start it again with this version"}
	}
	done, err := do(a, o, now)
	if err != nil {
		done.Fault = aboutAuthority(err).Error()
	}
	return done
}

// aboutAuthority is what the operator of an authority is told.
func aboutAuthority(err error) error {
	var said sentence
	switch {
	case errors.As(err, &said):
		return said
	case errors.Is(err, store.ErrMissing):
		return errors.New("there is no authority at that place; run `sotto authority init` first, or name the right one with --state DIR")
	}
	return errors.New(enroll.Explain(err))
}

// sentence is a fault that is worded for the user already.
type sentence string

func (s sentence) Error() string { return string(s) }

// authorityDir is the directory of an authority: the one given, else beside the state of a node.
func (e *env) authorityDir(given string) (string, error) {
	dir, err := e.stateDir(given)
	if err == nil && given == "" {
		dir = filepath.Join(dir, "authority")
	}
	return dir, err
}

// How long a command waits for a state that another short command has open, and how often it looks.
const (
	stateWait = 2 * time.Second
	stateLook = 20 * time.Millisecond
)

// order carries out o on the authority in the directory given with --state.
func (e *env) order(ctx context.Context, given string, o order) (outcome, error) {
	dir, err := e.authorityDir(given)
	if err != nil {
		return outcome{}, err
	}
	var done outcome
	err = patiently(ctx, func() error {
		a, err := authority.Open(dir, authority.Options{})
		if errors.Is(err, store.ErrInUse) {
			if told := ask(ctx, dir, o, &done); !errors.Is(told, errNobody) {
				return told
			}
			return err
		}
		if err != nil {
			return aboutAuthority(err)
		}
		defer a.Close()
		done = perform(a, o, e.now())
		return nil
	})
	switch {
	case errors.Is(err, store.ErrInUse):
		err = errStateInUse
	case err == nil && done.Fault != "":
		err = errors.New(done.Fault)
	}
	return done, err
}

// patiently calls open again for a while as long as the state is in use: short commands release it at once.
func patiently(ctx context.Context, open func() error) error {
	ctx, cancel := context.WithTimeout(ctx, stateWait)
	defer cancel()
	for {
		err := open()
		if !errors.Is(err, store.ErrInUse) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(stateLook):
		}
	}
}

// answerOrder is what the process that serves an authority does with a question from its socket.
func answerOrder(a *authority.Authority, now func() time.Time) func([]byte) any {
	return func(question []byte) any {
		var o order
		if json.Unmarshal(question, &o) != nil {
			return outcome{Fault: "the running authority does not understand this order; start it again with this version"}
		}
		return perform(a, o, now())
	}
}

func orderInvite(a *authority.Authority, o order, now time.Time) (outcome, error) {
	aor, err := document.ParseAoR(o.Name)
	if err != nil {
		return outcome{}, errNotAName
	}
	invite, err := a.Invite(now, aor, authority.InviteOptions{Life: o.Life, Seed: o.Seed, Replace: o.Replace})
	if err != nil {
		return outcome{}, err
	}
	return outcome{Result: invite.File(), Says: "the invite is good once, until " + day(invite.Expires)}, nil
}

func orderWithdraw(a *authority.Authority, o order, now time.Time) (outcome, error) {
	aor, err := document.ParseAoR(o.Name)
	if err != nil {
		return outcome{}, errNotAName
	}
	if err := a.Withdraw(now, aor); errors.Is(err, authority.ErrUnknown) {
		return outcome{}, sentence("there is no open invite for that name; `sotto authority list` shows them")
	} else if err != nil {
		return outcome{}, err
	}
	return outcome{Says: "the invite is of no use any more"}, nil
}

// orderIssue answers a request that came as a file. A refusal is an answer too, signed, for whoever asked.
func orderIssue(a *authority.Authority, o order, now time.Time) (outcome, error) {
	response, err := a.AnswerFile(now, o.File)
	var refused document.Refusal
	if errors.As(err, &refused) {
		return outcome{Result: response}, sentence("refused: whoever asked will read in the response: " + enroll.Explain(refused))
	}
	return outcome{Result: response}, err
}

func orderRevoke(a *authority.Authority, o order, now time.Time) (outcome, error) {
	aor, err := document.ParseAoR(o.Name)
	if err != nil {
		return outcome{}, errNotAName
	}
	if err := a.Revoke(now, aor); err != nil {
		return outcome{}, err
	}
	return outcome{Says: "revoked: the certificates are listed in the new overlay document, and nothing more is given. What may be " +
		"written to the name's slots ends within four days; their relay goes on until `sotto authority exclude`"}, nil
}

func orderExclude(a *authority.Authority, o order, now time.Time) (outcome, error) {
	id, err := peer.ParseNodeID(o.Node)
	if err != nil {
		return outcome{}, errNotANode
	}
	var epoch uint32
	if o.KeyEpoch != nil {
		epoch = *o.KeyEpoch
	} else if epoch, err = currentKeyEpoch(a, now); err != nil {
		return outcome{}, err
	}
	if err := a.RevokeNode(now, id, epoch); err != nil {
		return outcome{}, err
	}
	return outcome{Says: fmt.Sprintf("the relay is excluded for the rest of key epoch %d", epoch)}, nil
}

// currentKeyEpoch is the key epoch of now; before the genesis it is the first.
func currentKeyEpoch(a *authority.Authority, now time.Time) (uint32, error) {
	o, err := a.Document()
	if err != nil {
		return 0, err
	}
	period, err := o.Calendar().PeriodAt(now)
	if err != nil {
		return 0, nil
	}
	return o.Calendar().KeyEpochOf(period), nil
}

func orderUnlist(a *authority.Authority, o order, now time.Time) (outcome, error) {
	id, err := peer.ParseNodeID(o.Node)
	if err != nil {
		return outcome{}, errNotANode
	}
	if err := a.RemoveSeed(now, id); err != nil {
		return outcome{}, err
	}
	return outcome{Says: "the relay is no seed any more"}, nil
}

// person is one line of `sotto authority list`. It is for the operator's own screen.
type person struct {
	Name       string    `json:"name"`
	State      string    `json:"state"` // "enrolled", "invited" or "revoked"
	Until      time.Time `json:"until"` // end of the certificate or of the invite
	Seed       bool      `json:"seed"`
	Admissions int       `json:"admissions"`
}

func orderList(a *authority.Authority, _ order, now time.Time) (outcome, error) {
	people, err := a.People(now)
	if err != nil {
		return outcome{}, err
	}
	list := []person{}
	for _, p := range people {
		line := person{Name: p.AoR.Canonical(), State: "enrolled", Until: p.Until, Seed: p.Seed, Admissions: p.Admissions}
		switch {
		case p.Revoked:
			line.State = "revoked"
		case p.Invited:
			line.State = "invited"
		}
		list = append(list, line)
	}
	result, err := json.Marshal(list)
	return outcome{Result: result}, err
}

func orderDocument(a *authority.Authority, given order, now time.Time) (outcome, error) {
	if given.Resume {
		if err := a.Resume(now); err != nil {
			return outcome{}, err
		}
	}
	o, err := a.Document()
	if err != nil {
		return outcome{}, err
	}
	return outcome{Result: document.Armor(document.FileOverlay, o.Bytes())}, nil
}

const (
	errNotAName sentence = "that is no name an authority gives out; write it like sip:alice@example.org"
	errNotANode sentence = "that is no NodeID; write the 64 hexadecimal digits that `sotto status` shows on that relay"
)

// day writes a date as operators read it.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
