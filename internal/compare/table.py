#!/usr/bin/env python3
"""Tables of figures: those of one script, run by run, and those of several systems side by side.

    table.py FILE...        Markdown; the files are the output of the scripts
"""
import sys

from measure import figure, median, parse, show

# One row a question: what of which system answers it, and how many of the units of the row one of it is. A tuple of two
# metrics is a difference.
ROWS = [
    ("3-hop circuit, links open, ms", {"sotto": "circuit_build_ms", "tor": "circuit_build_ms"}),
    ("200 bytes there and back beside the network, ms", {"sotto": "direct_rr_ms", "tor": "direct_rr_ms"}),
    ("request and answer over a ready path of 3 relays, ms", {"sotto": "stem_request_ms"}),
    ("200 bytes there and back on a standing exit stream, ms", {"tor": "stream_warm_rr_ms"}),
    ("hidden callee, look-up included, to the first answer, ms", {"tor": "onion_cold_connect_plus_rr_ms", "i2pd": "cold_connect_plus_rr_ms"}),
    ("hidden callee, look-up done, to the first answer, ms", {
        "sotto": "onion_cold_connect_plus_rr_known_ms",
        "tor": ("onion_cold_connect_plus_rr_ms", "onion_cold_stage_desc_fetched_ms")}),
    ("200 bytes there and back between two hidden ends, ms", {
        "sotto": "onion_warm_rr_ms", "tor": "onion_warm_rr_ms", "i2pd": "warm_rr_ms"}),
    ("datagram between two hidden ends, one way, ms", {"sotto": "datagram_one_way_ms"}),
    ("middle relay, CPU in ns a payload byte, busy", {
        "sotto": "relay_cpu_ns_per_byte/middle", "tor": "bulk_down_8stream_8circ_cpu_s_per_gb/middle"}),
    ("entry, CPU in us a circuit built", {"sotto": "circuit_build_cpu_us/entry", "tor": "circuit_build_cpu_us/entry"}),
    ("middle, CPU in us a circuit built", {"sotto": "circuit_build_cpu_us/middle", "tor": "circuit_build_cpu_us/middle"}),
    ("last relay, CPU in us a circuit built", {"sotto": "circuit_build_cpu_us/exit", "tor": "circuit_build_cpu_us/exit"}),
    ("relay process, RSS, KiB", {"sotto": "rss_kib/relay", "tor": "rss_kib/relay"}),
    ("entry, private KiB per 1000 idle circuits", {
        "sotto": "uss_kib_per_1000_circuits/entry", "tor": "uss_kib_per_1000_circuits/entry"}),
    ("middle, private KiB per 1000 idle circuits", {
        "sotto": "uss_kib_per_1000_circuits/middle", "tor": "uss_kib_per_1000_circuits/middle"}),
    ("circuits built a second, all processes on this machine", {"sotto": "circuit_build_per_s", "tor": "circuit_build_per_s"}),
]


def groups(figures):
    """The figures of all runs by peer, net, metric and role."""
    found = {}
    for f in figures:
        value = figure(f)
        if value is not None:
            found.setdefault((f["peer"], f["net"], f["metric"], f.get("role", "")), []).append((value, f))
    return found


def of_runs(figures):
    """One line a metric: the figure of every run, p50 or value."""
    print("\n%-6s %-5s %-36s %-8s %5s %10s %10s %10s %10s" % (
        "peer", "net", "metric (p50 or value)", "role", "runs", "min", "median", "max", "p95(med)"))
    for (peer, net, metric, role), values in groups(figures).items():
        v = [x for x, _ in values]
        p95 = [float(f["p95"]) for _, f in values if "p95" in f]
        print("%-6s %-5s %-36s %-8s %5d %10s %10s %10s %10s" % (
            peer, net, metric, role, len(v), show(float(min(v))), show(median(v)), show(float(max(v))),
            show(median(p95)) if p95 else "-"))
    sys.stdout.flush()


def cell(found, peer, net, what):
    """The median over the runs with their range, or what there is of it."""
    if isinstance(what, tuple):
        parts = [cell(found, peer, net, w)[0] for w in what]
        return (parts[0] - parts[1], "") if None not in parts else (None, "")
    metric, _, role = what.partition("/")
    values = [x for x, _ in found.get((peer, net, metric, role), [])]
    if not values:
        return None, ""
    span = " [%s-%s]" % (show(float(min(values))), show(float(max(values)))) if len(values) > 1 else ""
    return median(values), span


def side_by_side(figures):
    """Markdown: one row a question, one column a system, once for each net."""
    found = groups(figures)
    peers = sorted({k[0] for k in found}, key=lambda p: (p != "sotto", p))
    for net in ("loop", "wan"):
        rows = []
        for text, by in ROWS:
            cells = []
            for peer in peers:
                value, span = cell(found, peer, net, by[peer]) if peer in by else (None, "")
                cells.append("-" if value is None else show(float(value)) + span)
            if set(cells) != {"-"}:
                rows.append("| %s | %s |" % (text, " | ".join(cells)))
        if rows:
            print("\n| %s | %s |\n|---|%s" % (net, " | ".join(peers), "--:|" * len(peers)))
            print("\n".join(rows))
    disturbed = [float(f["foreign_cpu_pct"]) for f in figures if "foreign_cpu_pct" in f]
    if disturbed:
        print("\nothers took %s %% of the machine (median), %s %% at most" % (show(median(disturbed)), show(max(disturbed))))


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    figures = []
    for name in sys.argv[1:]:
        with open(name) as f:
            figures += parse(f.read())
    side_by_side(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
