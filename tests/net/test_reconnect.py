# SPDX-License-Identifier: Apache-2.0
"""
The client comes back by itself: interface, inner address, resolver and TCP connections inside go on.

    cli eth0 198.51.100.2 --- c0 198.51.100.1 rtr s0 --- srv 192.0.2.1      (tests/conftest.py)
    cli eth1 100.64.9.2 ----- c1 100.64.9.1   rtr            (another network, in some tests)
"""

import os
import re
import signal
import time

import pytest

from harness.certificate import make_ca, make_leaf
from harness.flows import Flow
from harness.host import wait_for, wire
from harness.program import SLOW, USER, run

WWW = "203.0.113.2"


def connections(client):
    return re.findall(r"^culvert: connected (\S+) \(peer \S+\)$", client.out, re.MULTILINE)


def comes_back(client, times, seconds=60):
    wait_for(lambda: len(connections(client)) >= times or not client.running(), seconds,
             f"connection {times}\n{client.story()}")
    assert len(connections(client)) >= times, client.story()


class Stay:
    """A client and two TCP connections through it, which outlive what happens to the tunnel."""

    def __init__(self, net, connect, *extra, far=None, **kw):
        """far: the host that the connections go to; www, but where the server's NAT goes away."""
        self.net = net
        self.client = connect(*extra, once=False, **kw)
        address = self.client.peer if far else WWW
        self.index = net.cli.run("cat /sys/class/net/cv-cli/ifindex")
        self.resolver = net.cli.run("cat /etc/resolv.conf")
        self.typing = Flow(net.cli, far or net.www, address)
        self.bulk = Flow(net.cli, far or net.www, address, bulk=True, port=7023)
        self.moves("at first")
        self.times = 1

    def moves(self, when):
        for flow in (self.typing, self.bulk):
            flow.progress()
            wait_for(flow.moves, 90, f"octets {when}\n{self.client.story()}")

    def goes_on(self, when):
        self.times += 1
        comes_back(self.client, self.times)
        assert len(set(connections(self.client))) == 1, "the same inner address"
        assert self.net.cli.run("cat /sys/class/net/cv-cli/ifindex") == self.index
        assert self.net.cli.run("cat /etc/resolv.conf") == self.resolver
        self.moves(when)

    def abandon(self):
        for flow in (self.typing, self.bulk):
            flow.abandon()

    def end(self):
        self.typing.close()
        self.bulk.close()
        assert self.client.stop() == 0, self.client.story()


@pytest.fixture
def stay(net, connect):
    stays = []

    def start(*extra, **kw):
        stays.append(Stay(net, connect, *extra, **kw))
        return stays[-1]
    yield start
    for s in stays:
        s.abandon()


@pytest.fixture
def other_network(net):
    wire(net.rtr, "c1", net.cli, "eth1")
    net.rtr.ip("address add 100.64.9.1/24 dev c1")
    yield net
    net.rtr.ip("link del c1")


def kill_outer(net):
    """The connection is reset, as by a box on the way that forgets it."""
    net.cli.run("ss -K dst 192.0.2.1 dport = 443")


def test_a_connection_that_is_reset(net, server, stay):
    s = stay()
    for _ in range(3):
        kill_outer(net)
        s.goes_on("after a reset")
    assert "CLIENT_CONNECTS_AGAIN" in s.client.err
    s.end()


def test_a_server_that_is_restarted(net, start_server, stay):
    server = start_server({"tunnel": {"dns": "203.0.113.53"}})
    s = stay(far=net.srv)
    assert server.stop() == 0
    start_server({"tunnel": {"dns": "203.0.113.53"}})
    s.goes_on("after the server's restart")
    s.end()


def test_a_server_that_is_killed(net, start_server, stay):
    server = start_server()
    s = stay(far=net.srv)
    server.stop(signal.SIGKILL)
    start_server()
    s.goes_on("after the server's death")
    s.end()


def test_a_cable_that_is_pulled(net, server, stay):
    s = stay()
    net.cli.ip("link set eth0 down")
    s.client.wait_log("CLIENT_UPLINK_LOST")
    net.cli.ip("link set eth0 up")
    net.cli.ip("route add default via 198.51.100.1")
    s.moves("after the cable is back")  # by the same connection, or by another
    s.end()


def test_a_path_that_is_dead_is_seen_without_traffic(net, server, connect):
    """SSTP's echo: twice --hello without an answer, and TCP would have waited for much longer."""
    client = connect("--no-dns", "--hello", "1", once=False)
    net.cable(up=False)
    try:
        client.wait_log("CLIENT_CONNECTS_AGAIN")
    finally:
        net.cable(up=True)
    comes_back(client, 2, 90)
    assert client.stop() == 0


def test_another_address(net, server, stay):
    s = stay()
    try:
        net.cli.ip("address flush dev eth0 scope global")
        net.cli.ip("address add 198.51.100.9/24 dev eth0")
        net.cli.ip("route add default via 198.51.100.1")
        s.goes_on("from another address")
    finally:
        net.cli.ip("address flush dev eth0 scope global")
        net.cli.ip("address add 198.51.100.2/24 dev eth0")
        net.cli.ip("route add default via 198.51.100.1")
    s.goes_on("from the first address")
    s.end()


def test_another_network(net, other_network, server, stay):
    s = stay()
    net.cli.ip("link set eth0 down")
    net.cli.ip("address flush dev eth0 scope global")
    net.cli.ip("address add 100.64.9.2/24 dev eth1")
    net.cli.ip("route add default via 100.64.9.1")
    try:
        s.goes_on("in another network")
    finally:
        net.cli.ip("route del default via 100.64.9.1")
        net.cli.ip("address flush dev eth1")
        net.cli.ip("link set eth0 up")
        net.cli.ip("address add 198.51.100.2/24 dev eth0")
        net.cli.ip("route add default via 198.51.100.1")
    s.goes_on("in the first network again")
    s.end()


