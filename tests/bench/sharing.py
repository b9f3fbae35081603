"""
What do workers share? Runs the server with two workers under valgrind, a tunnel with bulk both ways
and stray datagrams on each, and writes down for some seconds every address that each thread touches
and every instruction that it executes.

        cli1  culvert connect  10.99.1.2 ---- 10.99.1.1  w1
                                                            srv  culvert serve, 2 workers, valgrind
        cli2  culvert connect  10.99.2.2 ---- 10.99.2.1  w2

    python3 tests/bench/sharing.py [--seconds S]

Ends with 1 when both workers touched a cache line that one of them wrote. Also lists the instructions
that lock the bus: a lock that is contended would be such a line. Everything is a thousand times slower
than it is: what happens once a second seems to happen for every few packets. The kernel is not seen.
`--steering ring` shows what sharing looks like: packets go from worker to worker then.
"""

import argparse
import collections
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import program, pump  # noqa: E402
from harness.host import Host, wait_for, wire  # noqa: E402
from harness.program import PASSWORD, RELEASE, USER, Client, Server, run  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PUMP = os.path.abspath(pump.__file__)


def make_state(folder):
    """A state folder with keys and a user, made at full speed."""
    host = Host("maker")
    host.ip("address add 192.0.2.1/24 dev lo")
    server = Server(host, folder, RELEASE).wait_ready()
    assert server.stop() == 0, server.story()
    program.add_user(RELEASE, folder, USER, PASSWORD)
    host.close()


class Code:
    """What stands at an address of the traced program: function, and instruction as objdump says."""

    def __init__(self, pid):
        self.regions, self.files = [], {}
        with open(f"/proc/{pid}/maps") as f:
            for line in f:
                part = line.split()
                start, end = (int(x, 16) for x in part[0].split("-"))
                path = part[5] if len(part) > 5 else ""
                self.regions.append((start, end, int(part[2], 16), part[1], path))

    def region(self, address):
        for r in self.regions:
            if r[0] <= address < r[1]:
                return r
        return (0, 0, 0, "", "?")

    def _read(self, path):
        found, function = {}, "?"
        out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], capture_output=True,
                             text=True, check=False).stdout
        for line in out.splitlines():
            if line.endswith(">:"):
                function = line.split("<", 1)[1][:-2]
            elif line.startswith(" ") and ":\t" in line:
                at, text = line.split(":\t", 1)
                found[int(at, 16)] = (function, text.strip())
        return found

    def at(self, address):
        start, _, offset, _, path = self.region(address)
        if not os.path.isfile(path):
            return (os.path.basename(path) or "?", "?", "?")
        if path not in self.files:
            self.files[path] = self._read(path)
        function, text = self.files[path].get(address - start + offset, ("?", "?"))
        return (os.path.basename(path), function, text)

    def where(self, address):
        _, _, _, rights, path = self.region(address)
        return f"{os.path.basename(path) or 'heap or mmap'} {rights}"


def locks(text):
    """Does the instruction take the bus? xchg with memory does, with or without the prefix."""
    return text.startswith("lock") or re.match(r"xchg\b.*\(", text) is not None


# New flows that begin on the server's side: the kernel spreads them over all queues of the TUN.
STRAYS = """
import socket, sys, time
while True:
    for address in sys.argv[1:]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(bytes(100), (address, 4000))
    time.sleep(0.05)
"""


class Bulk:
    """TCP without end through a tunnel, both ways."""

    def __init__(self, net, client, server, port):
        self.ends = []
        for n, (source, sink, to) in enumerate(((client.host, net, server),
                                                (net, client.host, client.address))):
            for host, role, what in ((sink, "listen", "receive"), (source, "connect", "send")):
                p = host.popen(sys.executable, "-B", PUMP, "tcp", role, what, to, port + n, 1 << 40,
                               0, stdout=subprocess.PIPE, text=True)
                if role == "listen":
                    assert p.stdout.readline() == "listening\n"
                self.ends.append(p)

    def close(self):
        for p in self.ends:
            p.kill()
            p.wait()


