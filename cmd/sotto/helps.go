// Every word of help that the binary prints.

package main

// helps is the help of every command by its path: "authority init". The program itself is "".
var helps = map[string]help{
	"": {
		summary: "a peer-to-peer SIP node that hides who talks to whom",
		about: "State lives in one directory: --state DIR, else $XDG_STATE_HOME/sotto, else ~/.local/state/sotto.\n" +
			"Exit codes: 0 done, 1 failed, 2 called wrongly.\n",
		example: "sotto config --help",
	},
	"demo": {
		summary: "a whole overlay in one process: try this first",
		args:    "[--peers N] [--delay DURATION] [--loss SHARE] [--seed N] [--json]",
		about: "Founds an authority and an overlay, has people join it, links their relays over real UDP sockets, measures\n" +
			"the links, lets two people talk through five relays without knowing where the other is, kills a relay, and\n" +
			"prints who saw what. Nothing leaves this machine: sockets are on 127.0.0.0/8, at free ports where the usual\n" +
			"ones are taken. Takes about a quarter of a minute and leaves nothing behind.\n",
		flags: "--peers N         relays, 24 if not given, from 5 to 64\n" +
			"--delay DURATION  how long a datagram takes on every link, one way: 40ms\n" +
			"--loss SHARE      how many datagrams are lost on every link, one way: 1%\n" +
			"--seed N          decides which are lost, which relays are seeds, who is killed; keys are fresh each time\n" +
			"--json            one JSON object on the last line\n",
		example: "sotto demo --delay 40ms --loss 1%",
	},
	"authority": {
		summary: "run the enrolment of an overlay",
		about: "The state of an authority is a directory of its own: --state DIR, else \"authority\" in the state directory.\n" +
			"While it is served, the other commands work through the process that serves it.\n",
		example: "sotto authority init --name example.org",
	},
	"authority init": {
		summary: "found an overlay: its keys and its first document",
		args:    "--name NAME [--service HOST:PORT] [--state DIR]",
		about: "Makes a new directory with everything that the authority is. Back it up: nobody else can replace it.\n" +
			"The name is for people; what names the overlay is a hash of what it was founded with.\n",
		flags: "--name NAME          what people call the overlay: at most 63 of a-z, 0-9, \"-\" and \".\"\n" +
			"--service HOST:PORT  where it will answer over TCP; 127.0.0.1:4433, this machine alone, if not given;\n" +
			"                     \"none\" if requests travel as files only\n" +
			"--state DIR          the directory of the authority\n",
		example: "sotto authority init --name example.org --service authority.example.org:4433",
	},
	"authority invite": {
		summary: "write an invite for one person, or withdraw it",
		args:    "NAME [--seed] [--replace] [--withdraw] [--life DURATION] [--out FILE] [--state DIR]",
		about: "Prints a file that lets one person join once, under the name in it. Whoever has it can: send it by a\n" +
			"way that you trust. A relay is a person too and needs a name.\n",
		flags: "--seed           the person's relay is listed in the overlay document, for new nodes to begin with\n" +
			"--replace        for somebody enrolled who has lost the key: the old certificates are revoked\n" +
			"--withdraw       make the open invite for this name useless instead\n" +
			"--life DURATION  how long it can be used, 168h if not given, at most 720h\n" +
			"--out FILE       write it into a file with mode 0600 instead of stdout\n" +
			"--state DIR      the directory of the authority\n",
		example: "sotto authority invite --seed sip:relay1@example.org > relay1.invite",
	},
	"authority issue": {
		summary: "answer a request that came as a file",
		args:    "REQUEST [--out FILE] [--state DIR]",
		about: "Prints the response to what `sotto join --request` or `sotto identity renew --request` wrote. A refusal\n" +
			"is a response too, and exits 1.\n",
		flags: "--out FILE   write it into a file with mode 0600 instead of stdout\n" +
			"--state DIR  the directory of the authority\n",
		example: "sotto authority issue alice.request > alice.response",
	},
	"authority list": {
		summary: "list who is enrolled and who is invited",
		args:    "[--json] [--state DIR]",
		about:   "Certificates and invites with their ends. Which peer is whose, an authority cannot list.\n",
		flags: "--json       one JSON array\n" +
			"--state DIR  the directory of the authority\n",
		example: "sotto authority list --json",
	},
	"authority revoke": {
		summary: "take a person out",
		args:    "NAME [--state DIR]",
		about: "Lists the person's certificates as revoked and gives nothing more. The name stays taken. The person's\n" +
			"relay goes on: see `sotto authority exclude`.\n",
		flags:   "--state DIR  the directory of the authority\n",
		example: "sotto authority revoke sip:mallory@example.org",
	},
	"authority exclude": {
		summary: "take a relay out, or off the list of seeds",
		args:    "NODEID [--key-epoch N] [--unlist] [--state DIR]",
		about: "Everybody leaves the relay as soon as the new overlay document reaches them, for the rest of its key\n" +
			"epoch. Its NodeID is what `sotto status` shows there.\n",
		flags: "--key-epoch N  the key epoch of the NodeID, the present one if not given\n" +
			"--unlist       only take it off the list of seeds\n" +
			"--state DIR    the directory of the authority\n",
		example: "sotto authority exclude 7a0f3c… --unlist",
	},
	"authority document": {
		summary: "print the newest overlay document",
		args:    "[--after-pause] [--out FILE] [--state DIR]",
		about:   "Nodes get it with every answer of the authority. It is public within the overlay.\n",
		flags: "--after-pause  sign a new one first: the authority was off for more than 30 days, and the clock is right\n" +
			"--out FILE     write it into a file with mode 0600 instead of stdout\n" +
			"--state DIR    the directory of the authority\n",
		example: "sotto authority document > example.org.document",
	},
	"authority rotate": {
		summary: "make new keys for signing",
		args:    "[--stolen] [--root FILE --passphrase-file FILE] [--state DIR]",
		about: "The root key certifies them. What the old ones signed stays good until it ends, unless they were stolen:\n" +
			"then nothing of it is good any more, and everybody must renew.\n",
		flags: "--stolen                the old keys are in somebody else's hands\n" +
			"--root FILE             the root key, if it is kept outside of the state\n" +
			"--passphrase-file FILE  a file with mode 0600 whose first line is its passphrase, or - for stdin\n" +
			"--state DIR             the directory of the authority\n",
		example: "sotto authority rotate --root /media/safe/root.key --passphrase-file pass",
	},
	"authority root": {
		summary: "take the root key out of the state, or put it back",
		args:    "--out FILE | --in FILE  --passphrase-file FILE [--state DIR]",
		about: "The root key is needed for `sotto authority rotate` only. Whoever has it is the authority; kept offline,\n" +
			"a break-in costs a rotation and not the overlay.\n",
		flags: "--out FILE              move it into this file, sealed; it must not exist\n" +
			"--in FILE               put it back from this file\n" +
			"--passphrase-file FILE  a file with mode 0600 whose first line is the passphrase, or - for stdin\n" +
			"--state DIR             the directory of the authority\n",
		example: "sotto authority root --out /media/safe/root.key --passphrase-file pass",
	},
	"authority backup": {
		summary: "write the authority into one sealed file",
		args:    "--passphrase-file FILE --out FILE [--state DIR]",
		about:   "Everything is in it, the root key too unless it was taken out. Do it after every day with changes.\n",
		flags: "--passphrase-file FILE  a file with mode 0600 whose first line is the passphrase, or - for stdin\n" +
			"--out FILE              where it goes, with mode 0600\n" +
			"--state DIR             the directory of the authority\n",
		example: "sotto authority backup --passphrase-file pass --out authority.backup",
	},
	"authority restore": {
		summary: "bring an authority back from its backup",
		args:    "BACKUP --passphrase-file FILE [--state DIR]",
		about: "Makes the directory anew. Invites that were open are withdrawn, who enrolled since the backup is unknown,\n" +
			"and revocations since have to be made again.\n",
		flags: "--passphrase-file FILE  a file with mode 0600 whose first line is the passphrase, or - for stdin\n" +
			"--state DIR             where it is to be; nothing may be there\n",
		example: "sotto authority restore authority.backup --passphrase-file pass",
	},
	"authority serve": {
		summary: "answer who wants to join, and keep the document fresh",
		args:    "[--listen HOST:PORT] [--service HOST:PORT] [--state DIR]",
		about: "Runs until SIGTERM. It is needed when somebody joins or renews, not for the overlay to work:\n" +
			"docs/operating.md says what stops when it is off, and after how long.\n",
		flags: "--listen HOST:PORT   where to listen; if not given, at the port that the document names, of every address\n" +
			"                     unless that is of this machine alone\n" +
			"--service HOST:PORT  say in the document from now on that it answers there; invites made before do not know\n" +
			"--state DIR          the directory of the authority\n",
		example: "sotto authority serve --state /var/lib/sotto-authority",
	},
	"join": {
		summary: "enrol with an invite",
		args:    "INVITE [--role ROLE] [--announce ADDRESSES] [--listen ADDRESS] [--request FILE] [--state DIR]",
		about: "Makes keys, gets them certified and writes the configuration. This is the one direct contact with the\n" +
			"authority, which learns the address of this machine. Killed or without network, it can be called again.\n" +
			"Without a network: --request FILE writes what the authority's operator answers with a response, and\n" +
			"`sotto join --response FILE` ends it.\n",
		flags: "--role ROLE           anonymous (the default), relay or client\n" +
			"--announce ADDRESSES  of a relay: where others reach it, an IPv4 address, an IPv6 one, or both with a comma\n" +
			"--listen ADDRESS      the UDP socket; if not given, the announced port of every address, or of this machine\n" +
			"                      alone if that is what is announced; another node than a relay takes any port\n" +
			"--request FILE        do not visit the authority, write the request into a file\n" +
			"--response FILE       end what --request began; without INVITE\n" +
			"--state DIR           the state directory\n",
		example: "sotto join relay1.invite --role relay --announce 203.0.113.7:4433,[2001:db8::7]:4433",
	},
	"up": {
		summary: "run the node",
		args:    "[--role ROLE] [--state DIR]",
		about: "Runs until SIGTERM, which it obeys within 2 s. On a terminal it says how far it is: seeds, directory,\n" +
			"linked. A relay renews what it has from the authority by itself.\n",
		flags: "--role ROLE  another role than the one in the configuration\n" +
			"--state DIR  the state directory\n",
		example: "sotto up --role relay --state /var/lib/sotto",
	},
	"status": {
		summary: "show the node and what ends when",
		args:    "[--json] [--state DIR]",
		about:   "Asks the running node, or reads the state if none runs. It tells counts of others, and never who they are.\n",
		flags: "--json       one JSON object\n" +
			"--state DIR  the state directory\n",
		example: "sotto status --json",
	},
	"identity": {
		summary: "renew, back up and restore your own keys",
		example: "sotto identity backup --passphrase-file pass --out alice.backup",
	},
	"identity renew": {
		summary: "ask the authority for what is due",
		args:    "[--new-key] [--request FILE | --response FILE] [--state DIR]",
		about: "A running relay does it by itself. By hand it is a direct contact: the authority learns the address of this\n" +
			"machine. By file it learns none.\n",
		flags: "--new-key        change the user key; contacts who know the old one follow\n" +
			"--request FILE   write the request into a file instead\n" +
			"--response FILE  take over the response to it\n" +
			"--state DIR      the state directory\n",
		example: "sotto identity renew --request alice.request",
	},
	"identity backup": {
		summary: "write your keys and certificates into one sealed file",
		args:    "--passphrase-file FILE --out FILE [--state DIR]",
		about:   "The configuration is not in it. Two nodes must never run from one identity: their relay is excluded.\n",
		flags: "--passphrase-file FILE  a file with mode 0600 whose first line is the passphrase, or - for stdin\n" +
			"--out FILE              where it goes, with mode 0600\n" +
			"--state DIR             the state directory\n",
		example: "sotto identity backup --passphrase-file pass --out alice.backup",
	},
	"identity restore": {
		summary: "bring your keys and certificates back",
		args:    "BACKUP --passphrase-file FILE [--state DIR]",
		about:   "A relay stays silent for this period and the next, because nobody can tell what it published before.\n",
		flags: "--passphrase-file FILE  a file with mode 0600 whose first line is the passphrase, or - for stdin\n" +
			"--state DIR             where it is to be; no identity may be there\n",
		example: "sotto identity restore alice.backup --passphrase-file pass",
	},
	"config": {
		summary: "print every setting with its explanation, or check the file",
		args:    "[--check] [--json] [--state DIR]",
		about: "Prints the configuration of the state directory with every setting explained. The output is a\n" +
			"valid configuration itself. Without a file it prints the defaults.\n",
		flags: "--check      say only whether the file is right; exit 1 if not\n" +
			"--json       the settings as one JSON object\n" +
			"--state DIR  the state directory\n",
		example: "sotto config --check --state /var/lib/sotto",
	},
	"bench": {
		summary: "measure how fast this machine is",
		example: "sotto bench link",
	},
	"bench link": {
		summary: "measure handshakes, datagrams and a flood of first messages",
		args:    "[--json] [--budget DURATION]",
		about: "Prints one line a metric: metric=NAME p50=... p95=... n=... unit=... and what it is measured against.\n" +
			"Ratios are of the same run, so a busy machine changes them less than the figures. Nothing leaves the\n" +
			"machine: sockets are on 127.0.0.0/8. The flood keeps two processors busy for some seconds.\n",
		flags: "--json             one JSON object a metric, one a line\n" +
			"--budget DURATION  how long to measure, 35s if not given; the flood may take 10 s longer\n",
		example: "sotto bench link --budget 2m",
	},
	"bench net": {
		summary: "measure a relay's work, circuits, requests and sessions in a network of one process",
		args:    "[--delay D] [--loss SHARE] [--seconds N] [--json]",
		about: "Prints one line a metric: metric=NAME p50=... p95=... n=... unit=... with its goal, and for times what the\n" +
			"links alone would take (ideal). Nothing leaves the machine: nodes are at 127.N.0.1. With --delay 40ms and\n" +
			"--loss 1% every link is like one across a continent.\n",
		flags: "--delay D     how long a datagram takes over a link, one way; 0 if not given\n" +
			"--loss SHARE  what part of the datagrams a link loses, such as 1%; 0 if not given\n" +
			"--seconds N   how long to measure, 28 if not given; the nodes take up to 15 s more to find each other\n" +
			"--json        one JSON object a metric, one a line\n",
		example: "sotto bench net --delay 40ms --loss 1%",
	},
	"bench relay": {
		summary: "run one relay of an overlay that only measures, for scripts that watch its process",
		args:    "[--genesis SECONDS] [--number N]",
		about: "Prints a line with its seed, reads the seeds of the three relays of a path and the word go, prints ready, and\n" +
			"ends with its input. internal/compare/run.py speaks to it.\n",
		flags: "--genesis SECONDS  when the overlay began (Unix time); the same for all; a minute ago if not given\n" +
			"--number N         which relay it is, 1 to 200: relays with different numbers count as of different networks\n",
		example: "sotto bench relay --genesis 1767225600 --number 2",
	},
	"bench circuits": {
		summary: "load three such relays with circuits",
		args:    "[--genesis SECONDS] [--count N]",
		about: "Reads the seeds of the three relays in the order of the path and the word go, prints ready, makes the\n" +
			"circuits at the next go, prints how many were made and failed in how many seconds, and holds them until its\n" +
			"input ends.\n",
		flags: "--genesis SECONDS  when the overlay began (Unix time); the same for all; a minute ago if not given\n" +
			"--count N          how many circuits, 1000 if not given\n",
		example: "sotto bench circuits --genesis 1767225600 --count 500",
	},
}
