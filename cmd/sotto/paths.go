// The guards of a node without a name, on disk before the first of them learns its address.
//
// A file that says which, and beside it one that says that there is the other: whoever can make a node forget its guards
// has it choose new ones until they are his, so a file that is gone is a fault and not a first start.

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"sotto/noise"
	"sotto/onion"
	"sotto/onion/path"
	"sotto/overlay"
)

const (
	guardsName = "guards"
	chosenName = "guards.chosen"
)

// What the owner of a node is told whose guards are not what was kept.
const (
	errGuardsMissing sentence = "the file " + guardsName + " is gone from the state, so the relays that this node went through are forgotten; " +
		"put it back from a backup, or, if new ones may learn the address of this machine, remove the file " + chosenName
	errGuardsDamaged sentence = "the file " + guardsName + " in the state is damaged or of another overlay; put it back from a backup, or, if new " +
		"relays may learn the address of this machine, remove it together with " + chosenName
)

// guardStore keeps the guards in a state directory. It implements path.Keeper.
type guardStore struct{ dir string }

// Keep implements path.Keeper: kill -9 at any moment leaves the bytes of before or these.
func (s guardStore) Keep(state []byte) error {
	if err := writeSecret(filepath.Join(s.dir, guardsName), state); err != nil {
		return err
	}
	return s.note()
}

// note says that guards were chosen, once.
func (s guardStore) note() error {
	name := filepath.Join(s.dir, chosenName)
	if _, err := os.Lstat(name); err == nil {
		return nil
	}
	return writeSecret(name, nil)
}

// load reads what was kept; first says that nothing ever was.
func (s guardStore) load() (state []byte, first bool, err error) {
	name := filepath.Join(s.dir, guardsName)
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(filepath.Join(s.dir, chosenName)); errors.Is(err, fs.ErrNotExist) {
			return nil, true, nil
		}
		return nil, false, errGuardsMissing
	}
	if err := checkSecret(name); err != nil {
		return nil, false, sentence(err.Error())
	}
	state, err = readLimited(name, path.MaxStateLen)
	if err != nil || len(state) == 0 {
		return nil, false, errGuardsDamaged
	}
	return state, false, s.note() // a process may have been killed in between
}

// forwardShare is the part of a bandwidth cap that cells of others may have: the rest is for what relays say to each other.
const forwardShare = 7.0 / 8

// circuitConfig is everything that a node with circuits is made from, but for its socket.
func (m *member) circuitConfig(below overlay.Config) (onion.NodeConfig, error) {
	c := onion.NodeConfig{Overlay: below}
	if below.Role == overlay.Relay {
		c.Relay.CellsPerSecond = forwardShare * float64(m.c.bandwidth) / noise.DatagramLen
		return c, nil
	}
	store := guardStore{m.dir}
	state, first, err := store.load()
	if err != nil {
		return c, err
	}
	c.Client = &onion.ClientConfig{Profile: m.c.profile, Keeper: store, State: state, First: first}
	return c, nil
}
