package path

import (
	"errors"
	"fmt"
	"time"
)

// Why there is no path, in sentences that a user can act on.

// ErrNoPath is matched by every error that says that there is no path.
var ErrNoPath = errors.New("no path")

// Errors of construction and of what is kept.
var (
	// ErrConfig is returned for a configuration without a source of randomness, an overlay or a keeper.
	ErrConfig = errors.New("path: configuration lacks overlay, random source or keeper")
	// ErrState is returned for a kept state that is damaged, of another version or of another overlay.
	ErrState = errors.New("path: the saved guards are damaged or of another overlay; restore them from a backup, or start afresh " +
		"knowing that new guards learn your address")
	// ErrNoState is returned where there must be a kept state and is none.
	ErrNoState = errors.New("path: the saved guards are missing; restore them from a backup, or start afresh knowing that new " +
		"guards learn your address")
	// ErrNotKept is returned when the state could not be kept, so that nothing new in it is used.
	ErrNotKept = errors.New("path: chosen guards could not be saved; check the disk and the rights of the state directory")
	// ErrOverlay is returned for a directory of another overlay.
	ErrOverlay = errors.New("path: directory of another overlay")
	// ErrRandom is returned when the source of randomness fails.
	ErrRandom = errors.New("path: no random bytes from the system")
)

// Reason is why there is no path, for whoever decides what to do next.
type Reason uint8

// The reasons.
const (
	NoDirectory   Reason = iota + 1 // no directory of relays yet
	FewGuards                       // too few guards of different networks and families
	GuardsSpent                     // the sample is full and none of it usable: wait until Until
	GuardsDown                      // guards are chosen, but no link to one is up
	FewRelays                       // too few relays of different networks and families
	UnknownTarget                   // the far node is not in the directory, or has no address
	UnfitTarget                     // the far node shares networks or families with what is pinned
	TooOften                        // so many paths to this far node were made within the hour: wait until Until
)

// NoPath is the error for which errors.Is(err, ErrNoPath) holds. It names nobody.
type NoPath struct {
	Reason Reason
	Until  time.Time // when trying again makes sense; zero if no time is known
	text   string
}

// Error is a sentence for a user.
func (e *NoPath) Error() string { return "no path: " + e.text }

// Is matches ErrNoPath.
func (e *NoPath) Is(target error) bool { return target == ErrNoPath }

func noPath(r Reason, format string, args ...any) error {
	return &NoPath{Reason: r, text: fmt.Sprintf(format, args...)}
}

func notBefore(until time.Time, r Reason, format string, args ...any) error {
	return &NoPath{Reason: r, Until: until, text: fmt.Sprintf(format, args...) + until.UTC().Format("2006-01-02 15:04 UTC")}
}
