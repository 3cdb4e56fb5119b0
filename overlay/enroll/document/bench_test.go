// What reading a document costs.

package document

import "testing"

func BenchmarkParseOverlay(b *testing.B) {
	whole := theFixture().overlay.Bytes()
	for b.Loop() {
		if _, err := ParseOverlay(whole); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(whole)), "bytes")
}

func BenchmarkParseRequest(b *testing.B) {
	whole := theFixture().request.Bytes()
	for b.Loop() {
		if _, err := ParseRequest(whole); err != nil {
			b.Fatal(err)
		}
	}
}
