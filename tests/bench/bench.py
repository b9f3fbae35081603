"""
./dev bench [quick|full] [MEASURE...] [CONTENDER...]: every contender in turn on one rig, A B A B,
and medians. Writes rows.jsonl as it goes, then result.json, table.txt and plot.svg.

Measures:   bulk idle loaded udp path connect logins memory
Contenders: plain pump culvert softether ocserv openvpn culvert-se sstpc

quick (the default) takes some ten minutes, full some hours. Figures are worth something on a machine
that does nothing else: each row says what others had of it (`foreign`, in cores). BENCH_QUIET=S:
wait at most S seconds for a quiet moment before each measurement (5).
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import resource
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "peers")]

import contenders  # noqa: E402
import measures  # noqa: E402
import report  # noqa: E402
from rig import PATHS, Rig, build_helpers, machine_busy  # noqa: E402

ON_FAST = {"bulk": measures.bulk, "loaded": measures.loaded, "udp": measures.udp}
MEASURES = ("idle", *ON_FAST, "connect", "path", "logins", "memory")
PRESETS = {
    "quick": {"runs": 2, "seconds": 2, "path_runs": 1, "path_seconds": 12, "paths": ["A:bbr"],
              "own_paths": ["B:bbr", "C:bbr", "D:bbr"], "logins": 5000,
              "sessions": 10000, "hold": 15},
    "full": {"runs": 5, "seconds": 8, "path_runs": 3, "path_seconds": 15,
             "paths": [f"{p}:{cc}" for cc in ("bbr", "cubic") for p in "ABCD"], "own_paths": [],
             "logins": 20000, "sessions": 10000, "hold": 60},
}
OWN = ("plain", "culvert")  # who goes over own_paths


class Session:
    def __init__(self, opts, rig, out):
        self.opts, self.rig, self.out = opts, rig, out
        self.rows, self.live = [], []

    def note(self, contender, rows):
        """Writes down what comes. False: it failed, which is a row, too."""
        try:
            for row in rows:
                self._add({"contender": contender} | row)
            return True
        except Exception as e:  # the others are measured all the same
            self.failed(contender, e)
            return False

    def failed(self, contender, e):
        traceback.print_exc()
        self._add({"contender": contender, "measure": "failure", "error": str(e)[:300]})

    def take(self, up, c, venue, rows):
        """The same; a contender that failed gets a new client, and is out when that fails."""
        if self.note(c.name, rows):
            return
        try:
            c.stop_client()
            c.connect(venue)
        except Exception as e:
            self.failed(c.name, e)
            up.remove(c)

    def _add(self, row):
        row = {"at": datetime.datetime.now().strftime("%H:%M:%S")} | {
            k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
        self.rows.append(row)
        self.out.write(json.dumps(row) + "\n")
        self.out.flush()
        print(json.dumps(row), flush=True)

    def serve(self):
        for name in self.opts.contenders:
            c = contenders.ALL[name](self.rig)
            try:
                c.serve()
                self.live.append(c)
            except contenders.Missing as e:
                print(f"bench: {c.title} is left out: {e} is not installed", file=sys.stderr)
            except Exception as e:
                self.failed(name, e)

    def connected(self, venue, names=None):
        """Those whose clients come up towards that address."""
        up = []
        for c in self.live:
            if names and c.name not in names:
                continue
            try:
                if c.name != "pump":
                    c.connect(venue)
                up.append(c)
            except Exception as e:
                self.failed(c.name, e)
        return up

    def disconnect(self):
        for c in self.live:
            with contextlib.suppress(Exception):
                c.stop_client()

    def on_fast_link(self):
        wanted = [m for m in ON_FAST if m in self.opts.measures]
        if not wanted and "idle" not in self.opts.measures:
            return
        up = self.connected("fast")
        for run in range(self.opts.runs):
            if "idle" in self.opts.measures:
                self.idle(run, [c for c in up if c.name != "pump"])
            for measure in wanted:
                for c in list(up):
                    if c.name != "pump" or measure == "bulk":
                        self.take(up, c, "fast", ({"run": run} | r for r in ON_FAST[measure](
                            self.rig, c, self.opts)))
        self.disconnect()

    def idle(self, run, up):
        try:
            for c, row in measures.idle(self.rig, up, self.opts) if up else ():
                self.note(c.name, [{"run": run} | row])
        except Exception as e:
            self.failed("idle", e)

    def on_path(self, spec, names=None):
        name, outer = spec.split(":")
        self.rig.open_path()
        self.rig.set_outer(outer)
        # limits first: BBR believes the shortest round trip of the last ten seconds
        self.rig.set_path(PATHS[name][2])
        up = [c for c in self.connected("path", names) if c.name != "pump"]
        for run in range(self.opts.path_runs):
            for c in list(up):
                self.take(up, c, "path", ({"run": run} | r for r in measures.path(
                    self.rig, c, self.opts, name, outer)))
        self.disconnect()

    def connects(self):
        for run in range(self.opts.runs):
            for c in self.live:
                if c.name not in ("plain", "pump"):
                    self.note(c.name, ({"run": run} | r for r in measures.connect(
                        self.rig, c, self.opts)))
        self.disconnect()

    def many(self):
        for run in range(self.opts.runs):
            if "logins" in self.opts.measures:
                self.crowd(measures.logins, run)
                self.note("crowd", ({"run": run} | r for r in measures.handshake(self.rig)))
        if "memory" in self.opts.measures:
            self.crowd(measures.memory, 0)

    def crowd(self, measure, run):
        """On a server of its own: memory that one run leaves is not the next one's."""
        crowd = measures.Crowd(self.rig)
        self.note("crowd", ({"run": run} | r for r in measure(self.rig, crowd, self.opts)))
        crowd.close()

    def all(self):
        m = self.opts.measures
        self.serve()
        try:
            self.on_fast_link()
            if "connect" in m:
                self.connects()
            if "path" in m:
                for spec in self.opts.paths:
                    self.on_path(spec)
                for spec in self.opts.own_paths:
                    self.on_path(spec, OWN)
        finally:
            for c in self.live:
                with contextlib.suppress(Exception):
                    c.close()
        if "logins" in m or "memory" in m:
            self.many()


