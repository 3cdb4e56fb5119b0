// The text form of objects as files: for mail, chat and USB sticks, which cut and re-wrap.
//
//	-----BEGIN SOTTO INVITE-----
//	base64, 64 characters a line, the last one shorter or equal
//	=base64 of the first 6 bytes of SHA-256 over the object
//	-----END SOTTO INVITE-----
//
// One object has one text. Lines may end in CR LF, and white space around the whole is ignored, since
// mail does that and neither carries meaning. The checksum tells cut and altered files from forged ones.

package document

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// File names the kinds of armoured files.
type File string

// The kinds of armoured files.
const (
	FileOverlay File = "OVERLAY DOCUMENT"
	FileInvite  File = "INVITE"
	FileRequest File = "REQUEST"
	FileAnswer  File = "RESPONSE"
	FileSealed  File = "SEALED BACKUP"
)

const (
	armorWidth  = 64
	armorSumLen = 6
	armorBegin  = "-----BEGIN SOTTO "
	armorEnd    = "-----END SOTTO "
	armorTail   = "-----"

	// MaxFile bounds an armoured file in bytes, but for a sealed backup: whoever reads one need not read more.
	// Base64 and line ends add less than half.
	MaxFile = 2 * MaxInvite
	// MaxSealedFile bounds an armoured backup: an authority of some ten thousand people.
	MaxSealedFile = 64 << 20
)

// Armor returns the text form of an object.
func Armor(f File, object []byte) []byte {
	var b bytes.Buffer
	b.WriteString(armorBegin + string(f) + armorTail + "\n")
	text := base64.StdEncoding.EncodeToString(object)
	for len(text) > 0 {
		n := min(armorWidth, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	b.WriteString("=" + armorSum(object) + "\n")
	b.WriteString(armorEnd + string(f) + armorTail + "\n")
	return b.Bytes()
}

// Dearmor reads exactly what Armor writes. It returns ErrKind when the text is another file of sotto,
// ErrTruncated when its end is missing, ErrAltered when the checksum does not fit, ErrMalformed else.
func Dearmor(f File, text []byte) ([]byte, error) {
	limit := MaxFile
	if f == FileSealed {
		limit = MaxSealedFile
	}
	if len(text) > limit {
		return nil, ErrMalformed
	}
	text = bytes.ReplaceAll(bytes.TrimSpace(text), []byte("\r\n"), []byte("\n"))
	first, rest, found := strings.Cut(string(text), "\n")
	if err := armorHead(f, first, found); err != nil {
		return nil, err
	}
	end := armorEnd + string(f) + armorTail
	inner, ok := strings.CutSuffix(rest, end)
	if !ok {
		// The last line that is there must be the beginning of the end, or an earlier one.
		last := rest[strings.LastIndex(rest, "\n")+1:]
		if strings.HasPrefix(last, "-") && !strings.HasPrefix(end, last) {
			return nil, ErrMalformed
		}
		return nil, ErrTruncated
	}
	at := strings.LastIndex(inner, "\n=")
	if strings.HasPrefix(inner, "=") {
		at = -1
	} else if at < 0 {
		return nil, ErrAltered
	}
	object, err := base64.StdEncoding.Strict().DecodeString(strings.ReplaceAll(inner[:at+1], "\n", ""))
	if err != nil {
		return nil, ErrAltered
	}
	if inner[at+1:] != "="+armorSum(object)+"\n" {
		return nil, ErrAltered
	}
	// One form only: wrapping anywhere else would make many texts of one object.
	if !bytes.Equal(bytes.TrimSpace(Armor(f, object)), text) {
		return nil, ErrMalformed
	}
	return object, nil
}

func armorHead(f File, first string, more bool) error {
	want := armorBegin + string(f) + armorTail
	switch {
	case first == want && more:
		return nil
	case !more && strings.HasPrefix(want, first):
		return ErrTruncated
	case strings.HasPrefix(first, armorBegin):
		return ErrKind
	}
	return ErrMalformed
}

func armorSum(object []byte) string {
	sum := sha256.Sum256(object)
	return base64.StdEncoding.EncodeToString(sum[:armorSumLen])
}

// whole turns ErrTruncated of an object that came out of a file whose checksum fits into ErrMalformed:
// its writer cut it, not the way here.
func whole(err error) error {
	if errors.Is(err, ErrTruncated) {
		return ErrMalformed
	}
	return err
}
