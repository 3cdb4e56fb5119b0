package threatmodel

import (
	"context"
	"errors"
	"fmt"

	"sotto/onion/cell"
	"sotto/threatmodel/lab"
	"sotto/threatmodel/stat"
)

// The strongest mark that somebody behind a hop can put on what goes back: bodies of nothing but zeros. What the hop makes
// of them is looked at on its other side.

// tamperMarks is the measurement.
func tamperMarks(ctx context.Context, s Scale, m *Measurement) error {
	cells := s.pick(3000, 60_000)
	for honest := 1; honest <= 2; honest++ {
		r, err := newTamperRun(3)
		if err != nil {
			return err
		}
		worst, err := r.marked(ctx, honest, cells)
		if err != nil {
			return err
		}
		const looked = cell.BodyLen - cell.FieldLen
		m.add(fmt.Sprintf("bodies of zeros, behind honest hop %d", honest), chance("most uneven byte position", worst, looked, cells))
	}
	r, err := newTamperRun(3)
	if err != nil {
		return err
	}
	const forged = 200
	passed, err := r.inAnotherName(forged)
	m.add("bodies that say they are a message of the hop they come to", never("passed on as such", passed, forged))
	return errors.Join(err, ctx.Err())
}

// measureTamperMarks is that alone, for the control that breaks one mechanism.
func measureTamperMarks(ctx context.Context, s Scale) (Measurement, error) {
	m := Measurement{Seed: tamperSeed}
	return m, tamperMarks(ctx, s, &m)
}

// inAnotherName has the last hop send answers as if they were the second's, and counts those that this lets pass.
func (r *tamperRun) inAnotherName(cells int) (passed int, err error) {
	id, err := r.between(2)
	if err != nil {
		return 0, err
	}
	r.world.Touch(func(p lab.Passing) bool {
		passed++
		return false
	})
	var frame [cell.FrameLen]byte
	for range cells {
		cell.PutHeader(frame[:], id, cell.Backward)
		cell.PutMessage(cell.Body(frame[:]), cell.Answer, r.sent[:])
		r.world.Hand(r.path[1].Hands, r.path[2].Place(), frame[:])
	}
	return passed, nil
}

// between makes the circuit and returns its number on the link behind a hop.
func (r *tamperRun) between(hop int) (id cell.ID, err error) {
	r.world.Touch(func(p lab.Passing) bool {
		if r.hop(p.From) == hop && r.hop(p.To) == hop+1 {
			id, _ = cell.Header(p.Frame)
		}
		return true
	})
	return id, r.stand()
}

// marked has the hop behind an honest one send bodies of zeros, and returns the smallest p-value of all positions of what
// leaves the honest one. Its counter is left out: it counts.
func (r *tamperRun) marked(ctx context.Context, honest, cells int) (float64, error) {
	id, err := r.between(honest)
	if err != nil {
		return 0, err
	}
	histograms := make([][256]uint32, cell.BodyLen)
	seen := 0
	r.world.Touch(func(p lab.Passing) bool {
		if r.hop(p.From) == honest && r.hop(p.To) == honest-1 {
			seen++
			for i, b := range cell.Body(p.Frame) {
				histograms[i][b]++
			}
		}
		return false
	})
	var frame [cell.FrameLen]byte
	for range cells {
		cell.PutHeader(frame[:], id, cell.Backward)
		r.world.Hand(r.path[honest-1].Hands, r.path[honest].Place(), frame[:])
	}
	if seen != cells {
		return 0, fmt.Errorf("%w: %d of %d marked cells were passed on", errNoCircuit, seen, cells)
	}
	worst := 1.0
	for i := cell.FieldLen; i < cell.BodyLen; i++ {
		worst = min(worst, stat.ChiSquareTwoSided(stat.ChiSquare(histograms[i][:]), 255))
	}
	return worst, ctx.Err()
}
