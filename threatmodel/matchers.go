package threatmodel

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"net/netip"
	"slices"

	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/blind"
	"sotto/overlay/enroll/document"
	"sotto/overlay/peer"
	"sotto/threatmodel/lab"
	"sotto/threatmodel/stat"
)

// Matchers: what an authority could try in order to find a person's peer among those of a day. Each scores every pair of
// a transcript and a peer, and guesses the peer with the highest score; equal scores are left to chance.

// scores are of one day, by transcript and peer.
type scores [][]float64

// matcher scores all days at once, since some regularities show over many days only.
type matcher struct {
	name  string
	score func(days []day) ([]scores, error)
}

// allMatchers is every one there is.
func allMatchers() []matcher {
	return []matcher{
		{"bytes of requests and answers in descriptors", eachPair(sharedBytes)},
		{"hashes of what was exchanged in descriptors", eachPair(sharedHashes)},
		{"addresses of requests in descriptors", eachPair(sharedAddress)},
		{"order of requests, order in the directory", byRank(func(one day, i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) })},
		{"order of names, order in the directory", byRank(func(one day, i int) []byte { a, _ := one.asked[i].Name(); return []byte(a.Canonical()) })},
		{"order of addresses, order in the directory", byRank(func(one day, i int) []byte { return []byte(one.asked[i].Source()) })},
		{"order of blind signatures, order of signatures", byBlindRank},
		{"blinding factor that fits, seen for several pairs", commonFactor},
		{"blinding factor that fits, the smallest", smallestFactor},
		{"blinding factor that fits, Jacobi symbol", jacobiFactor},
		{"overlay document of the answer, of the descriptor", eachPair(sharedDocument)},
	}
}

// judgeMatchers adds the figures of every matcher. Guessing hits one in k.
func judgeMatchers(m *Measurement, days []day, k int) error {
	coin := lab.NewSource(blindSeed, "guesses")
	matchers := allMatchers()
	best, bestHits, n := "", -1, 0
	for _, matcher := range matchers {
		all, err := matcher.score(days)
		if err != nil {
			return err
		}
		hits := 0
		n = 0
		for d, one := range days {
			for i := range one.asked {
				n++
				if guess(all[d][i], coin) == one.truth[i] {
					hits++
				}
			}
		}
		p := stat.BinomialUpper(hits, n, 1/float64(k))
		f := chance(matcher.name, p, len(matchers), n)
		i := stat.ClopperPearson(hits, n, confidence)
		f.Name += fmt.Sprintf(": %d right", hits)
		f.Low, f.High, f.Interval = i.Low, i.High, true
		m.add("", f)
		if hits > bestHits {
			best, bestHits = matcher.name, hits
		}
	}
	m.remark("%d joins, %d a day: guessing is right in %.2f %%; the best matcher (%s) in %.2f %%", n, k, 100/float64(k), best, 100*float64(bestHits)/float64(n))
	return nil
}

// guess is the highest score, by chance among equals.
func guess(row []float64, coin *lab.Source) int {
	top := slices.Max(row)
	var equals []int
	for j, s := range row {
		if s == top {
			equals = append(equals, j)
		}
	}
	return equals[coin.IntN(len(equals))]
}

func scored(one day, score func(i, j int) float64) scores {
	s := make(scores, len(one.asked))
	for i := range s {
		s[i] = make([]float64, len(one.peers))
		for j := range s[i] {
			s[i][j] = score(i, j)
		}
	}
	return s
}

// eachPair scores pairs by themselves.
func eachPair(score func(t authority.Transcript, p document.Pair) float64) func([]day) ([]scores, error) {
	return func(days []day) ([]scores, error) {
		var all []scores
		for _, one := range days {
			all = append(all, scored(one, func(i, j int) float64 { return score(one.asked[i], one.peers[j]) }))
		}
		return all, nil
	}
}

const window = 8 // bytes: what does not come twice by chance

// sharedBytes counts the windows of a descriptor that occur in what was exchanged.
func sharedBytes(t authority.Transcript, p document.Pair) float64 {
	in := p.Append(nil)
	windows := make(map[[window]byte]bool, len(in))
	for o := 0; o+window <= len(in); o++ {
		windows[[window]byte(in[o:])] = true
	}
	n := 0
	for _, b := range [][]byte{t.Request(), t.Response()} {
		for o := 0; o+window <= len(b); o++ {
			if windows[[window]byte(b[o:])] {
				n++
			}
		}
	}
	return float64(n)
}

// sharedHashes counts the hashes of what was exchanged whose beginning occurs in a descriptor or its NodeID.
func sharedHashes(t authority.Transcript, p document.Pair) float64 {
	id := p.NodeID().Bytes()
	in := append(p.Append(nil), id[:]...)
	asked, given, epoch, _ := t.Blind()
	aor, _ := t.Name()
	n := 0
	for _, b := range [][]byte{t.Request(), asked[:], given[:], []byte(aor.Canonical()), []byte(t.Source())} {
		plain := sha256.Sum256(b)
		node := peer.NodeIDFromAdmission(p.Static.Overlay(), epoch, b).Bytes()
		for _, h := range [][32]byte{plain, node} {
			if bytes.Contains(in, h[:window]) {
				n++
			}
		}
	}
	return float64(n)
}

