//go:build !unix

package linkbench

import "time"

// hasCPUClock says that CPUTime is none.
const hasCPUClock = false

// CPUTime stands in for the process's CPU time, which getrusage(2) gives on unix only: it is the time of day.
func CPUTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
