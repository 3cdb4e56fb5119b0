// User certificates: X.509 on P-256 with one name, a SIP URI (RFC 5922 §7.1), short-lived.

package document

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/url"
	"time"
)

const (
	// SerialLen is the length in bytes of a certificate's serial number: 127 random bits (RFC 5280 §4.1.2.2).
	SerialLen = 16
	// MaxCert bounds a user certificate in bytes; ours are about 400.
	MaxCert = 1024
	// backdate lets a certificate be used by machines whose clock is a little behind.
	backdate = time.Hour
)

// Serial is the number of a certificate, by which it is revoked. It can be compared and does not print.
type Serial struct{ b [SerialLen]byte }

// ParseSerial reads 16 bytes; ErrMalformed for any other length or a number that is not 127 bits with the
// highest one set.
func ParseSerial(b []byte) (Serial, error) {
	if len(b) != SerialLen || b[0]&0xc0 != 0x40 {
		return Serial{}, ErrMalformed
	}
	return Serial{[SerialLen]byte(b)}, nil
}

// NewSerial draws a serial number.
func NewSerial() Serial {
	var s Serial
	rand.Read(s.b[:]) // never fails (Go 1.24)
	s.b[0] = s.b[0]&0x3f | 0x40
	return s
}

// Bytes returns the 16 bytes.
func (s Serial) Bytes() [SerialLen]byte { return s.b }

// Compare orders serials as big-endian numbers.
func (s Serial) Compare(t Serial) int { return bytes.Compare(s.b[:], t.b[:]) }

// Format prints a fixed text for every verb.
func (s Serial) Format(f fmt.State, _ rune) { redact(f, "[serial]") }

// LogValue logs a fixed text.
func (s Serial) LogValue() slog.Value { return redacted("[serial]") }

// UserCert is a user certificate whose form has been checked. Whether an overlay's CA signed it, whether it
// is in date and not revoked is what Overlay.VerifyUser says.
type UserCert struct {
	cert   *x509.Certificate
	aor    AoR
	key    UserPublic
	serial Serial
}

// IssueUser makes a certificate of key for aor. Signatures and serial are random, so an authority stores what
// it issued instead of issuing again.
func IssueUser(ca *x509.Certificate, caKey crypto.Signer, aor AoR, key UserPublic, serial Serial, now time.Time, life time.Duration) (UserCert, error) {
	pub, err := key.ECDSA()
	if err != nil {
		return UserCert{}, err
	}
	uri, err := url.Parse(aor.Canonical())
	if err != nil {
		return UserCert{}, ErrName
	}
	now = now.UTC().Truncate(time.Second)
	t := &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(serial.b[:]),
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(life),
		URIs:                  []*url.URL{uri},
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca, pub, caKey)
	if err != nil {
		return UserCert{}, errors.New("document: the certificate could not be made")
	}
	return ParseUser(der)
}

// ParseUser reads DER and accepts what IssueUser makes only: one SIP URI and no other name, P-256, no CA, no
// extension that it does not understand. It returns ErrMalformed.
func ParseUser(der []byte) (UserCert, error) {
	if len(der) > MaxCert {
		return UserCert{}, ErrMalformed
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return UserCert{}, ErrMalformed
	}
	names := len(c.DNSNames) + len(c.EmailAddresses) + len(c.IPAddresses)
	if len(c.URIs) != 1 || names > 0 || c.IsCA || !isP256(c.PublicKey) || len(c.UnhandledCriticalExtensions) > 0 ||
		c.SignatureAlgorithm != x509.ECDSAWithSHA256 || c.KeyUsage != x509.KeyUsageDigitalSignature || len(c.Subject.Names) > 0 {
		return UserCert{}, ErrMalformed
	}
	aor, err := parseCanonical([]byte(c.URIs[0].String()))
	if err != nil {
		return UserCert{}, err
	}
	if !plainExtensions(c, aor) {
		return UserCert{}, ErrMalformed
	}
	pub, err := c.PublicKey.(interface{ Bytes() ([]byte, error) }).Bytes()
	if err != nil {
		return UserCert{}, ErrMalformed
	}
	key, err := ParseUserPublic(pub)
	if err != nil {
		return UserCert{}, err
	}
	serial, err := ParseSerial(c.SerialNumber.Bytes())
	if err != nil {
		return UserCert{}, err
	}
	return UserCert{cert: c, aor: aor, key: key, serial: serial}, nil
}