def machine():
    cpu = "?"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":")[1].strip()
                break
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as f:
        return {"cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release(),
                "outer_tcp": f.read().strip(), "date": time.strftime("%Y-%m-%d %H:%M %Z")}


def options():
    p = argparse.ArgumentParser(prog="./dev bench", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("words", nargs="*", metavar="quick|full|MEASURE|CONTENDER")
    for name, what in (("runs", "rounds of each"), ("seconds", "for each measurement"),
                       ("path-runs", "rounds on the emulated paths"),
                       ("path-seconds", "for each transfer there"), ("logins", "logins a round"),
                       ("sessions", "idle sessions held"), ("hold", "seconds to hold them")):
        p.add_argument("--" + name, type=int, help=what)
    p.add_argument("--paths", help="such as A:bbr,D:cubic")
    p.add_argument("--inner", default="cubic", help="congestion control inside the tunnels")
    p.add_argument("--out", default=os.path.join(ROOT, "build", "bench"), help="folder")
    o = p.parse_args()
    preset = dict(PRESETS["full" if "full" in o.words else "quick"])
    for key, value in preset.items():
        if getattr(o, key, None) is None:
            setattr(o, key, value)
    if isinstance(o.paths, str):
        o.paths, o.own_paths = o.paths.split(","), []
    o.measures = [w for w in o.words if w in MEASURES] or list(MEASURES)
    o.contenders = [w for w in o.words if w in contenders.ALL] or [
        name for name, c in contenders.ALL.items() if not c.by_name_only]
    for w in o.words:
        if w not in (*PRESETS, *MEASURES, *contenders.ALL):
            p.error(f"'{w}' is none of: {' '.join((*PRESETS, *MEASURES, *contenders.ALL))}")
    return o


def write(opts, rows, foreign):
    r = report.Results(rows)
    titles = {name: c.title for name, c in contenders.ALL.items()}
    peers = [c.name for c in contenders.ALL.values() if c.over_tls and c.name not in
             ("culvert", "sstpc", "culvert-se")]
    about = machine()
    goals = report.goals(r, peers)
    bad, known = r.unquiet()
    text = (f"Measured {about['date']} on {about['cores']} cores ({about['cpu']}), Linux "
            f"{about['kernel']}, TCP default {about['outer_tcp']}, {opts.inner} inside; medians "
            f"of {opts.runs} rounds, of {opts.path_runs} on the emulated paths.\nBefore it began others used {foreign:.2f} cores; "
            f"{bad} of {known} rows had more than {report.QUIET} foreign cores and "
            f"count only where no better one is.\n\n{report.table(r, titles)}")
    if goals:
        text += f"\nGoals\n\n{report.goal_table(goals)}\n"
    failures = [x for x in rows if "error" in x]
    if failures:
        text += "\nFailures\n\n" + "\n".join(
            f"{x['contender']}: {x['error']}" for x in failures) + "\n"
    for name, content in (("table.txt", text), ("plot.svg", report.svg(r, titles)),
                          ("result.json", json.dumps({"machine": about, "foreign": foreign,
                                                      "goals": goals, "rows": rows}, indent=1))):
        with open(os.path.join(opts.out, name), "w") as f:
            f.write(content)
    print("\n" + text)
    print(f"bench: {opts.out}/table.txt, result.json, plot.svg, rows.jsonl")


def main():
    opts = options()
    if os.geteuid():
        sys.exit("bench: it makes network namespaces: run it as root")
    # 10,000 sessions are as many descriptors at each end
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    opts.sessions = min(opts.sessions, most - 200)
    os.makedirs(opts.out, exist_ok=True)
    helpers = os.path.join(ROOT, "build", "bench-helpers")
    build_helpers(helpers)
    busy, start = machine_busy()[0], time.monotonic()
    time.sleep(1)
    foreign = (machine_busy()[0] - busy) / (time.monotonic() - start)
    rig = Rig(helpers)
    rig.inner = opts.inner
    try:
        with open(os.path.join(opts.out, "rows.jsonl"), "w") as out:
            session = Session(opts, rig, out)
            session.all()
    finally:
        rig.close()
    write(opts, session.rows, foreign)


if __name__ == "__main__":
    main()
