// What can be wrong with a document, an invite, a request or an answer, as values to match with errors.Is.

package document

import "errors"

// Faults of bytes, of signatures and of dates. Their texts hold nothing of the object they are about.
var (
	// ErrTruncated says that the end is missing.
	ErrTruncated = errors.New("document: the end is missing")
	// ErrAltered says that the checksum of an armoured file does not fit.
	ErrAltered = errors.New("document: altered on its way")
	// ErrMalformed says that bytes are not one of these layouts, or not in its one canonical form.
	ErrMalformed = errors.New("document: malformed")
	// ErrKind says that bytes are well headed but of another kind: a request where an invite should be.
	ErrKind = errors.New("document: another kind of file")
	// ErrVersion says that the layout is of a newer program.
	ErrVersion = errors.New("document: made by a newer version")
	// ErrSignature says that a signature does not fit: forged, re-signed, or altered.
	ErrSignature = errors.New("document: the signature does not fit")
	// ErrForeign says that an object belongs to another overlay.
	ErrForeign = errors.New("document: of another overlay")
	// ErrExpired says that a date of expiry has passed.
	ErrExpired = errors.New("document: expired")
	// ErrFuture says that an object is dated in the future: one of the two clocks is off.
	ErrFuture = errors.New("document: dated in the future")
	// ErrRollback says that a document is older than the one already known.
	ErrRollback = errors.New("document: older than the one already known")
	// ErrEquivocation says that the authority signed two different documents of one version.
	ErrEquivocation = errors.New("document: two different documents of one version")
	// ErrLimit says that something does not fit: a list is full, a name too long.
	ErrLimit = errors.New("document: a limit is reached")
	// ErrName says that an address of record is not of the accepted form.
	ErrName = errors.New("document: not an acceptable SIP address")
	// ErrBlindKey says that the document names no blind key for that key epoch.
	ErrBlindKey = errors.New("document: no blind key for that key epoch")
	// ErrRevokedNode and ErrRevokedCert say that the authority took an admission or a certificate back.
	ErrRevokedNode = errors.New("document: the peer is revoked")
	ErrRevokedCert = errors.New("document: the certificate is revoked")
	// ErrOtherRequest says that an answer answers another request.
	ErrOtherRequest = errors.New("document: the answer is to another request")
)
