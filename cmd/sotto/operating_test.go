// The numbers in docs/operating.md are those of the program.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/noise"
	"sotto/overlay/enroll/authority"
	"sotto/overlay/enroll/document"
	"sotto/overlay/peer"
)

func TestOperatingGuideHasTheNumbersOfTheProgram(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	a, err := authority.Open(authorityState(t, ""), authority.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	o, err := a.Document()
	if err != nil {
		t.Fatal(err)
	}
	days := func(d time.Duration) int { return int(d / (24 * time.Hour)) }
	params, life := document.DefaultParams(), days(authority.DocumentLife)
	user, epoch := days(params.UserLife), days(o.Contents().Founding.KeyEpoch)
	keys := days(o.Contents().Keys[0].Cert.NotAfter().Sub(o.Contents().Issued).Round(24 * time.Hour))
	port := defaultConfig().listen.Port()
	for _, says := range []string{
		fmt.Sprintf("**One UDP port**, %d unless", port),
		fmt.Sprintf("**one TCP port**, %s unless", defaultService[strings.LastIndex(defaultService, ":")+1:]),
		fmt.Sprintf("one descriptor in %d hours", peer.DefaultPeriod/time.Hour),
		fmt.Sprintf("at least %d; 0 is no cap", minBandwidth),
		fmt.Sprintf("it declares %d Mbit/s", uncapped*8/1_000_000),
		fmt.Sprintf("datagrams of %d bytes", noise.DatagramLen),
		fmt.Sprintf("%d %% with IPv4 and %d %% with IPv6", 100*28/noise.DatagramLen, 100*48/noise.DatagramLen),
		fmt.Sprintf("lies more than %d minutes before", document.Slack/time.Minute),
		fmt.Sprintf("their clocks differ by more than %d minutes", document.Slack/time.Minute),
		fmt.Sprintf("off by more than %d to %d minutes", noise.BucketLen/time.Minute, 2*noise.BucketLen/time.Minute),
		map[float64]string{7.0 / 8: "seven eighths of it at most"}[forwardShare],
		fmt.Sprintf("in the file `%s` of the state", guardsName), fmt.Sprintf("together with `%s`", chosenName),
		fmt.Sprintf("no seed answers for %d s", silentAfter/time.Second),
		fmt.Sprintf("| %d to %d days | slot certificates", params.SlotAhead, params.SlotAhead+1),
		fmt.Sprintf("end within %d days", params.SlotAhead+1),
		fmt.Sprintf("| %d days | invites written before", days(authority.DefaultInviteLife)),
		fmt.Sprintf("| %d to %d days | user certificates: they last %d days and are renewed from day %d on", user-user*2/3, user, user, user*2/3),
		fmt.Sprintf("| %d to %d days | the overlay document, signed anew at half of its %d days", life/2, life, life),
		fmt.Sprintf("| 0 to %d days | the key epoch: relays without an admission in the next one, given from %d days before", epoch, days(params.AdmitAhead)),
		fmt.Sprintf("| %d days | the online keys", keys),
		fmt.Sprintf("sign for %d days", keys),
		fmt.Sprintf("warns %d days before the end", days(authority.KeysWarning)),
		fmt.Sprintf("After more than %d days it signs nothing", life),
	} {
		if !strings.Contains(text, says) {
			t.Errorf("docs/operating.md does not say %q", says)
		}
	}
}
