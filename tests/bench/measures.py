"""
What is measured. Each function yields rows: dictionaries with `measure`, `contender`, the figures,
and `foreign`, the cores that other work on the machine had meanwhile.
"""

import json
import os
import re
import subprocess
import threading
import time

from harness import program
from contenders import CulvertServer
from rig import PATHS, Usage, family, private_kib, quiet

UDP_SIZE, UDP_RATE = 200, 100_000  # octets of payload, packets a second


# --- tools


def iperf(rig, address, seconds, *extra):
    """iperf3 from cli to its server on srv; its `end`, or a ValueError."""
    answer = {}
    for _ in range(3):
        r = subprocess.run(
            rig.cli.argv("iperf3", "-J", "-c", address, "-t", str(seconds), *extra),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + 20)
        try:
            answer = json.loads(r.stdout)
        except ValueError:
            answer = {"error": r.stderr}
        if "error" not in answer:
            return answer["end"]
        time.sleep(1)
    raise ValueError(f"iperf3: {answer['error']}")


def iperf_cpu(end, seconds):
    u = end["cpu_utilization_percent"]
    return (u["host_total"] + u["remote_total"]) / 100 * seconds


def percentile(values, share):
    return round(values[min(len(values) - 1, int(share * len(values)))], 3)


def spread(times, count):
    times = sorted(times)
    if not times:
        return {"lost": 100.0}
    return {"p50": percentile(times, .5), "p95": percentile(times, .95),
            "p99": percentile(times, .99), "max": times[-1],
            "lost": round(100 * (1 - len(times) / count), 2)}


def ping(rig, address, count, interval):
    out = rig.cli.run("ping", "-n", "-i", str(interval), "-c", str(count), "-W", "3", address,
                      check=False, timeout=count * interval + 30)
    return spread([float(t) for t in re.findall(r"time=([\d.]+) ms", out)], count)


def datagrams(host):
    """(taken by programs, dropped for want of room in their sockets)"""
    lines = host.run("cat /proc/net/snmp").splitlines()
    names, values = (line.split()[1:] for line in lines if line.startswith("Udp:"))
    v = dict(zip(names, map(int, values)))
    return v["InDatagrams"] + v["RcvbufErrors"], v["RcvbufErrors"]


# --- over the fast link


def bulk(rig, c, opts):
    """TCP in each direction, 1 and 4 streams; CPU of both ends for a gigabyte."""
    for way in ("up", "down"):
        for streams in (1, 4):
            if c.name == "pump" and streams > 1:
                continue
            quiet()
            row = {"measure": "bulk", "way": way, "streams": streams}
            if c.name == "pump":
                with Usage(c) as u:
                    octets, seconds, cpu = c.run("fast", way, opts.seconds)
                row |= {"gbit": octets * 8 / seconds / 1e9, "foreign": u.foreign(cpu)}
            else:
                with Usage(c) as u:
                    end = iperf(rig, c.target, opts.seconds, "-C", opts.inner, "-P", str(streams),
                                *(["-R"] if way == "down" else []))
                octets, cpu = end["sum_received"]["bytes"], u.cpu
                row |= {"gbit": end["sum_received"]["bits_per_second"] / 1e9,
                        "retransmits": end["sum_sent"].get("retransmits"), "server": u.server,
                        "client": u.client, "foreign": u.foreign(iperf_cpu(end, opts.seconds))}
            yield row | {"cpu_per_gb": cpu / (octets / 1e9), "stolen": round(u.stolen, 2)}


def idle(rig, up, opts):
    """
    Ping, nothing else going on: one packet each 10 ms, each contender once a round, in a new order each
    round. Measured one after the other, a contender differs from itself by half within a minute; in the
    same order each round, by a tenth with the one before it. Of 300 pings the p99 is still chance, so
    there are more. Yields (contender, row).
    """
    quiet()
    count = 200 * opts.seconds
    with Usage(up[0]) as u:
        out = rig.cli.run(os.path.join(rig.helpers, "pingturns"), "10000", str(count),
                          *(c.target for c in up), timeout=count * len(up) * 0.5 + 30)
    for c, line in zip(up, out.splitlines()):
        times = [round(float(t) / 1000, 4) for t in line.split()[1:]]
        yield c, {"measure": "idle", "foreign": u.foreign()} | spread(times, count)


def loaded(rig, c, opts):
    """Ping while one TCP upload, then one download, runs on the fast link."""
    for way in ("up", "down"):
        foreign = quiet()
        flow = threading.Thread(target=lambda w=way: iperf(
            rig, c.target, opts.seconds + 2, "-C", opts.inner, *(["-R"] if w == "down" else [])))
        with Usage(c) as u:
            flow.start()
            time.sleep(1)
            row = ping(rig, c.target, 100 * opts.seconds, 0.01)
            flow.join()
        yield {"measure": "loaded", "way": way, "busy": round(u.busy / u.wall, 2),
               "foreign": foreign} | row


