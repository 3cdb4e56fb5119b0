"""Shared by the scripts of this directory: the line format of the figures, statistics, CPU and memory of processes.
Python 3, standard library only.

    peer=sotto net=loop run=1 metric=circuit_build_ms n=100 min=.. p50=.. p95=.. max=.. mean=..
    peer=sotto net=loop run=1 metric=rss_kib role=relay value=..
"""
import os
import re
import signal
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")
lines = []      # every figure, for the table at the end
children = []   # processes started here: no others are ever signalled


def show(x):
    if isinstance(x, float):
        return "%.3g" % x if abs(x) < 100 else "%.0f" % x
    return str(x)


def emit(**fields):
    fields = {k: v for k, v in fields.items() if v is not None}
    lines.append(fields)
    print(" ".join("%s=%s" % (k, show(v)) for k, v in fields.items()), flush=True)


def note(text):
    print("# " + text, flush=True)


def median(values):
    values = sorted(values)
    n = len(values)
    if n == 0:
        return float("nan")
    return values[n // 2] if n % 2 else (values[n // 2 - 1] + values[n // 2]) / 2


def parse(text):
    """The figures among lines of output, whoever wrote them."""
    found = []
    for line in text.splitlines():
        if line.startswith("peer="):
            found.append(dict(re.findall(r"(\w+)=(\S+)", line)))
    return found


def figure(fields):
    """What a line says in one number, or None."""
    try:
        return float(fields.get("p50", fields.get("value")))
    except (TypeError, ValueError):
        return None


def start(argv, **kw):
    p = subprocess.Popen(argv, **kw)
    children.append(p)
    return p


def stop(p):
    if p.poll() is None:
        p.send_signal(signal.SIGTERM)
        try:
            p.wait(5)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def stop_all():
    while children:
        stop(children.pop())


def limit(seconds):
    """A hard bound on the whole script, which ends what it started."""
    def over(*_):
        note("the limit of %d s is reached" % seconds)
        stop_all()
        sys.exit(124)
    signal.signal(signal.SIGALRM, over)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.alarm(seconds)


def cpu_seconds(pid):
    """User and system time of a process, in steps of 10 ms on most systems."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_kib(pid):
    """Resident and private memory of a process."""
    sizes = {}
    with open("/proc/%d/smaps_rollup" % pid) as f:
        for line in f:
            words = line.split()
            if words[0].endswith(":") and len(words) == 3:
                sizes[words[0][:-1]] = int(words[1])
    return sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"]


class Load:
    """What part of the machine others took meanwhile, all processors together being 100 %."""

    def __init__(self):
        self.before = self._all()

    @staticmethod
    def _all():
        with open("/proc/stat") as f:
            v = [int(x) for x in f.readline().split()[1:9]]
        t = os.times()
        own = t.user + t.system + t.children_user + t.children_system
        own += sum(cpu_seconds(p.pid) for p in children if p.poll() is None)
        return sum(v), sum(v) - v[3] - v[4] - v[7], own * TICK, v[7]

    def percent(self):
        total, busy, own, steal = (b - a for a, b in zip(self.before, self._all()))
        return max(0.0, 100 * (busy - own) / max(1, total)), 100 * steal / max(1, total)


def machine():
    model = "?"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    note("date=%s cpu=%r processors=%d kernel=%s load=%s" % (
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), model, os.cpu_count(), os.uname().release,
        " ".join("%.2f" % x for x in os.getloadavg())))
