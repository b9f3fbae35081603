"""
`./dev soak [MINUTES]`: a tunnel under load and trouble. Not part of `./dev test`.

        cli ==tunnel== srv, both directions busy; clients come, go and break off meanwhile
        (drawing in tests/conftest.py)
"""

import concurrent.futures
import os
import random
import signal
import time

from harness import pump, sstp
from harness.program import PASSWORD, RELEASE, USER

MINUTES = float(os.environ.get("CULVERT_SOAK_MINUTES", "60"))
CHUNK = 256 << 20


def resident_kib(process):
    with open(f"/proc/{process.pid}/status") as f:
        return next(int(ln.split()[1]) for ln in f if ln.startswith("VmRSS"))


def test_an_hour_of_load_and_trouble(net, start_server, connect):
    server = start_server({"server": {"workers": 2}}, binary=RELEASE)
    steady = connect("--no-dns", binary=RELEASE)
    end = time.monotonic() + MINUTES * 60
    moved, visitors, first = 0, 0, None
    with concurrent.futures.ThreadPoolExecutor() as pool:
        while time.monotonic() < end:
            up = pool.submit(pump.transfer, net.cli, net.srv, server.address(), CHUNK, 5001)
            down = pool.submit(pump.transfer, net.srv, net.cli, steady.address, CHUNK, 5002)
            while not (up.done() and down.done()):
                visitor = sstp.Tunnel(net.rtr, "192.0.2.1")
                random.choice((
                    lambda v: v.up(USER, PASSWORD).ping(),
                    lambda v: v.tls().http().sstp(),
                    lambda v: v.tls().send(os.urandom(random.randrange(1, 5000))),
                    lambda v: v.stream.sendall(os.urandom(random.randrange(1, 5000))),
                ))(visitor)
                visitor.close()
                visitors += 1
                time.sleep(random.random() / 5)
            for r in (up.result(), down.result()):
                assert r.sent == r.received
            moved += 2 * CHUNK
            first = first or resident_kib(server)
    print(f"{moved >> 30} GiB, {visitors} visitors; server {first} -> {resident_kib(server)} KiB")
    assert resident_kib(server) < first + 32768
    assert steady.stop(signal.SIGTERM) == 0
