//go:build unix

package linkbench

import (
	"syscall"
	"time"
)

// hasCPUClock says that CPUTime is one.
const hasCPUClock = true

// CPUTime is the user and system time of the process so far (getrusage(2)), or 0 if the system does not tell.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
