"""
`./dev soak [MINUTES]`: two tunnels under load and trouble, for so long, and until they have moved so
much: 100 GiB in an hour, less in proportion, in bursts at full speed that are spread over the time, so
that the tunnels fall idle and wake as those of an office do. Not part of `./dev test`.

        cli ==tunnel== srv ==tunnel== www      TCP and UDP, IPv4 and IPv6, both ways, compared
              super-packets      none          clients come, go and break off meanwhile

(drawing of the hosts in tests/conftest.py)
"""

import concurrent.futures
import os
import random
import re
import time

from harness import dhcp, pump, sstp
from harness.ends import Ends
from harness.host import wait_for
from harness.program import PASSWORD, RELEASE, USER, add_user, run

MINUTES = float(os.environ.get("CULVERT_SOAK_MINUTES", "60"))
OCTETS = int(MINUTES / 60 * (100 << 30))
CHUNK = 512 << 20
VISITS = (
    lambda v: v.up(USER, PASSWORD).ping(),
    lambda v: v.tls().http().sstp(),
    lambda v: v.tls().send(os.urandom(random.randrange(1, 5000))),
    lambda v: v.stream.sendall(os.urandom(random.randrange(1, 5000))),
)


def holds(process):
    """What grows when something leaks: resident KiB, open files."""
    with open(f"/proc/{process.pid}/status") as f:
        resident = next(int(ln.split()[1]) for ln in f if ln.startswith("VmRSS"))
    return resident, len(os.listdir(f"/proc/{process.pid}/fd"))


def visit(net):
    visitor = sstp.Tunnel(net.rtr, "192.0.2.1")
    random.choice(VISITS)(visitor)
    visitor.close()
    time.sleep(random.random() / 5)


def test_an_hour_of_load_and_trouble(net, start_server, connect):
    server = start_server({"server": {"workers": 2}}, binary=RELEASE)
    options = ("--no-dns", "--no-default-route", "--verbose")
    tunnels = [Ends(server, connect(*options, binary=RELEASE)),
               Ends(server, connect(*options, "--offload", "off", host=net.www, server="192.0.2.1",
                                    binary=RELEASE))]
    begin = time.monotonic()
    moved, lost, visitors, first, told = 0, 0, 0, None, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        while time.monotonic() < begin + MINUTES * 60 or moved < OCTETS:
            if moved / OCTETS > (time.monotonic() - begin) / (MINUTES * 60):
                visit(net)
                visitors += 1
                continue
            running = [pool.submit(pump.mix, t.client.host, net.srv, t.up, t.down, CHUNK,
                                   5000 + 200 * n) for n, t in enumerate(tunnels)]
            while not all(r.done() for r in running):
                visit(net)
                visitors += 1
            lost += sum(r.result() for r in running)
            moved += CHUNK * len(running)
            first = first or holds(server)
            if time.monotonic() - told > 60:
                told = time.monotonic()
                print(f"{moved >> 30} GiB, {visitors} visitors, {holds(server)}", flush=True)
    last = holds(server)
    full = {host: n for t in tunnels for host, n in t.overflows().items()}
    dropped, refused = tunnels[0].drops("queue") + sum(full.values()), tunnels[0].drops("tun")
    for by_queue, by_tun in [t.stop() for t in tunnels]:
        dropped += by_queue
        refused += by_tun
    print(f"{moved >> 30} GiB, {visitors} visitors; server {first[0]} -> {last[0]} KiB, {first[1]} "
          f"-> {last[1]} files; {lost} datagrams lost, at most {dropped} packets dropped by queues")
    assert last[0] < first[0] + 32768 and last[1] < first[1] + 32
    assert lost <= dropped and not refused


def test_what_clients_learn_changes_under_reloads(net, state, start_server):
    """Two users ask again and again, while reloads and `user set` change what they learn."""
    def ask(*words):
        return run(RELEASE, *words, "--state", state, host=net.srv)
    def routes(user):
        """None: its answers of this second are used up."""
        t = tunnels[user]
        found = dhcp.answers(t, [dhcp.packet(t.address, dhcp.message(t.address))])
        return found[0].routes() if found else None
    add_user(RELEASE, state, "bob", PASSWORD)
    server = start_server({"tunnel": {"routes": "10.1.0.0/16"}, "server": {"workers": 2}},
                          binary=RELEASE)
    tunnels = {u: sstp.Tunnel(net.cli, "192.0.2.1").up(u, PASSWORD) for u in (USER, "bob")}
    end, rounds, first = time.monotonic() + MINUTES * 60 / 4, 0, None
    while time.monotonic() < end or rounds < 20:
        rounds += 1
        own = [f"10.{random.randrange(100, 200)}.{i}.0/24" for i in range(random.randrange(1, 60))]
        ask("user", "set", "bob", "routes=" + ",".join(own))
        with open(f"{state}.conf") as f:
            text = f.read()
        with open(f"{state}.conf", "w") as f:
            f.write(re.sub(r"routes = .*", f"routes = 10.{rounds % 90 + 1}.0.0/16", text))
        ask("reload")
        of_all = [f"10.{rounds % 90 + 1}.0.0/16"]
        wait_for(lambda w=of_all: routes(USER) == w, 30, "the reload's", 0.4)
        wait_for(lambda w=own: routes("bob") == w[:31], 30, "bob's own", 0.4)
        if rounds == 10:
            first = holds(server)
    last = holds(server)
    for t in tunnels.values():
        t.close()
    print(f"{rounds} reloads; server {first[0]} -> {last[0]} KiB, {first[1]} -> {last[1]} files")
    assert last[0] < first[0] + 8192 and last[1] < first[1] + 8
