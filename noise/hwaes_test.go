package noise

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

func TestHardwareAESIsGoneWhenTheProcessorHasNone(t *testing.T) {
	const told = "SOTTO_TEST_NO_AES"
	if os.Getenv(told) != "" {
		if HardwareAES() {
			t.Error("AES that is switched off is reported")
		}
		return
	}
	if !HardwareAES() {
		t.Skipf("%s without AES: nothing to switch off", runtime.GOARCH)
	}
	for _, missing := range map[string][]string{
		"amd64": {"aes", "pclmulqdq"},
		"arm64": {"aes", "pmull"},
	}[runtime.GOARCH] {
		c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		c.Env = append(os.Environ(), told+"=1", "GODEBUG=cpu."+missing+"=off")
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("without %s: %v\n%s", missing, err, out)
		}
	}
}