// sharedAddress looks for the address that a request came from.
func sharedAddress(t authority.Transcript, p document.Pair) float64 {
	from, err := netip.ParseAddrPort(t.Source())
	if err != nil {
		return 0
	}
	for _, a := range p.Daily.Addresses() {
		if a.AddrPort().Addr() == from.Addr() {
			return 1
		}
	}
	return 0
}

// sharedDocument compares the document that was handed out with the one that the peer names.
func sharedDocument(t authority.Transcript, p document.Pair) float64 {
	b, err := document.Unpad(t.Response())
	if err != nil {
		return 0
	}
	a, err := document.ParseAnswer(b)
	if err != nil {
		return 0
	}
	o, err := document.ParseOverlay(a.Document)
	if err != nil || o.Hash() != p.Daily.Document() {
		return 0
	}
	return 1
}

// byRank guesses that two orders are one.
func byRank(key func(one day, i int) []byte) func([]day) ([]scores, error) {
	return func(days []day) ([]scores, error) {
		var all []scores
		for _, one := range days {
			rank := ranks(len(one.asked), func(i int) []byte { return key(one, i) })
			all = append(all, scored(one, func(i, j int) float64 { return -abs(rank[i] - j) }))
		}
		return all, nil
	}
}

// byBlindRank compares the order of what the authority signed with that of the signatures in the directory.
func byBlindRank(days []day) ([]scores, error) {
	var all []scores
	for _, one := range days {
		given := ranks(len(one.asked), func(i int) []byte { _, s, _, _ := one.asked[i].Blind(); return s[:] })
		seen := ranks(len(one.peers), func(j int) []byte { s := admission(one.peers[j]); return s })
		all = append(all, scored(one, func(i, j int) float64 { return -abs(given[i] - seen[j]) }))
	}
	return all, nil
}

func abs(n int) float64 { return float64(max(n, -n)) }

func ranks(n int, key func(i int) []byte) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return bytes.Compare(key(a), key(b)) })
	rank := make([]int, n)
	for place, i := range order {
		rank[i] = place
	}
	return rank
}

// admission is the signature in a static part: its last 256 bytes.
func admission(p document.Pair) []byte {
	b := p.Static.Append(nil)
	return b[len(b)-blind.Size:]
}

// factors are the blinding factors with which each request would belong to each peer: blind signature divided by
// signature. There always is one; the question is whether it looks drawn at random.
func factors(days []day) ([][][]*big.Int, *big.Int, error) {
	n, err := modulus(days)
	if err != nil {
		return nil, nil, err
	}
	var all [][][]*big.Int
	for _, one := range days {
		var inverse []*big.Int
		for _, p := range one.peers {
			inverse = append(inverse, new(big.Int).ModInverse(new(big.Int).SetBytes(admission(p)), n))
		}
		var rows [][]*big.Int
		for _, t := range one.asked {
			_, given, _, _ := t.Blind()
			var row []*big.Int
			for _, inv := range inverse {
				r := new(big.Int).Mul(new(big.Int).SetBytes(given[:]), inv)
				row = append(row, r.Mod(r, n))
			}
			rows = append(rows, row)
		}
		all = append(all, rows)
	}
	return all, n, nil
}

// modulus is that of the blind key in the document of the first answer.
func modulus(days []day) (*big.Int, error) {
	b, err := document.Unpad(days[0].asked[0].Response())
	if err != nil {
		return nil, err
	}
	a, err := document.ParseAnswer(b)
	if err != nil {
		return nil, err
	}
	o, err := document.ParseOverlay(a.Document)
	if err != nil {
		return nil, err
	}
	key, err := o.BlindKey(0)
	if err != nil {
		return nil, err
	}
	return new(big.Int).SetBytes(key.Append(nil)), nil
}

// byFactor scores the factors that fit.
func byFactor(days []day, score func(r, n *big.Int) float64) ([]scores, error) {
	all, n, err := factors(days)
	if err != nil {
		return nil, err
	}
	var s []scores
	for d, one := range days {
		s = append(s, scored(one, func(i, j int) float64 { return score(all[d][i][j], n) }))
	}
	return s, nil
}

// commonFactor prefers a factor that fits for several pairs of all days: it comes from a source that repeats itself.
func commonFactor(days []day) ([]scores, error) {
	all, _, err := factors(days)
	if err != nil {
		return nil, err
	}
	count := make(map[string]int)
	for _, rows := range all {
		for _, row := range rows {
			for _, r := range row {
				count[string(r.Bytes())]++
			}
		}
	}
	return byFactor(days, func(r, _ *big.Int) float64 { return float64(count[string(r.Bytes())]) })
}

// smallestFactor prefers few bits: a factor from too short a seed.
func smallestFactor(days []day) ([]scores, error) {
	return byFactor(days, func(r, _ *big.Int) float64 { return -float64(r.BitLen()) })
}

// jacobiFactor prefers squares: a factor that was drawn as one would keep the message's Jacobi symbol.
func jacobiFactor(days []day) ([]scores, error) {
	return byFactor(days, func(r, n *big.Int) float64 { return float64(big.Jacobi(r, n)) })
}
