// Package rules holds the rules of the house as tests: which package may import which, which foreign library stands
// behind which door, how long a file and a function may be, and what may not be written at all.
//
// Each rule is a function from a tree to its violations, and is tried on a small tree that breaks it; then all of them
// run on this repository. The tables in rooms.go are the architecture: a new package, library or module enters them
// with its reason, in the same commit.
//
// The package is used by its own tests only and imports nothing but the standard library.
package rules
