// The nearest name to a mistyped one, for commands, flags and settings alike.

package main

import "strconv"

// maxQuoted bounds what is repeated of a word somebody typed, in bytes: enough to find the mistake.
const maxQuoted = 40

// quoted repeats a mistyped word: shortened, and with nothing in it that could move a terminal's cursor.
func quoted(word string) string {
	if len(word) > maxQuoted {
		word = word[:maxQuoted]
	}
	return strconv.QuoteToASCII(word)
}

// nearest returns the name with the fewest edits from word, if that is few enough to be a slip: at most one edit for
// every three letters, and at least two allowed.
func nearest(word string, names []string) (string, bool) {
	if len(word) > maxQuoted {
		return "", false
	}
	best, limit := "", max(2, len(word)/3)
	for _, name := range names {
		if d := edits(word, name); d <= limit && d < len(name) {
			best, limit = name, d-1
		}
	}
	return best, best != ""
}

// edits is the Levenshtein distance in bytes: insertions, deletions and substitutions cost one each.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
