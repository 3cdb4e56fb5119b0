// The mechanisms that a build for measuring can take away: see package mutation.

package session

const noOpeningMemory = "session: openings are not remembered"