// plainExtensions reports whether there is no extension but those that IssueUser makes, and the name is written in
// its one form: crypto/x509 passes over other kinds of names, and net/url has many texts of one URI.
func plainExtensions(c *x509.Certificate, aor AoR) bool {
	names := []byte{0x30, 0, 0x86, byte(len(aor.s))} // SEQUENCE, uniformResourceIdentifier (RFC 5280 §4.2.1.6)
	if len(aor.s) >= 0x80 {
		names = []byte{0x30, 0x81, 0, 0x86, 0x81, byte(len(aor.s))}
		names[2] = byte(len(aor.s) + 3)
	} else if len(aor.s)+2 >= 0x80 {
		names = []byte{0x30, 0x81, byte(len(aor.s) + 2), 0x86, byte(len(aor.s))}
	} else {
		names[1] = byte(len(aor.s) + 2)
	}
	names = append(names, aor.s...)
	for _, e := range c.Extensions {
		switch e.Id.String() {
		case "2.5.29.17":
			if !bytes.Equal(e.Value, names) {
				return false
			}
		case "2.5.29.15", "2.5.29.19", "2.5.29.35": // key usage, basic constraints, authority key identifier
		default:
			return false
		}
	}
	return true
}

// verify checks the CA's signature and the dates.
func (u UserCert) verify(ca *x509.Certificate, now time.Time) error {
	if u.cert == nil {
		return ErrMalformed
	}
	if u.cert.CheckSignatureFrom(ca) != nil {
		return ErrSignature
	}
	switch {
	case now.Add(Slack).Before(u.cert.NotBefore):
		return ErrFuture
	case now.After(u.cert.NotAfter):
		return ErrExpired
	}
	return nil
}

// DER returns the certificate's bytes; they are not to be changed.
func (u UserCert) DER() []byte {
	if u.cert == nil {
		return nil
	}
	return u.cert.Raw
}

// IsZero reports whether there is no certificate.
func (u UserCert) IsZero() bool { return u.cert == nil }

// AoR returns the one name.
func (u UserCert) AoR() AoR { return u.aor }

// Key returns the certified key.
func (u UserCert) Key() UserPublic { return u.key }

// Serial returns the serial number.
func (u UserCert) Serial() Serial { return u.serial }

// NotBefore and NotAfter are the dates.
func (u UserCert) NotBefore() time.Time { return u.cert.NotBefore }

// NotAfter is the last instant of the certificate.
func (u UserCert) NotAfter() time.Time { return u.cert.NotAfter }

// RenewFrom is when renewal begins: after two thirds of the life.
func (u UserCert) RenewFrom() time.Time {
	start := u.cert.NotBefore.Add(backdate)
	return start.Add(u.cert.NotAfter.Sub(start) * 2 / 3)
}

// Format prints a fixed text for every verb.
func (u UserCert) Format(s fmt.State, _ rune) { redact(s, "[user certificate]") }

// LogValue logs a fixed text.
func (u UserCert) LogValue() slog.Value { return redacted("[user certificate]") }

// NewCA makes a self-signed CA certificate for user certificates. Its name says nothing: whose CA it is, the
// overlay document says.
func NewCA(key crypto.Signer, notBefore, notAfter time.Time) ([]byte, error) {
	serial := NewSerial()
	t := &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(serial.b[:]),
		Subject:               pkix.Name{CommonName: "sotto users"},
		NotBefore:             notBefore.UTC().Truncate(time.Second).Add(-backdate),
		NotAfter:              notAfter.UTC().Truncate(time.Second),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, errors.New("document: the CA certificate could not be made")
	}
	return der, nil
}
