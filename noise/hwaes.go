package noise

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// Whether the processor computes AES: without, links are slow and not safe from
// whoever shares its caches.

// HardwareAES reports whether the processor has the instructions for AES and for
// the multiplication of GCM, with which crypto/aes and crypto/cipher are fast
// and take the same time for every key. Without them Go looks bytes of the state
// up in tables: several times slower, and the time betrays keys to other
// processes of the machine. A node warns of that at its start. On processors
// other than amd64 and arm64 the answer is no, because nobody has looked.
func HardwareAES() bool {
	switch runtime.GOARCH {
	case "amd64":
		return cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ && cpu.X86.HasSSE41 && cpu.X86.HasSSSE3
	case "arm64":
		return cpu.ARM64.HasAES && cpu.ARM64.HasPMULL
	}
	return false
}
