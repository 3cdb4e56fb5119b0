// Orders about the keys of an authority: new online keys, and the root key taken out of the state and put back.

package main

import (
	"time"

	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
)

// rootOf is the root key in the sealed file that came with the order, else the one in the state.
func rootOf(a *authority.Authority, o order) (document.RootKey, error) {
	if o.File == nil {
		return a.Root()
	}
	return authority.OpenRoot(o.File, o.Passphrase)
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

func orderTakeRoot(a *authority.Authority, o order, _ time.Time) (outcome, error) {
	sealed, err := a.SealRoot(o.Passphrase)
	return outcome{Result: sealed}, err
}

// orderDropRoot deletes the root key only when the order proves that there is a copy that opens.
func orderDropRoot(a *authority.Authority, o order, _ time.Time) (outcome, error) {
	root, err := a.Root()
	if err != nil {
		return outcome{}, err
	}
	copied, err := authority.OpenRoot(o.File, o.Passphrase)
	if err != nil {
		return outcome{}, err
	}
	if copied.Public() != root.Public() {
		return outcome{}, authority.ErrOtherRoot
	}
	if err := a.RemoveRoot(); err != nil {
		return outcome{}, err
	}
	return outcome{Says: "the root key is out of the state; keep the file offline, in two places, and the passphrase elsewhere"}, nil
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
