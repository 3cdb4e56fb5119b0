#!/usr/bin/env python3
"""Measures sotto on this machine in the shape of the scripts for other systems: one line a figure, then a table.

    run.py [--net loop|wan] [--parts build,rr,onion,bulk,mem] [--runs 3] [--sotto FILE]

What every figure means is in README.md beside this file. Nothing needs root; nothing leaves the machine.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from measure import Load, cpu_seconds, emit, lines, limit, machine, memory_kib, note, start, stop_all
import table

PAYLOAD = 342   # bytes of a message in one cell of a session: onion/session, pieceLen
PARTS = {
    "build": ("circuit_build_ms",),
    "rr": ("link_rtt_ms", "stem_request_ms"),
    "onion": ("session_open_ms", "session_rtt_ms", "datagram_one_way_ms", "message_ms"),
    "bulk": ("relay_cell_us", "relay_floor_us"),
}
NAMES = {   # where others measure the same, it is called as with them
    "session_open_ms": "onion_cold_connect_plus_rr_known_ms",
    "session_rtt_ms": "onion_warm_rr_ms",
    "link_rtt_ms": "direct_rr_ms",
}


def arguments():
    a = argparse.ArgumentParser()
    a.add_argument("--net", choices=["loop", "wan"], default="loop")
    a.add_argument("--parts", default="build,rr,onion,bulk,mem")
    a.add_argument("--runs", type=int, default=3)
    a.add_argument("--delay-ms", type=float, default=40, help="one way, --net wan only")
    a.add_argument("--loss", default="0")
    a.add_argument("--seconds", type=float, default=30, help="of one run of bench net")
    a.add_argument("--mem-circuits", type=int, default=1000)
    a.add_argument("--sotto", default="", help="the binary; built from this repository if not given")
    a.add_argument("--settle-s", type=float, default=0, help="wait so long after circuits were made, and measure memory again")
    a.add_argument("--limit", type=int, default=290, help="hard bound in seconds")
    return a.parse_args()


def build(folder):
    """The binary of this repository."""
    binary = os.path.join(folder, "sotto")
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    subprocess.run(["go", "build", "-o", binary, "./cmd/sotto"], cwd=top, check=True)
    return binary


def net(a, run, wanted):
    """One run of bench net, and what of it belongs to the parts."""
    argv = [a.sotto, "bench", "net", "--json", "--seconds", str(a.seconds)]
    if a.net == "wan":
        argv += ["--delay", "%gms" % a.delay_ms]
    argv += ["--loss", a.loss]
    load = Load()
    p = start(argv, stdout=subprocess.PIPE, text=True)
    out, _ = p.communicate()
    foreign, stolen = load.percent()
    if p.returncode != 0:
        note("run %d of bench net failed" % run)
        return
    for line in out.splitlines():
        f = json.loads(line)
        name = f.pop("metric")
        if name == "create_us" and "mem" in wanted:
            emit(peer="sotto", net=a.net, run=run, metric=name, n=f["n"], p50=f["p50"], p95=f["p95"], per_cpu_s=f["per_cpu_s"])
        if name not in [m for part in wanted for m in PARTS.get(part, ())]:
            continue
        emit(peer="sotto", net=a.net, run=run, metric=NAMES.get(name, name), **{k: v for k, v in f.items() if k != "unit"},
             foreign_cpu_pct=foreign, steal_pct=stolen)
        if name == "relay_cell_us":
            emit(peer="sotto", net=a.net, run=run, metric="relay_cpu_ns_per_byte", role="middle", value=1000 * f["p50"] / PAYLOAD)


ROLES = ("entry", "middle", "exit")
FOLDED = 16     # seconds after which a relay has let go of what idle circuits do not need


def say(processes, text):
    for p in processes:
        p.stdin.write(text)
        p.stdin.flush()


def expect(p, word):
    line = p.stdout.readline()
    if not line.startswith(word):
        raise RuntimeError("a process of sotto said %r and not %s" % (line, word))
    return line


def memory(a):
    """Three relays and their clients, each a process of its own, before and after circuits."""
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    genesis = ["--genesis", str(int(time.time()) - 60)]
    relays = [start([a.sotto, "bench", "relay", "--number", str(i + 1)] + genesis, **pipes) for i in range(3)]
    seeds = "".join(expect(p, "seed ") for p in relays) + "go\n"
    say(relays, seeds)
    for p in relays:
        expect(p, "ready")
    clients = start([a.sotto, "bench", "circuits", "--count", str(a.mem_circuits)] + genesis, **pipes)
    say([clients], seeds)
    expect(clients, "ready")
    time.sleep(1)
    for p in relays:
        rss, uss = memory_kib(p.pid)
        emit(peer="sotto", net=a.net, run=1, metric="rss_kib", role="relay", value=rss, uss_kib=uss)
    everyone = list(zip(ROLES + ("client",), relays + [clients]))
    before = {role: (memory_kib(p.pid), cpu_seconds(p.pid)) for role, p in everyone}
    say([clients], "go\n")
    _, made, failed, took = expect(clients, "made").split()
    after = {role: cpu_seconds(p.pid) for role, p in everyone}
    made = max(1, int(made))
    emit(peer="sotto", net=a.net, run=1, metric="circuit_build_per_s", value=made / float(took), n=made, failed=failed)
    for role, p in everyone:
        emit(peer="sotto", net=a.net, run=1, metric="circuit_build_cpu_us", role=role,
             value=(after[role] - before[role][1]) * 1e6 / made)
    for metric, wait in (("uss_kib_per_1000_circuits", FOLDED), ("uss_kib_per_1000_circuits_settled", a.settle_s - FOLDED)):
        if wait <= 0:
            continue
        time.sleep(wait)
        for role, p in everyone[:-1]:
            rss, uss = before[role][0]
            now = memory_kib(p.pid)
            emit(peer="sotto", net=a.net, run=1, metric=metric, role=role, value=(now[1] - uss) * 1000 / made,
                 rss_delta_kib=now[0] - rss, circuits=made)
    for _, p in everyone:
        p.stdin.close()
    for _, p in everyone:
        p.wait(5)


def main():
    a = arguments()
    wanted = a.parts.split(",")
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        limit(a.limit)
        machine()
        a.sotto = os.path.abspath(a.sotto) if a.sotto else build(folder)
        note("sotto net=%s delay_ms=%s loss=%s" % (a.net, a.delay_ms if a.net == "wan" else 0, a.loss))
        try:
            for run in range(1, a.runs + 1):
                if set(wanted) & set(PARTS):
                    net(a, run, wanted)
            if "mem" in wanted and a.net == "loop":
                memory(a)
        finally:
            stop_all()
    table.of_runs(lines)
    return 0 if lines else 1


if __name__ == "__main__":
    sys.exit(main())
