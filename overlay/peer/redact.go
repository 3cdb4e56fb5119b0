// What the types of this package share: labels in front of hashed and signed bytes, and refusing to print.

package peer

import (
	"fmt"
	"io"
)

// appendDomain puts a label in front of bytes that are hashed or signed. The length byte makes no label a
// prefix of another; all fields that follow have fixed lengths, or stand last.
func appendDomain(dst []byte, label string) []byte {
	dst = append(dst, byte(len(label)))
	return append(dst, label...)
}

// redact is the whole of every Format method here. An error of a formatting state has no one to go to.
func redact(s fmt.State, text string) { _, _ = io.WriteString(s, text) }
