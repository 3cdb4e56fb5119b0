// The authority's keys and the overlay document: making, renewing, changing them.

package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
	"sotto/overlay/peer"
)

const (
	// DocumentLife is how long a document is valid: an authority may be off that long before new nodes refuse
	// to start from what they find. Source: ours, the life of a user certificate.
	DocumentLife = 30 * 24 * time.Hour
	// keysLife is how long the root's word for online keys holds. Source: ours; a year is the usual rhythm of
	// ceremonies with an offline key.
	keysLife = 400 * 24 * time.Hour
	// graceOf an ended key epoch, in periods: the descriptors of its last period serve paths in the next one,
	// and links one period longer (peer.UsableForLinks).
	grace = 2
)

// onlineKeys is a record of tableKeys.
type onlineKeys struct {
	Signing []byte // seed
	Slots   []byte // seed
	CAKey   []byte // PKCS #8
	CA      []byte // DER
	Cert    []byte
}

// addKeys makes and certifies a new generation of online keys.
func addKeys(tx *store.Tx, id peer.OverlayID, root document.RootKey, generation uint32, now time.Time) error {
	signing, err := document.NewSigningKey(rand.Reader)
	if err != nil {
		return err
	}
	slots, err := document.NewSlotKey(rand.Reader)
	if err != nil {
		return err
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return errors.New("authority: no randomness for the CA key")
	}
	from, until := now.Add(-document.Slack), now.Add(keysLife)
	// User certificates signed on the last day must not outlive their CA.
	ca, err := document.NewCA(caKey, from, until.Add(2*keysLife))
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(caKey)
	if err != nil {
		return errors.New("authority: the CA key cannot be stored")
	}
	seed1, seed2 := signing.Seed(), slots.Seed()
	cert := document.CertifyKeys(root, id, generation, signing, slots, ca, from, until)
	return store.Put(tx, tableKeys, epochKey(generation, ""), onlineKeys{
		Signing: seed1[:], Slots: seed2[:], CAKey: pkcs8, CA: ca, Cert: cert.Bytes(),
	})
}

// keys are the current generation, ready for use.
type keys struct {
	signing document.SigningKey
	slots   document.SlotKey
	cert    document.KeyCert
	caKey   *ecdsa.PrivateKey
	ca      *x509.Certificate
}

func (t *transaction) keys() (keys, error) {
	var r onlineKeys
	if err := get(t.tx, tableKeys, epochKey(t.s.Generation, ""), &r); err != nil {
		return keys{}, err
	}
	var k keys
	var err [5]error
	k.signing, err[0] = document.ParseSigningKey(r.Signing)
	k.slots, err[1] = document.ParseSlotKey(r.Slots)
	k.cert, err[2] = document.ParseKeyCert(r.Cert)
	k.ca, err[3] = x509.ParseCertificate(r.CA)
	key, e := x509.ParsePKCS8PrivateKey(r.CAKey)
	err[4] = e
	caKey, ok := key.(*ecdsa.PrivateKey)
	if errors.Join(err[:]...) != nil || !ok {
		return keys{}, store.ErrDamaged
	}
	k.caKey = caKey
	return k, nil
}

// keyEpoch returns the key epoch of now; before the genesis it is the first.
func (t *transaction) keyEpoch() uint32 {
	p, err := t.calendar.PeriodAt(t.now)
	if err != nil {
		return 0
	}
	return t.calendar.KeyEpochOf(p)
}

// epochStart returns the first instant of a key epoch, far away if there is none.
func (t *transaction) epochStart(keyEpoch uint32) time.Time {
	p, err := t.calendar.FirstPeriod(keyEpoch)
	if err != nil {
		return t.now.Add(keysLife)
	}
	return t.calendar.PeriodStart(p)
}

// blindRecord is a record of tableBlind. The private half goes when its epoch is over.
type blindRecord struct {
	Private []byte
	Public  []byte
}

