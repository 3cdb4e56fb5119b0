package linkbench

import (
	"encoding/json"
	"testing"
)

func TestFigureIsOneLineAndOneFlatObject(t *testing.T) {
	f := NewFigure("link_rtt_ms", "ms", []float64{3, 1, 2, 5, 4})
	f.Add("path", "loopback").Add("ratio", 1.23456).Add("train", 16).Add("segmenting", true)
	if got, want := f.String(), "metric=link_rtt_ms p50=3 p95=5 n=5 unit=ms path=loopback ratio=1.235 train=16 segmenting=true"; got != want {
		t.Errorf("the line is %q", got)
	}
	got, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"metric":"link_rtt_ms","n":5,"p50":3,"p95":5,"path":"loopback","ratio":1.235,"segmenting":true,"train":16,"unit":"ms"}`
	if string(got) != want {
		t.Errorf("the object is %s", got)
	}
}

func TestNumbersKeepFourDigitsAndNoExponentWhenLarge(t *testing.T) {
	for value, want := range map[float64]string{0: "0", 0.016114: "0.01611", 241.66: "241.7", 999.96: "1000", 6290825.4: "6290825", 1e21: "1000000000000000000000"} {
		if got := decimal(value); got != want {
			t.Errorf("%v is written %q, want %q", value, got, want)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var samples []float64
	for i := range 101 {
		samples = append(samples, float64(100-i))
	}
	if Quantile(samples, 0.5) != 50 || Quantile(samples, 0.95) != 95 || samples[0] != 100 {
		t.Error("wrong quantiles, or the samples were reordered")
	}
	if Quantile([]float64{7}, 0.95) != 7 || Quantile(nil, 0.5) != 0 {
		t.Error("wrong quantiles of next to nothing")
	}
}

func TestMedianRatioCancelsWhatDisturbsBoth(t *testing.T) {
	if got := MedianRatio([]float64{2, 20, 200, 2}, []float64{1, 10, 100, 40}); got != 2 {
		t.Errorf("the ratio is %v", got)
	}
}
