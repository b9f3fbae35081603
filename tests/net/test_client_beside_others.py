"""
The client on a machine where it is not alone: another client to the same server, another VPN's
routes, a dead client's remains.

        cli  cv-cli, cv-two  ======================  cv-srv  srv      (drawing in tests/conftest.py)
"""

import re
import signal
import socket
import struct

from harness import sstp
from harness.host import traces, wait_for
from harness.program import PASSWORD, USER


def server_route(net):
    return net.cli.run("ip route show 192.0.2.1 proto 83")


def link_locals(host, interface):
    return re.findall(r"inet6 (fe80:[0-9a-f:]+)", host.run(f"ip -6 -o address show dev {interface}"))


def test_a_second_client_to_the_same_server_leaves_the_first_ones_route(net, server, connect):
    first = connect("--no-dns")
    route = server_route(net)
    assert route
    second = connect("--no-default-route", "--no-dns", "--route", "203.0.113.0/24", tun="cv-two")
    assert server_route(net) == route
    assert second.stop() == 0
    assert server_route(net) == route, "the first client still needs it"
    assert net.cli.ping(first.peer, 1) == 1
    assert first.stop() == 0
    assert not server_route(net)


def test_the_route_of_a_killed_client_is_taken_away_by_the_next(net, server, connect):
    connect("--no-dns").stop(signal.SIGKILL)
    assert server_route(net)
    assert connect("--no-default-route", "--no-dns").stop() == 0
    assert not server_route(net)


def test_a_route_of_another_program_is_left_alone_and_told(net, server, connect):
    net.cli.ip("route add 128.0.0.0/1 via 198.51.100.1")
    before = traces(net.cli)
    try:
        client = connect("--no-dns", wait=False)
        assert client.wait_exit() == 21, client.story()
        assert "ROUTE_TAKEN" in client.err and "128.0.0.0/1" in client.err
        assert traces(net.cli) == before
    finally:
        net.cli.ip("route del 128.0.0.0/1 via 198.51.100.1")


def test_the_restored_resolver_is_told(net, start_server, connect):
    start_server({"tunnel": {"dns": "203.0.113.2"}})
    connect().stop(signal.SIGKILL)
    client = connect("--no-default-route", "--no-dns", "--verbose")
    assert "DNS_RESTORED" in client.err, client.story()


def test_each_end_has_one_link_local_address(net, server, connect):
    client = connect("--no-default-route", "--no-dns")
    wait_for(lambda: link_locals(net.cli, client.tun), 10, "a link-local address")
    assert len(link_locals(net.cli, client.tun)) == 1
    assert len(link_locals(net.srv, server.tun)) == 1


def test_a_server_without_name_servers_says_so(net, start_server):
    net.srv.run("cp /etc/resolv.conf /etc/resolv.kept")
    net.srv.run("sh", "-c", "echo nameserver 127.0.0.53 >/etc/resolv.conf")
    try:
        start_server().wait_log("DNS_NO_UPSTREAM")
    finally:
        net.srv.run("sh", "-c", "cat /etc/resolv.kept >/etc/resolv.conf; rm /etc/resolv.kept")


def test_a_packet_that_may_be_cut_reaches_a_peer_with_a_small_mru(net, server):
    """1300 octets without DF for a peer that takes 700: two pieces with one right UDP checksum."""
    t = sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD, mru=700)
    s = net.srv.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
    s.sendto(bytes(range(256)) * 5, (t.address, 4000))
    pieces = [t.read_ip() for _ in range(2)]
    s.close()
    assert all(len(p) <= 700 for p in pieces)
    body = b"".join(p[20:] for p in sorted(pieces, key=lambda p: struct.unpack(">H", p[6:8])[0]
                                           & 0x1FFF))
    assert body[8:] == bytes(range(256)) * 5
    pseudo = pieces[0][12:20] + bytes([0, 17]) + struct.pack(">H", len(body))
    assert sstp.checksum(pseudo + body) == 0
    t.close()
