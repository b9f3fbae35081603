# SPDX-License-Identifier: Apache-2.0
"""
Octets that are dear to take in, from strangers and from one who has logged in: those who send them are
ended where no peer has a use for them, and a session beside them goes on.

        cli  culvert connect, ping ====== srv
        cli  strangers with a flood -----  |        (drawing in tests/conftest.py)

With CULVERT_FLOOD_MIB=15 in the environment and `pytest -s` this measures: the ping of the session
beside each flood, in ms. docs/performance.md has the figures.
"""

import contextlib
import os
import re
import socket
import threading
import time

import pytest

from harness import sstp, tls13
from harness.echo import Echo
from harness.host import wait_for
from harness.program import PASSWORD, RELEASE, USER

MIB = float(os.environ.get("CULVERT_FLOOD_MIB", "0.5"))
STRANGERS = 6 if MIB > 1 else 3
# what a stranger writes with r, and whether no peer has a use for so much of it
BEFORE_LOGIN = {
    "KeyUpdates": (lambda r: r.key_update(), True),
    "KeyUpdates that ask": (lambda r: r.key_update(asked=True), True),
    "KeyUpdates among data": (lambda r: r.data(b"x") + r.key_update(asked=True), True),
    "empty records": (lambda r: r.data(b""), True),
    "padding": (lambda r: r.record(tls13.DATA, b"", 1000), True),
    "user_canceled": (lambda r: r.record(tls13.ALERT, b"\1\x5a"), True),
    "pieces of handshakes": (lambda r: pieces(r), True),
    "a header octet by octet": (lambda r: r.data(b"x"), False),
    "LCP echoes": (lambda r: r.data(ECHOES), False),
}
ECHO = sstp.data(sstp.ppp(sstp.LCP, sstp.packet(sstp.ECHO_REQUEST, 1, bytes(4))))
ECHOES = ECHO * (16000 // len(ECHO))
AFTER_LOGIN = {
    "KeyUpdates": (lambda r, t: r.key_update(asked=True), True),
    "empty records": (lambda r, t: r.data(b""), True),
    "tiny packets": (lambda r, t: r.data(tiny(t) * 400), False),
    "a record for each tiny packet": (lambda r, t: r.data(tiny(t)), False),
    "SSTP echoes": (lambda r, t: r.data(sstp.control("ECHO_REQUEST") * 2000), False),
    "IPCP negotiated again": (lambda r, t: ncp_again(r, t, sstp.IPCP), False),
    "IPv6CP negotiated again": (lambda r, t: ncp_again(r, t, sstp.IPV6CP), False),
    "octets of SSTP": (lambda r, t: b"".join(r.data(bytes([o])) for o in tiny(t)), False),
}


def tiny(t):
    return sstp.data(sstp.ppp(sstp.IPV4, sstp.udp(t.address, t.server_address, 9, 9, b"")))


def pieces(r):
    made = b"".join(r.record(tls13.HANDSHAKE, bytes([o])) for o in b"\x18\0\0\1\0")
    r.rekey()
    return made


def ncp_again(r, t, protocol, state={}):
    """It goes down and comes up with each: our Request, and the Ack of the server's next one."""
    if state.get("of") is not t:
        last = [m for m in t.seen if m.protocol == protocol and m.code == sstp.REQUEST][-1]
        state.update(of=t, theirs=last.identifier, body=last.payload, mine=100)
    own = (3, socket.inet_aton(t.address)) if protocol == sstp.IPCP else (1, t.ifid)
    made = b""
    for _ in range(300):
        state["theirs"], state["mine"] = (state["theirs"] + 1) % 256, state["mine"] % 255 + 1
        for code, n, body in (
                (sstp.REQUEST, state["mine"], sstp.put_options([own])),
                (sstp.ACK, state["theirs"], state["body"])):
            made += sstp.data(sstp.ppp(protocol, sstp.packet(code, n, body)))
    return r.data(made)


def octets(make):
    """A mebibyte or so, made beforehand: the flood is not to wait for its own making."""
    made, size = [], 0
    while size < MIB * (1 << 20):
        made.append(make())
        size += len(made[-1])
    return b"".join(made)


def pour(tcp, flood):
    tcp.settimeout(20)
    with contextlib.suppress(OSError):
        tcp.sendall(flood)
        while tcp.recv(65536):
            pass


class Beside:
    """Pings of a session, all the time that a flood takes."""

    def __init__(self, client):
        self.client = client

    def __enter__(self):
        self.echo = Echo(self.client.host, self.client.peer, None if MIB > 1 else 20, wait=20,
                         interval=0.02)
        return self

    def __exit__(self, *error):
        if MIB > 1:
            self.echo.stop()
        self.echo.answered()

    def check(self, kind):
        sent, times = self.echo.sent, sorted(1000 * t for t in self.echo.times.values())
        assert times, f"{kind}: none of {sent} pings was answered"
        print(f"{kind:32} {len(times)}/{sent} ping median {times[len(times) // 2]:.2f} "
              f"p99 {times[len(times) * 99 // 100]:.2f} max {times[-1]:.2f} ms", flush=True)
        assert len(times) == sent


def everyone_pours(streams, floods, client, kind):
    threads = [threading.Thread(target=pour, args=a) for a in zip(streams, floods)]
    with Beside(client) as beside:
        for t in threads:
            t.start()
        begin = time.monotonic()
        while MIB > 1 and time.monotonic() < begin + 5:
            time.sleep(0.1)
        if MIB <= 1:
            beside.echo.answered()
    beside.check(kind)
    for tcp in streams:
        with contextlib.suppress(OSError):
            tcp.shutdown(socket.SHUT_RDWR)
    for t in threads:
        t.join()
    for tcp in streams:
        tcp.close()


@pytest.fixture
def beside(net, start_server, connect):
    binary = {"binary": RELEASE} if MIB > 1 else {}
    server = start_server({"server": {"workers": 1, "source_half_open": 100}}, **binary)
    return server, connect("--no-default-route", "--no-dns", **binary)


def floods_told(server):
    return len(re.findall(r"TLS_FLOOD", server.err))


def test_what_strangers_flood_a_server_with(net, beside):
    server, client = beside
    for kind, (make, useless) in BEFORE_LOGIN.items():
        told = floods_told(server)
        tunnels, records, floods = [], [], []
        for _ in range(STRANGERS):
            t = sstp.Tunnel(net.cli, "192.0.2.1").tls(tls13.context())
            if kind == "LCP echoes":
                t.http().sstp().lcp()
            r = tls13.Records(t)
            tunnels.append(t)
            records.append(r)
            floods.append(octets(lambda r=r: make(r)))
        everyone_pours([r.tcp for r in records], floods, client, kind)
        for t in tunnels:
            t.close()
        if useless and MIB <= 1:
            wait_for(lambda: floods_told(server) == told + STRANGERS, 30,
                     f"{kind}: {STRANGERS} to be ended\n{server.story()}")
    assert client.running() and client.host.ping(client.peer, 2) == 2


def test_what_one_who_is_in_floods_the_others_with(net, beside):
    server, client = beside
    for kind, (make, useless) in AFTER_LOGIN.items():
        told, ups = floods_told(server), server.err.count("SESSION_UP:")
        again = server.err.count("NCP_RENEGOTIATED")
        t = sstp.Tunnel(net.cli, "192.0.2.1")
        t.wants_ipv6 = "IPv6CP" in kind
        t.tls(tls13.context()).http().sstp().lcp()
        t.authenticate(USER, PASSWORD)
        t.bind().ipcp()
        if t.wants_ipv6:
            t.ipv6cp()
        assert t.ping()
        r = tls13.Records(t)
        everyone_pours([r.tcp], [octets(lambda: make(r, t))], client, kind)
        t.close()
        if useless and MIB <= 1:
            wait_for(lambda: floods_told(server) == told + 1, 30,
                     f"{kind}: the one to be ended\n{server.story()}")
        if kind.endswith("negotiated again"):
            wait_for(lambda: server.err.count("NCP_RENEGOTIATED") > again, 30,
                     f"{kind}: the call to be ended\n{server.story()}")
            assert server.err.count("SESSION_UP:") == ups + 1, server.story()
    assert client.running() and client.host.ping(client.peer, 2) == 2
