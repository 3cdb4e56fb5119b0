// The configuration: one strict TOML file of a few settings, and the table that explains each of them.
//
// The table is the only description of the settings. It reads them, writes them with their explanation, and names the
// nearest one to a mistyped key. What `sotto config` prints is itself a valid file.

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"sotto/onion/path"
	"sotto/overlay/peer"
)

// Limits of the configuration.
const (
	configName     = "sotto.toml"
	maxConfigBytes = 64 << 10 // the file we write has under 3 KB; the rest is room for comments

	// minBandwidth is the least cap that keeps some links alive: 128 datagrams of 512 bytes a second.
	minBandwidth = 64 << 10

	maxFamilyBytes = 64
)

// role is what a node does for itself and for others.
type role string

const (
	roleAnonymous role = "anonymous"
	roleRelay     role = "relay"
	roleClient    role = "client"
)

// config is what the operator of a node can choose. Its addresses are never to be logged.
type config struct {
	role      role
	listen    netip.AddrPort   // the UDP socket of all links
	announce  []netip.AddrPort // where others reach this relay: at most one IPv4 and one IPv6 address
	bandwidth int64            // bytes per second that the links may send; 0 is no cap
	profile   path.Profile     // of the paths of a node without a name
	family    string           // what an operator's relays have in common; may be empty
	logLevel  slog.Level
}

// defaultConfig is the configuration of a node whose operator has chosen nothing.
func defaultConfig() config {
	return config{
		role:     roleAnonymous,
		listen:   netip.AddrPortFrom(netip.IPv6Unspecified(), 4433),
		logLevel: slog.LevelWarn,
	}
}

// setting is one line of the file: its key, what it is for, and the two ways between its value in TOML and the config.
type setting struct {
	key   string
	about string // whole lines, without the comment sign
	get   func(*config) any
	// set takes what the TOML decoder makes of a value: string, int64, []any and so on. Its error completes
	// "role must be …" and does not repeat the value, which may be an address.
	set func(*config, any) error
}

// settings is every setting, in the order of the file.
func settings() []setting {
	return []setting{
		{
			key: "role",
			about: "What this node does: \"anonymous\" (nobody but its guards learns its address),\n" +
				"\"relay\" (its address is in the directory and it carries for others) or \"client\".\n" +
				"In this version the last two keep circuits ready and make no use of them yet.",
			get: func(c *config) any { return string(c.role) },
			set: setRole,
		},
		{
			key: "listen",
			about: "The address and UDP port of the one socket that carries all links. \"[::]:4433\" is every\n" +
				"address of this machine, IPv4 and IPv6. Without IPv6 write \"0.0.0.0:4433\". Let the port\n" +
				"through the firewall, in and out.",
			get: func(c *config) any { return c.listen.String() },
			set: setListen,
		},
		{
			key: "announce",
			about: "Where others reach this relay: at most one IPv4 and one IPv6 address with port, for example\n" +
				"[\"203.0.113.7:4433\", \"[2001:db8::7]:4433\"]. Everybody in the overlay can read them. A relay\n" +
				"needs one; other roles announce nothing.",
			get: func(c *config) any { return addressTexts(c.announce) },
			set: setAnnounce,
		},
		{
			key: "bandwidth_bytes_per_second",
			about: "The most that the links may send. 0 is no cap, else at least 65536.\n" +
				"1250000 is 10 Mbit/s. What is over the cap is dropped, not queued.",
			get: func(c *config) any { return c.bandwidth },
			set: setBandwidth,
		},
		{
			key: "profile",
			about: "How long the paths of this node are: \"standard\" is three relays to whoever is asked, \"high\" is\n" +
				"four, so that the last but one is another each time; each answer takes a third longer. A relay\n" +
				"makes no use of it.",
			get: func(c *config) any { return c.profile.String() },
			set: setProfile,
		},
		{
			key: "family",
			about: "One word shared by all relays of one operator, so that no path takes two of them: at most 64\n" +
				"of a-z, 0-9, \"-\" and \".\". Empty: this relay stands alone. Everybody can read it.",
			get: func(c *config) any { return c.family },
			set: setFamily,
		},
		{
			key: "log_level",
			about: "\"warn\" logs what needs you, \"info\" states and counts too, \"debug\" each event. No name, address\n" +
				"or key is logged at any.",
			get: func(c *config) any { return strings.ToLower(c.logLevel.String()) },
			set: setLogLevel,
		},
	}
}

func setRole(c *config, value any) error {
	text, _ := value.(string)
	switch r := role(text); r {
	case roleAnonymous, roleRelay, roleClient:
		c.role = r
		return nil
	}
	return errors.New(`must be "anonymous", "relay" or "client"`)
}

func setListen(c *config, value any) error {
	text, _ := value.(string)
	listen, err := netip.ParseAddrPort(text)
	if err != nil || listen.Addr().Is4In6() || listen.Addr().IsMulticast() || listen.Addr().Zone() != "" {
		return errors.New(`must be an IP address and a port in quotes, like "[::]:4433"`)
	}
	c.listen = listen
	return nil
}

