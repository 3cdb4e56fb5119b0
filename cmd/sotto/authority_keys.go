// Orders about the keys of an authority: new online keys, and the root key taken out of the state and put back.

package main

import (
	"errors"
	"time"

	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
)

// rootOf is the root key given with the order, else the one in the state.
func rootOf(a *authority.Authority, o order) (document.RootKey, error) {
	if o.File == nil {
		return a.Root()
	}
	k, err := document.ParseRootKey(o.File)
	if err != nil {
		return document.RootKey{}, &saidError{"that file is no root key; give the one that `sotto authority root --out` wrote"}
	}
	return k, nil
}

func orderRotate(a *authority.Authority, o order, now time.Time) (outcome, error) {
	root, err := rootOf(a, o)
	if err != nil {
		return outcome{}, err
	}
	if err := a.RotateKeys(now, root, o.KeepOld); err != nil {
		return outcome{}, err
	}
	if o.KeepOld {
		return outcome{Says: "there are new keys; what the old ones signed stays good until it ends"}, nil
	}
	return outcome{Says: "there are new keys; nothing that the old ones signed is good any more, and everybody must renew"}, nil
}

func orderTakeRoot(a *authority.Authority, _ order, _ time.Time) (outcome, error) {
	root, err := a.Root()
	if err != nil {
		return outcome{}, err
	}
	seed := root.Seed()
	return outcome{Result: seed[:]}, nil
}

// orderDropRoot deletes the root key only when the order proves that there is a copy.
func orderDropRoot(a *authority.Authority, o order, _ time.Time) (outcome, error) {
	root, err := a.Root()
	if err != nil {
		return outcome{}, err
	}
	copied, err := document.ParseRootKey(o.File)
	if err != nil || copied.Public() != root.Public() {
		return outcome{}, errors.New("the copy of the root key is not whole")
	}
	if err := a.RemoveRoot(); err != nil {
		return outcome{}, err
	}
	return outcome{Says: "the root key is out of the state; keep the file offline and safe, in two places"}, nil
}

func orderPutRoot(a *authority.Authority, o order, _ time.Time) (outcome, error) {
	root, err := rootOf(a, o)
	if err != nil {
		return outcome{}, err
	}
	if err := a.RestoreRoot(root); err != nil {
		return outcome{}, err
	}
	return outcome{Says: "the root key is back in the state"}, nil
}
