// What an authority does from time to time, and what it tells its operator.

package authority

import (
	"errors"
	"slices"
	"time"

	"sotto/overlay/enroll/document"
)

// KeysWarning is how long before their end online keys are renewed, if the root is here to do it, or their
// operator is warned. Source: ours, two months to fetch something from a safe.
const KeysWarning = 60 * 24 * time.Hour

// Resume signs a document by this machine's clock, however long ago the last one was signed: the operator's word that the
// clock is right and the authority was off. Maintain and all else go on from there.
func (a *Authority) Resume(now time.Time) error {
	return a.write(now, func(t *transaction) error {
		if err := t.prepareBlind(); err != nil {
			return err
		}
		return t.sign()
	})
}

// Maintain does what is due: new blind keys at the change of a key epoch, a new document before the old one
// ends or when what it says has changed, and clearing of what is over. An authority calls it at start and every
// hour; it reports whether there is a new document.
func (a *Authority) Maintain(now time.Time) (changed bool, err error) {
	root, err := a.Root()
	if err != nil && !errors.Is(err, ErrNoRoot) {
		return false, err
	}
	err = a.update(now, func(t *transaction) error {
		if k, err := t.keys(); err != nil {
			return err
		} else if !root.IsZero() && k.cert.NotAfter().Sub(t.now) < KeysWarning {
			if err := t.rotate(root, true); err != nil {
				return err
			}
			changed = true
		}
		if err := t.prepareBlind(); err != nil {
			return err
		}
		gone, err := t.clear()
		if err != nil {
			return err
		}
		keys, err := t.published()
		if err != nil {
			return err
		}
		c := t.current.Contents()
		same := slices.EqualFunc(keys, c.BlindKeys, func(x, y document.BlindKey) bool {
			return x.KeyEpoch == y.KeyEpoch && x.Key.Equal(y.Key)
		})
		changed = changed || gone || !same || c.Until.Sub(t.now) < DocumentLife/2
		if changed {
			return t.sign()
		}
		return nil
	})
	return changed && err == nil, err
}

// Warnings tells the operator what needs him, in sentences.
func (a *Authority) Warnings(now time.Time) ([]string, error) {
	var list []string
	err := a.view(now, func(t *transaction) error {
		k, err := t.keys()
		if err != nil {
			return err
		}
		end := k.cert.NotAfter()
		if end.Sub(now) < KeysWarning {
			list = append(list, "the online keys end on "+end.Format("2006-01-02")+": bring the root key and rotate them")
		}
		c := t.current.Contents()
		if now.Add(document.Slack).Before(c.Issued) {
			list = append(list, "the newest document is dated in the future: check this machine's clock")
		}
		if now.Unix() < t.s.UnknownUntil {
			list = append(list, "certificates issued after the backup are not known here and cannot be revoked before "+
				time.Unix(t.s.UnknownUntil, 0).UTC().Format("2006-01-02")+": rotate the online keys as after a theft to end them all")
		}
		if c.Until.Sub(now) < DocumentLife/2 {
			list = append(list, "the overlay document ends on "+c.Until.Format("2006-01-02")+": run the service, or sign a new one")
		}
		return nil
	})
	return list, err
}
