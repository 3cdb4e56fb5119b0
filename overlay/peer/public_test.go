// Which addresses count as those of the public internet.

package peer

import "testing"

func TestAddressesOfOldSiteNetworksAreNotPublic(t *testing.T) {
	for _, s := range []string{"[fec0::1]:53", "[2002:c0a8:101::1]:53", "192.0.0.1:53", "198.18.0.1:53"} {
		if testAddress(t, s).IsPublic() {
			t.Errorf("%s counts as public", s)
		}
	}
}