def trace(folder, seconds, steering, reader_program):
    fifo, wrapper, state = (os.path.join(folder, n) for n in ("trace", "traced", "state"))
    make_state(state)
    os.mkfifo(fifo)
    with open(wrapper, "w") as f:
        f.write("#!/bin/sh\nexec valgrind -q --tool=lackey --basic-counts=no --trace-mem=yes "
                f"--trace-sched=yes --fair-sched=try --log-file={fifo} {RELEASE} \"$@\"\n")
    os.chmod(wrapper, 0o755)
    srv, hosts = Host("srv"), [Host("cli1"), Host("cli2")]
    for n, (host, end) in enumerate(zip(hosts, ("w1", "w2")), 1):
        wire(srv, end, host, "eth0")
        srv.ip(f"address add 10.99.{n}.1/24 dev {end}")
        host.ip(f"address add 10.99.{n}.2/24 dev eth0")
    reader = subprocess.Popen([reader_program, fifo], stdout=subprocess.PIPE, text=True)
    # The sandbox would refuse valgrind's own calls; logins take long here.
    server = Server(srv, state, wrapper, "0.0.0.0:443", {
        "server": {"workers": 2, "steering": steering, "sandbox": "off", "login_time": "10m",
        "handshake_time": "5m"}})
    server.wait_line(r"^culvert: ready", 300)
    clients = []
    for n, host in enumerate(hosts, 1):
        clients.append(Client(host, RELEASE, USER, PASSWORD, f"10.99.{n}.1", "--no-dns",
                              "--no-default-route", "--ca", server.certificate, "--sni",
                              "localhost", "--hello", "600", "--insecure"))
        clients[-1].wait_connected(300)
    bulk = [Bulk(srv, c, server.address(), 5001 + 10 * n) for n, c in enumerate(clients)]
    strays = srv.popen(sys.executable, "-c", STRAYS, *(c.address for c in clients))
    ask = ("status", "--state", state, "--json")
    moved = lambda: [w["rx_packets"] + w["tx_packets"]  # noqa: E731
                     for w in json.loads(run(RELEASE, *ask, host=srv)[1])["workers"]]
    wait_for(lambda: min(moved()) > 300, 300, "packets on both workers", 1)
    code = Code(server.pid)
    reader.send_signal(signal.SIGUSR1)
    time.sleep(seconds)
    reader.send_signal(signal.SIGUSR2)
    strays.kill()
    strays.wait()
    for b in bulk:
        b.close()
    for c in clients:
        c.stop(signal.SIGKILL)
    server.stop(signal.SIGKILL)
    result = reader.communicate(timeout=300)[0]
    for host in [srv, *hosts]:
        host.close()
    return code, result


def judge(code, result):
    workers, touched = set(), collections.defaultdict(list)
    executed, totals, come_from = collections.defaultdict(collections.Counter), {}, {}
    for line in result.splitlines():
        kind, *rest = line.split()
        if kind == "pc":
            executed[int(rest[1])][int(rest[0], 16)] = int(rest[2])
            come_from[int(rest[1]), int(rest[0], 16)] = int(rest[3], 16)
        elif kind == "line":
            touched[int(rest[0], 16)].append((int(rest[1]), rest[2], int(rest[3]), int(rest[4], 16)))
        else:
            totals[int(rest[0])] = list(map(int, rest[1:]))
    packets = {}
    for thread, pcs in executed.items():
        entry = {name: min((pc for pc in pcs if code.at(pc)[1] == name), default=None)
                 for name in ("port_deliver", "segment_frames")}
        if all(entry.values()):
            workers.add(thread)
            packets[thread] = [pcs[pc] for pc in entry.values()]
    for t in sorted(totals):
        print(f"thread {t}: {totals[t][0]} instructions, {totals[t][1]} loads, {totals[t][2]} stores"
              + (f"; {packets[t][0]} packets from clients, {packets[t][1]} pieces to clients"
                 if t in workers else ""))
    every = sum(map(sum, packets.values()))
    bad = len(workers) != 2 or min(map(sum, packets.values())) < 100
    print("\nCache lines that both workers touched and one wrote:")
    shared = 0
    for line, uses in sorted(touched.items()):
        mine = [u for u in uses if u[0] in workers]
        if len({u[0] for u in mine}) < 2 or not any(u[1] == "w" for u in mine):
            continue
        bad = True
        shared += 1
        print(f"  {line:x} {code.where(line)}")
        for thread, how, count, pc in mine:
            print(f"    thread {thread} {how} {count} in {':'.join(code.at(pc)[:2])}")
    print(f"  {shared} of {len(touched)} lines that any two threads shared so")
    print("\nInstructions of the workers that lock the bus, for each packet:")
    total, allocates = collections.Counter(), collections.Counter()
    for thread in workers:
        for pc, count in executed[thread].items():
            file, function, text = code.at(pc)
            if locks(text):
                caller = ":".join(code.at(come_from[thread, pc])[:2])
                total[f"{file}:{function}: {text} (last from {caller})"] += count
            elif file == "culvert" and re.search(r"<(malloc|calloc|aligned_alloc)@plt>", text):
                allocates[function] += count
    for what, count in total.most_common():
        print(f"  {count / every:8.4f}  {what}")
    print("\nWho allocates, for each packet:")
    for what, count in allocates.most_common():
        print(f"  {count / every:8.4f}  {what}")
    unknown = sum(c for t in workers for pc, c in executed[t].items() if code.at(pc)[2] == "?")
    print(f"\n{unknown} of {sum(sum(executed[t].values()) for t in workers)} instructions without text")
    return bad


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=20)
    options.add_argument("--steering", default="bpf", help="ring: shows what sharing looks like")
    args = options.parse_args()
    folder = tempfile.mkdtemp(prefix="culvert-sharing-", dir="/var/tmp")
    try:
        reader = os.path.join(folder, "sharing")
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", reader,
                        os.path.join(HERE, "sharing.c")], check=True)
        return judge(*trace(folder, args.seconds, args.steering, reader))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