// prepareBlind makes the blind keys of the current and the next key epoch, and forgets those that are over.
func (t *transaction) prepareBlind() error {
	e := t.keyEpoch()
	for _, epoch := range []uint32{e, e + 1} {
		var have blindRecord
		err := get(t.tx, tableBlind, epochKey(epoch, ""), &have)
		if err == nil {
			continue
		}
		if !errors.Is(err, ErrUnknown) {
			return err
		}
		generate := t.options.GenerateBlind
		if generate == nil {
			generate = blind.GenerateKey
		}
		key, err := generate()
		if err != nil {
			return err
		}
		if err := store.Put(t.tx, tableBlind, epochKey(epoch, ""), blindRecord{key.Bytes(), key.Public().Append(nil)}); err != nil {
			return err
		}
	}
	var ended []uint32
	err := each(t.tx, tableBlind, func(k []byte, r blindRecord) error {
		if epoch := binary.BigEndian.Uint32(k); epoch < e && r.Private != nil {
			ended = append(ended, epoch)
		}
		return nil
	})
	for _, epoch := range ended {
		var r blindRecord
		if err == nil {
			err = get(t.tx, tableBlind, epochKey(epoch, ""), &r)
		}
		if err == nil {
			err = store.Put(t.tx, tableBlind, epochKey(epoch, ""), blindRecord{Public: r.Public})
		}
	}
	return err
}

// published lists the blind keys that the document names now: the current one, the next one from AdmitAhead
// before its epoch, and the last one while descriptors of its epoch are still in use.
func (t *transaction) published() ([]document.BlindKey, error) {
	e := t.keyEpoch()
	epochs := []uint32{e}
	if e > 0 && t.now.Before(t.epochStart(e).Add(grace*t.founding.Period)) {
		epochs = append([]uint32{e - 1}, epochs...)
	}
	if !t.now.Before(t.epochStart(e + 1).Add(-t.s.Params.AdmitAhead)) {
		epochs = append(epochs, e+1)
	}
	var list []document.BlindKey
	for _, epoch := range epochs {
		var r blindRecord
		err := get(t.tx, tableBlind, epochKey(epoch, ""), &r)
		if errors.Is(err, ErrUnknown) && epoch < e {
			continue // the authority was off for a whole key epoch
		}
		if err != nil {
			return nil, err
		}
		key, err := blind.ParsePublicKey(r.Public)
		if err != nil {
			return nil, store.ErrDamaged
		}
		list = append(list, document.BlindKey{KeyEpoch: epoch, Key: key})
	}
	return list, nil
}

// sign makes the next version of the document out of the tables.
func (t *transaction) sign() error {
	// Versions follow the clock, so that an authority restored from a backup signs no version a second time.
	c := document.Contents{Founding: t.founding, Params: t.s.Params, Version: max(1, uint64(t.now.Unix())), Issued: t.now.Truncate(time.Second),
		Until: t.now.Truncate(time.Second).Add(DocumentLife), Size: t.s.Size}
	if !t.current.IsZero() {
		c.Version = max(c.Version, t.current.Version()+1)
		// Within Slack a clock may go back; the date of a later version never does.
		if issued := t.current.Contents().Issued; c.Issued.Before(issued) {
			c.Issued = issued
		}
	}
	var err error
	if c.Keys, err = t.listedKeys(); err != nil {
		return err
	}
	if c.BlindKeys, err = t.published(); err != nil {
		return err
	}
	if t.s.Service != "" {
		pin, err := pinOf(t.s.TLS)
		if err != nil {
			return err
		}
		c.Service = document.Service{Address: t.s.Service, Pin: pin}
	}
	if c.Seeds, err = t.listedSeeds(); err != nil {
		return err
	}
	if c.FoundingPeers, err = listedPairs(t.tx, tableFounding); err != nil {
		return err
	}
	if c.RevokedNodes, err = t.listedNodes(); err != nil {
		return err
	}
	if c.RevokedCerts, err = t.listedCerts(); err != nil {
		return err
	}
	k, err := t.keys()
	if err != nil {
		return err
	}
	if c.Issued.After(k.cert.NotAfter()) {
		return ErrKeysEnded
	}
	signed, err := document.SignOverlay(c, k.signing)
	if err != nil {
		return err
	}
	t.current, t.s.Document, t.signed = signed, signed.Bytes(), true
	return nil
}

// listedKeys gives the current generation of online keys and, unless it was taken out, the one before.
func (t *transaction) listedKeys() ([]document.Keys, error) {
	var list []document.Keys
	err := each(t.tx, tableKeys, func(_ []byte, r onlineKeys) error {
		cert, err := document.ParseKeyCert(r.Cert)
		if err != nil {
			return store.ErrDamaged
		}
		list = append(list, document.Keys{Cert: cert, CA: r.CA})
		return nil
	})
	slices.Reverse(list)
	return list[:min(len(list), 2)], err
}

// Document returns the newest overlay document.
func (a *Authority) Document() (document.Overlay, error) {
	var o document.Overlay
	err := a.view(time.Time{}, func(t *transaction) error { o = t.current; return nil })
	return o, err
}
