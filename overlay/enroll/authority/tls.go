// The key of the HTTPS service, which documents pin.

package authority

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"time"

	"sotto/overlay/enroll/document"
	"sotto/overlay/enroll/store"
)

// newTLSKey makes an Ed25519 key: its signatures have one size, so that handshakes have too.
func newTLSKey() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, errors.New("authority: no randomness for the TLS key")
	}
	return key.Seed(), nil
}

func parseTLSKey(seed []byte) (ed25519.PrivateKey, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, store.ErrDamaged
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// pinOf is the SHA-256 of the public key as X.509 writes it (RFC 7469 §2.4).
func pinOf(seed []byte) ([document.HashLen]byte, error) {
	key, err := parseTLSKey(seed)
	if err != nil {
		return [document.HashLen]byte{}, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return [document.HashLen]byte{}, store.ErrDamaged
	}
	return sha256.Sum256(spki), nil
}

// TLS returns a self-signed certificate for the service. Clients look at its key only, so its dates and its
// name say nothing.
func (a *Authority) TLS() (tls.Certificate, error) {
	var seed []byte
	if err := a.view(time.Time{}, func(t *transaction) error { seed = t.s.TLS; return nil }); err != nil {
		return tls.Certificate{}, err
	}
	key, err := parseTLSKey(seed)
	if err != nil {
		return tls.Certificate{}, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, errors.New("authority: the TLS certificate cannot be made")
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