def test_a_network_that_comes_back_is_used_at_once(net, server, connect):
    """The wait has grown to many seconds; the way that is there again ends it."""
    client = connect("--no-dns", once=False)
    net.cli.ip("link set eth0 down")
    net.cli.ip("address flush dev eth0 scope global")
    kill_outer(net)
    wait_for(lambda: "CLIENT_CONNECTS_AGAIN" in client.err, SLOW, "the loss")
    net.cli.ip("link set eth0 up")
    net.cli.ip("address add 198.51.100.2/24 dev eth0")
    net.cli.ip("route add default via 198.51.100.1")
    comes_back(client, 2)
    assert client.stop() == 0


def test_a_certificate_that_is_renewed(net, start_server, stay, tmp_path):
    ca, key = make_ca(tmp_path)
    leaf = make_leaf(tmp_path, key, "one")
    conf = {"tls": {"certificate": leaf.certificate, "key": leaf.key}}
    server = start_server(conf)
    s = stay("--ca", ca, trust=False)
    renewed = make_leaf(tmp_path, key, "two")
    os.replace(renewed.certificate, leaf.certificate)
    os.replace(renewed.key, leaf.key)
    server.process.send_signal(signal.SIGHUP)
    server.wait_log("RELOADED|CERTIFICATES_RELOADED")
    kill_outer(net)
    s.goes_on("with the renewed certificate")
    s.end()


def test_another_inner_address(net, start_server, connect, state, binary):
    """... replaces the one before, and a line says so."""
    server = start_server()
    client = connect("--no-dns", once=False)
    first = client.address
    parts = first.split(".")
    other = ".".join(parts[:3] + [str(int(parts[3]) % 200 + 20)])
    run(binary, "user", "address", USER, other, "--state", state)
    kill_outer(net)
    comes_back(client, 2)
    if connections(client)[1] == first:  # the session of before still had it
        kill_outer(net)
        comes_back(client, 3)
    assert connections(client)[-1] == other
    assert f"{first}/32" not in net.cli.run("ip -4 address show dev cv-cli")
    assert "CLIENT_ADDRESS_CHANGED" in client.err
    assert net.cli.ping(WWW, 1) == 1
    assert client.stop() == 0
    assert server.running()


def test_a_password_that_was_changed_ends_it(net, server, connect, state, binary):
    client = connect("--no-dns", once=False)
    run(binary, "user", "passwd", USER, "--password-stdin", "--state", state, stdin="Another-1\n")
    kill_outer(net)
    assert client.wait_exit(60) == 19, client.story()
    assert "CLIENT_INCURABLE" in client.err and "AUTH_FAILED" in client.err


def test_another_certificate_in_the_same_network_ends_it(net, start_server, connect, state, binary):
    server = start_server()
    client = connect("--no-dns", once=False)
    assert server.stop() == 0
    run(binary, "cert", "renew", "--state", state)
    start_server()
    assert client.wait_exit(60) == 14, client.story()
    assert "CLIENT_INCURABLE" in client.err


def test_once_ends_at_the_first_loss(net, server, connect):
    client = connect("--no-dns")
    kill_outer(net)
    assert client.wait_exit() == 11, client.story()
    assert len(connections(client)) == 1


def test_no_first_success_is_the_end(net, connect):
    client = connect("--no-dns", "--insecure", once=False, wait=False, trust=False)
    assert client.wait_exit() == 11, client.story()
    assert not connections(client)


def test_the_users_wish_ends_it_at_once_while_it_waits_and_dials(net, start_server, connect):
    for cut in ("refuses", "silent"):
        server = start_server()
        client = connect("--no-dns", once=False)
        if cut == "refuses":
            assert server.stop() == 0
            wait_for(lambda: "TCP_REFUSED" in client.err, SLOW, "a refused attempt")
        else:
            net.cable(up=False)
            kill_outer(net)
            client.wait_log("CLIENT_CONNECTS_AGAIN")
        begin = time.monotonic()
        assert client.stop(signal.SIGINT) == 0, client.story()
        assert time.monotonic() - begin < 5
        assert "0x6376" not in net.cli.run("ip -N rule")
        if cut == "silent":
            net.cable(up=True)
            server.stop()


def test_a_name_look_up_does_not_hold_up_the_users_wish(net, connect):
    client = connect("--no-dns", "--insecure", server="nowhere.test", once=False, wait=False,
                     trust=False)
    wait_for(lambda: net.cli.run("cat", f"/proc/{client.pid}/status").count("Threads:\t1\n") == 0,
             SLOW, "the look-up's thread")
    begin = time.monotonic()
    client.process.send_signal(signal.SIGINT)
    assert client.wait_exit() == 0, client.story()
    assert time.monotonic() - begin < 5


def test_several_servers_in_their_order(net, start_server, connect):
    server = start_server()
    client = connect("192.0.2.1", "--no-dns", server="vpn.example:444", once=False)
    assert "TCP_REFUSED" in client.err, "the first one"
    assert server.stop() == 0
    start_server(listen="192.0.2.1:444")
    comes_back(client, 2, 90)
    assert client.stop() == 0


def test_all_servers_fail(net, connect):
    client = connect("vpn.example:445", "--no-dns", "--insecure", server="vpn.example:444",
                     once=False, wait=False, trust=False)
    assert client.wait_exit() == 11, client.story()
    assert ":445" in client.err
