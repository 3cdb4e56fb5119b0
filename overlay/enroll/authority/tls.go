// The key of the HTTPS service, which invites and documents pin.

package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
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

func newTLSKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, errors.New("authority: no randomness for the TLS key")
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

func parseTLSKey(pkcs8 []byte) (*ecdsa.PrivateKey, error) {
	k, err := x509.ParsePKCS8PrivateKey(pkcs8)
	key, ok := k.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return nil, store.ErrDamaged
	}
	return key, nil
}

// pinOf is the SHA-256 of the public key as X.509 writes it (RFC 7469 §2.4).
func pinOf(pkcs8 []byte) ([document.HashLen]byte, error) {
	key, err := parseTLSKey(pkcs8)
	if err != nil {
		return [document.HashLen]byte{}, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return [document.HashLen]byte{}, store.ErrDamaged
	}
	return sha256.Sum256(spki), nil
}

// TLS returns a self-signed certificate for the service. Clients look at its key only, so its dates and its
// name say nothing.
func (a *Authority) TLS() (tls.Certificate, error) {
	var pkcs8 []byte
	if err := a.view(time.Time{}, func(t *transaction) error { pkcs8 = t.s.TLS; return nil }); err != nil {
		return tls.Certificate{}, err
	}
	key, err := parseTLSKey(pkcs8)
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
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, errors.New("authority: the TLS certificate cannot be made")
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
