// A certificate has one name, in one form, and nothing beside it.

package document

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestCertificateOfOneNameOnly(t *testing.T) {
	caKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ca := must(parseCA(must(NewCA(caKey, day0, day0.Add(1200*24*time.Hour)))))
	user := must(ParseUserKey(make32(4)))
	pub := must(user.Public().ECDSA())
	try := func(what string, san []byte, mod func(*x509.Certificate)) {
		serial := NewSerial()
		tm := &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial.b[:]), NotBefore: day0, NotAfter: day0.Add(time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true}
		if san != nil {
			tm.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: san}}
		} else {
			tm.URIs = []*url.URL{must(url.Parse("sip:alice@example.org"))}
		}
		if mod != nil {
			mod(tm)
		}
		der := must(x509.CreateCertificate(rand.Reader, tm, ca, pub, caKey))
		if u, err := ParseUser(der); err == nil {
			t.Errorf("%s: accepted as %q", what, u.AoR().Canonical())
		}
	}
	uri := func(s string) asn1.RawValue { return asn1.RawValue{Class: 2, Tag: 6, Bytes: []byte(s)} }
	seq := func(v ...asn1.RawValue) []byte { return must(asn1.Marshal(v)) }
	try("otherName beside", seq(uri("sip:alice@example.org"), asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: []byte{6, 1, 42, 0xa0, 2, 5, 0}}), nil)
	try("directoryName beside", seq(uri("sip:alice@example.org"), asn1.RawValue{Class: 2, Tag: 4, IsCompound: true, Bytes: must(asn1.Marshal(pkix.Name{CommonName: "bob"}.ToRDNSequence()))}), nil)
	try("upper-case scheme", seq(uri("SIP:alice@example.org")), nil)
	try("empty fragment", seq(uri("sip:alice@example.org#")), nil)
	try("EKU code signing", nil, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} })
	try("CRL address", nil, func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://tracker.example/alice"} })
	try("OCSP address", nil, func(c *x509.Certificate) { c.OCSPServer = []string{"http://tracker.example/alice"} })
}

func make32(b byte) []byte {
	x := make([]byte, 32)
	for i := range x {
		x[i] = b
	}
	return x
}

// The length of a name changes how its DER lengths are written.
func TestCertificatesOfAllLengthsOfNamesAreRead(t *testing.T) {
	f := theFixture()
	caKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ca := must(parseCA(must(NewCA(caKey, day0, day0.Add(1200*24*time.Hour)))))
	for n := 120; n <= maxAoR; n++ {
		name := "sip:" + strings.Repeat("a", 60) + "@" + strings.Repeat("b", 40) + "."
		name += strings.Repeat("c", n-len(name))
		aor, err := ParseAoR(name)
		if err != nil {
			t.Fatal(err)
		}
		cert := must(IssueUser(ca, caKey, aor, f.cert.Key(), NewSerial(), day0, 24*time.Hour))
		if again, err := ParseUser(cert.DER()); err != nil || again.AoR() != aor {
			t.Errorf("a name of %d bytes: %v", n, err)
		}
	}
}