func setAnnounce(c *config, value any) error {
	wrong := errors.New(`must be a list of at most one IPv4 and one IPv6 address with port, like ["203.0.113.7:4433"]`)
	list, ok := value.([]any)
	if !ok || len(list) > 2 {
		return wrong
	}
	announce := make([]netip.AddrPort, 0, len(list))
	for _, item := range list {
		text, _ := item.(string)
		address, err := netip.ParseAddrPort(text)
		if err != nil {
			return wrong
		}
		if _, err := peer.NewAddress(address); err != nil {
			return wrong
		}
		announce = append(announce, address)
	}
	if len(announce) == 2 && announce[0].Addr().Is4() == announce[1].Addr().Is4() {
		return wrong
	}
	c.announce = announce
	return nil
}

func setBandwidth(c *config, value any) error {
	cap, ok := value.(int64)
	if !ok || cap != 0 && (cap < minBandwidth || cap > math.MaxInt64/2) {
		return fmt.Errorf("must be a number of bytes per second, 0 or at least %d", minBandwidth)
	}
	c.bandwidth = cap
	return nil
}

func setProfile(c *config, value any) error {
	for _, p := range []path.Profile{path.Standard, path.High} {
		if value == p.String() {
			c.profile = p
			return nil
		}
	}
	return errors.New(`must be "standard" or "high"`)
}

func setFamily(c *config, value any) error {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-."
	text, ok := value.(string)
	if !ok || len(text) > maxFamilyBytes || strings.Trim(text, letters) != "" {
		return fmt.Errorf("must be one word in quotes: at most %d of a-z, 0-9, \"-\" and \".\"", maxFamilyBytes)
	}
	c.family = text
	return nil
}

func setLogLevel(c *config, value any) error {
	switch value {
	case "warn":
		c.logLevel = slog.LevelWarn
	case "info":
		c.logLevel = slog.LevelInfo
	case "debug":
		c.logLevel = slog.LevelDebug
	default:
		return errors.New(`must be "warn", "info" or "debug"`)
	}
	return nil
}

// parseConfig reads a whole configuration file. Settings that are not in it keep their defaults; a key that is not a
// setting is an error with the nearest name. Errors repeat no value.
func parseConfig(content []byte) (config, error) {
	c := defaultConfig()
	if len(content) > maxConfigBytes {
		return config{}, fmt.Errorf("it is longer than the %d bytes it may have; check that it is the right file", maxConfigBytes)
	}
	// Decoded into a map and not into a struct: the decoder matches struct fields without regard to case.
	var values map[string]any
	if err := toml.Unmarshal(content, &values); err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return config{}, fmt.Errorf("line %d is not valid TOML; write one `key = value` a line, texts in quotes", syntax.Position.Line)
		}
		return config{}, errors.New("it is not valid TOML; write one `key = value` a line, texts in quotes")
	}
	table := settings()
	var keys []string
	for _, s := range table {
		keys = append(keys, s.key)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		i := slices.Index(keys, key)
		if i < 0 {
			if near, ok := nearest(key, keys); ok {
				return config{}, fmt.Errorf("there is no setting %s; did you mean %s?", quoted(key), near)
			}
			return config{}, fmt.Errorf("there is no setting %s; `sotto config` explains all there are", quoted(key))
		}
		if err := table[i].set(&c, values[key]); err != nil {
			return config{}, fmt.Errorf("%s %w", key, err)
		}
	}
	return c, nil
}

// check holds settings against each other, after the file and the flags have been read.
func (c *config) check() error {
	if c.role == roleRelay && len(c.announce) == 0 {
		return errors.New(`a relay needs announce: the address at which others reach it, like announce = ["203.0.113.7:4433"]`)
	}
	if c.role != roleRelay && len(c.announce) > 0 {
		return fmt.Errorf("announce is for relays and the role is %s; empty announce, or set role to \"relay\"", c.role)
	}
	return nil
}

// appendConfig writes the whole file: every setting with its explanation. parseConfig reads it back.
func appendConfig(out []byte, c *config) []byte {
	for i, s := range settings() {
		if i > 0 {
			out = append(out, '\n')
		}
		for line := range strings.Lines(s.about) {
			out = append(append(out, "# "...), line...)
		}
		out = fmt.Appendf(out, "\n%s = %s\n", s.key, tomlValue(s.get(c)))
	}
	return out
}

// tomlValue writes a value as TOML does. The texts of settings hold nothing that would need an escape.
func tomlValue(value any) string {
	switch v := value.(type) {
	case string:
		return `"` + v + `"`
	case []string:
		var items []string
		for _, item := range v {
			items = append(items, tomlValue(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}

func addressTexts(addresses []netip.AddrPort) []string {
	texts := []string{}
	for _, a := range addresses {
		texts = append(texts, a.String())
	}
	return texts
}

// loadConfig reads the configuration of a state directory. Where there is none the error is fs.ErrNotExist.
func loadConfig(dir string) (config, error) {
	path := filepath.Join(dir, configName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return config{}, fmt.Errorf("there is no configuration %s (%w); `sotto join` writes one", path, fs.ErrNotExist)
	}
	content, err := readLimited(path, maxConfigBytes)
	if err != nil {
		return config{}, err
	}
	c, err := parseConfig(content)
	if err != nil {
		return config{}, fmt.Errorf("the configuration %s is refused: %w", path, err)
	}
	return c, nil
}

// saveConfig writes the configuration into a state directory, for its owner's eyes: it holds addresses.
func saveConfig(dir string, c *config) error {
	return writeSecret(filepath.Join(dir, configName), appendConfig(nil, c))
}
