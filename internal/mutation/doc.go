// Package mutation switches mechanisms off one at a time, so that the measurements of package threatmodel can show that they
// would notice. That is so under the build tag "mutation" only; in every other build nothing is mutated, and no switch of a
// shipped binary reaches a mechanism.
package mutation
