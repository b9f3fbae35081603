"""
A tunnel that works: cli ==tunnel== srv over the router (drawing in tests/conftest.py).

        cli  cv-cli 10.x.y.z  ======================  10.x.y.1 cv-srv  srv
"""

import concurrent.futures
import json
import re
import signal
import socket

import pytest

from harness import pump, sstp
from harness.host import Host, wait_for, wire
from harness.program import PASSWORD, RELEASE, USER, run


def test_ping_both_ways(net, server, connect):
    client = connect()
    assert client.peer == server.address()
    assert net.cli.ping(client.peer, 5) == 5
    assert net.srv.ping(client.address, 5) == 5
    assert net.cli.ping(client.peer, 2, size=1372) == 2, "a packet of the tunnel's MTU"
    assert net.cli.ping(client.peer, 2, size=4000) == 2, "a packet in fragments"


def test_two_tunnels_of_one_user_have_two_addresses(net, server, connect):
    one = connect("--no-default-route", "--no-dns")
    two = sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD)
    assert one.address != two.address
    assert two.ping() and net.cli.ping(one.peer, 1) == 1
    two.close()


def test_flows_begun_on_the_servers_side_reach_clients_of_every_worker(net, server):
    """The kernel spreads new flows over all queues of the TUN; steering must correct that."""
    tunnels = [sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD) for _ in range(12)]
    for flow in range(8):
        sender = net.srv.socket(socket.AF_INET, socket.SOCK_DGRAM)  # a new source port each
        for n, t in enumerate(tunnels):
            sender.sendto(b"%d to %d" % (flow, n), (t.address, 4000 + flow))
        sender.close()
    for n, t in enumerate(tunnels):
        got = sorted(t.read_ip()[28:] for _ in range(8))
        assert got == sorted(b"%d to %d" % (flow, n) for flow in range(8))
    for t in tunnels:
        t.close()


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_gibibyte_arrives_unchanged(net, start_server, workers, connect, direction):
    server = start_server({"server": {"workers": workers}}, binary=RELEASE)
    client = connect(binary=RELEASE)
    source, sink = (net.cli, net.srv) if direction == "up" else (net.srv, net.cli)
    to = server.address() if direction == "up" else client.address
    result = pump.transfer(source, sink, to, 1 << 30)
    assert result.sent == result.received
    print(f"{direction}: {result.seconds:.2f} s, {8 * (1 << 30) / result.seconds / 1e9:.2f} Gbit/s")


def test_megabytes_both_ways_at_once_under_sanitizers(net, server, connect):
    client = connect()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        up = pool.submit(pump.transfer, net.cli, net.srv, server.address(), 16 << 20, 5001)
        down = pool.submit(pump.transfer, net.srv, net.cli, client.address, 16 << 20, 5002)
        for r in (up.result(), down.result()):
            assert r.sent == r.received


def test_fifty_clients_at_once(net, server, connect):
    """
            srv 192.0.2.1
             |  s0
            rtr ---- f0 (bridge: f1 .. f50) ---- 50 hosts 100.64.0.2 .. 51
    """
    rtr = net.rtr
    rtr.ip("link add fifty type bridge")
    rtr.ip("address add 100.64.0.1/24 dev fifty")
    rtr.ip("link set fifty up")
    hosts, clients = [], []
    try:
        for n in range(50):
            host = Host(f"cli{n}")
            hosts.append(host)
            wire(rtr, f"f{n}", host, "eth0")
            rtr.ip(f"link set f{n} master fifty")
            host.ip(f"address add 100.64.0.{n + 2}/24 dev eth0")
            host.ip("route add default via 100.64.0.1")
        clients = [connect("--no-dns", host=h, server="192.0.2.1", wait=False) for h in hosts]
        for c in clients:
            c.wait_connected(120)
        assert len({c.address for c in clients}) == 50
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answered = list(pool.map(lambda c: c.host.ping(c.peer, 2, wait=20), clients))
        assert answered == [2] * 50
        for c in clients:
            c.process.send_signal(signal.SIGTERM)
        assert [c.wait_exit(60) for c in clients] == [0] * 50
    finally:
        for c in clients:
            c.close()
        for h in hosts:
            h.close()
        rtr.ip("link del fifty")


def test_ipv6_link_local_ping(net, server, connect):
    client = connect()
    def link_local(host, interface):
        out = host.run(f"ip -6 -o address show dev {interface} scope link")
        found = re.search(r"inet6 (fe80:[0-9a-f:]+)", out)
        return found and found.group(1)
    mine = wait_for(lambda: link_local(net.cli, client.tun), 10, "a link-local address")
    theirs = wait_for(lambda: link_local(net.srv, server.tun), 10, "a link-local address")
    assert mine != theirs
    assert net.cli.ping(f"{theirs}%{client.tun}", 3) == 3


def test_status_tells_what_flows(net, server, connect, binary, workers):
    client = connect()
    assert net.cli.ping(client.peer, 3) == 3
    _, out, _ = run(binary, "status", "--state", server.state, host=net.srv)
    assert "1 up, 0 connecting" in out
    assert f"server {client.peer} on {server.tun}" in out
    assert re.search(rf"workers +{workers},", out)
    _, out, _ = run(binary, "status", "--state", server.state, "--json", host=net.srv)
    assert json.loads(out)