def udp(rig, c, opts):
    """Small datagrams at 100,000 a second, upwards: what arrives and what a packet costs."""
    foreign = quiet()
    before = datagrams(rig.srv)
    with Usage(c) as u:
        end = iperf(rig, c.target, opts.seconds, "-u", "-l", str(UDP_SIZE), "-b",
                    str(UDP_RATE * UDP_SIZE * 8))
        time.sleep(0.3)
    after = datagrams(rig.srv)
    sent, got = end["sum"]["packets"], after[0] - before[0]
    yield {"measure": "udp", "sent_per_second": sent / opts.seconds, "delivered": 100 * got / sent,
           "socket_drops": after[1] - before[1], "us_per_packet": u.cpu / max(got, 1) * 1e6,
           "foreign": foreign}


# --- over the emulated link


def settle(rig, c, idle_ms):
    """Until three pings in a row are back near the idle round trip."""
    good, end = 0, time.monotonic() + 15
    while good < 3 and time.monotonic() < end:
        row = ping(rig, c.target, 1, 0.2)
        good = good + 1 if row.get("p50", 1e9) < 1.5 * idle_ms + 1 else 0


def path(rig, c, opts, name, outer):
    """Ping idle, then beside one TCP transfer each way; the first two seconds do not count."""
    rtt = PATHS[name][1]
    inner = outer if c.name == "plain" else opts.inner
    base = {"measure": "path", "path": name, "outer": outer}
    foreign = quiet()
    row = ping(rig, c.target, 75, 0.02)
    yield base | {"way": "idle", "foreign": foreign} | row
    for way in ("up", "down"):
        foreign, box = quiet(), {}

        def flow(w=way):
            try:
                box["end"] = iperf(rig, c.target, opts.path_seconds, "-C", inner,
                                   *(["-R"] if w == "down" else []))
            except (ValueError, subprocess.TimeoutExpired) as e:
                box["error"] = str(e)[:100]
        thread = threading.Thread(target=flow)
        with Usage(c) as u:
            thread.start()
            time.sleep(2)
            row = ping(rig, c.target, 50 * (opts.path_seconds - 3), 0.02)
        thread.join()
        if "end" in box:
            row["mbit"] = box["end"]["sum_received"]["bits_per_second"] / 1e6
        else:
            row["error"] = box["error"]
        yield base | {"way": way, "busy": round(u.busy / u.wall, 2), "foreign": foreign} | row
        settle(rig, c, rtt)


# --- beginnings


def connect(rig, c, opts):
    """From the start of the client to the first answered ping."""
    c.stop_client()
    time.sleep(1)
    foreign = quiet()
    yield {"measure": "connect", "ms": c.connect("fast") * 1000, "foreign": foreign}


class Crowd:
    """Our server with room for many, and `culvert bench` at it. One at a time."""

    def __init__(self, rig):
        self.rig = rig
        from_one_address = {"source_rate": 0, "source_half_open": 0}
        self.server = CulvertServer(rig, 4450, "cv9", {
            "tunnel": {"ipv4_pool": "10.64.0.0/16"},
            "server": {"max_sessions": 20000, **from_one_address},
            "auth": {"user_sessions": 20000}})

    def pids(self):
        return family(self.server.pid), []

    def bench(self, *arguments):
        s = self.server
        return program.Program(
            self.rig.cli, program.RELEASE, "bench", f"{program.USER}@10.99.0.1:{s.port}", "--ca",
            s.program.certificate, "--password-file", s.password_file, "--json", *arguments)

    def close(self):
        self.server.close()


def finish(p):
    p.wait_exit(180)
    try:
        return json.loads(p.out)
    except ValueError:
        raise AssertionError(p.story()) from None


def logins(rig, crowd, opts):
    """Logins a second, all that the two ends can do on this machine; the server's CPU for each."""
    quiet()
    u = Usage(crowd).begin()
    p = crowd.bench("-n", str(opts.logins), "-t", "0", "--load", "none")
    try:
        p.wait_log("closing", 120)
        u.end()
        result = finish(p)["logins"]
    finally:
        p.close()
    n = max(result["ok"], 1)
    yield {"measure": "logins", "per_second": result["per_second"], "ok": result["ok"],
           "failed": result["failed"], "server_ms": u.cpu / n * 1000,
           "client_ms": result["own_cpu_seconds"] / n * 1000, "p50": result["each"]["p50_ms"],
           "p99": result["each"]["p99_ms"], "foreign": u.foreign(result["own_cpu_seconds"])}


def handshake(rig):
    """The bare TLS handshake in one process: the least a login can cost."""
    r = subprocess.run([os.path.join(rig.helpers, "hsbench"), rig.file("own.pem"),
                        rig.file("own.key"), "1", "X25519"], check=True, capture_output=True,
                       text=True)
    yield {"measure": "handshake"} | json.loads(r.stdout)


def memory(rig, crowd, opts):
    """Private memory of the server for each idle session, with SSTP echoes every five seconds."""
    before = private_kib(crowd.server.pid)
    p = crowd.bench("-n", str(opts.sessions), "-t", str(opts.hold), "--load", "none", "--hello",
                    "5")
    try:
        p.wait_log("holding", 180)
        with Usage(crowd) as u:
            time.sleep(opts.hold - 2)
        held = private_kib(crowd.server.pid)
        result = finish(p)["held"]
    finally:
        p.close()
    yield {"measure": "memory", "sessions": result["tunnels"], "lost": result["lost"],
           "kib": (held - before) / max(result["tunnels"], 1), "idle_cores": u.cpu / u.wall}
