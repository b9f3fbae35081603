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


def our_rules(net):
    """{priority: the rule}, of every client of this machine."""
    text = net.cli.run("ip -N rule") + "\n" + net.cli.run("ip -N -6 rule")
    return sorted(line for line in text.splitlines() if "0x637600" in line or "16686776" in line)


def link_locals(host, interface):
    return re.findall(r"inet6 (fe80:[0-9a-f:]+)", host.run(f"ip -6 -o address show dev {interface}"))


def test_a_second_client_to_the_same_server_leaves_the_first_ones_rules(net, server, connect):
    first = connect("--no-dns")
    rules = our_rules(net)
    assert rules
    second = connect("--no-default-route", "--no-dns", "--route", "198.18.0.0/15", tun="cv-two")
    assert set(rules) < set(our_rules(net))
    assert "cv-two" in net.cli.run("ip route get 198.18.0.1")
    assert "cv-cli" in net.cli.run("ip route get 203.0.113.2")
    assert second.stop() == 0
    assert our_rules(net) == rules
    assert net.cli.ping(first.peer, 1) == 1
    assert first.stop() == 0
    assert not our_rules(net)


def test_two_clients_do_not_take_everything(net, server, connect):
    first = connect("--no-dns")
    second = connect("--no-dns", tun="cv-two", wait=False)
    assert second.wait_exit() == 21, second.story()
    assert "ROUTE_TAKEN" in second.err
    assert net.cli.ping("203.0.113.2", 1) == 1
    assert first.stop() == 0


def test_the_rules_of_a_killed_client_are_taken_away_by_the_next(net, server, connect):
    connect("--no-dns", "--exclude", "198.18.0.0/15").stop(signal.SIGKILL)
    assert our_rules(net)
    assert net.cli.ping("203.0.113.2", 1) == 1, "they lead nowhere"
    assert connect("--no-default-route", "--no-dns").stop() == 0
    assert not our_rules(net)
    assert "proto 83" not in net.cli.run("ip -N route show table all")


def test_the_longest_network_wins_whoever_has_it(net, server, connect):
    """Both tables are searched as one: a local network inside a tunnel's one stays local."""
    net.cli.ip("route add 10.0.0.0/8 via 198.51.100.1")
    net.cli.ip("route add 172.16.5.0/24 via 198.51.100.1")
    try:
        client = connect("--no-dns", "--route", "10.5.0.0/16", "--route", "172.16.0.0/12",
                         "--exclude", "172.16.9.0/24")
        goes = lambda to: re.search(r"dev (\S+)", net.cli.run(f"ip route get {to}")).group(1)
        assert goes("10.5.1.1") == "cv-cli" and goes("10.6.1.1") == "eth0"
        assert goes("172.16.4.1") == "cv-cli" and goes("172.16.5.1") == "eth0"
        assert goes("172.16.9.1") == "eth0" and goes("203.0.113.2") == "eth0"
        assert "only these networks" in client.err
        assert client.stop() == 0
    finally:
        net.cli.ip("route del 10.0.0.0/8 via 198.51.100.1")
        net.cli.ip("route del 172.16.5.0/24 via 198.51.100.1")


def test_all_and_routes_and_an_exception(net, server, connect):
    client = connect("--no-dns", "--all", "--route", "10.5.0.0/16", "--exclude", "203.0.113.2/32")
    assert "cv-cli" in net.cli.run("ip route get 10.5.0.1")
    assert "cv-cli" in net.cli.run("ip route get 203.0.113.1")
    assert "eth0" in net.cli.run("ip route get 203.0.113.2")
    assert net.cli.ping("203.0.113.2", 1) == 1
    assert client.stop() == 0


def test_a_network_of_the_tunnel_that_holds_the_server(net, server, connect):
    client = connect("--no-dns", "--route", "192.0.2.0/24")
    assert "cv-cli" in net.cli.run("ip route get 192.0.2.1")
    wait_for(lambda: net.cli.ping("192.0.2.254", 1, wait=1), 30, "the network through the tunnel")
    assert client.stop() == 0


def test_a_strict_reverse_path_filter(net, server, connect):
    for name in ("all", "eth0"):
        net.cli.sysctl(f"net.ipv4.conf.{name}.rp_filter", 1)
    try:
        client = connect("--no-dns", once=False)
        wait_for(lambda: net.cli.ping("203.0.113.2", 1, wait=1), 30, "the tunnel")
        assert "cv-cli" in net.cli.run("ip route get 192.0.2.1"), "only its TCP goes beside the tunnel"
        net.cli.run("ss -K dst 192.0.2.1 dport = 443")
        client.wait_line(r"(?s)connected.*\n.*connected")
        wait_for(lambda: net.cli.ping("203.0.113.2", 1, wait=1), 30, "the tunnel again")
        assert client.stop() == 0
    finally:
        for name in ("all", "eth0"):
            net.cli.sysctl(f"net.ipv4.conf.{name}.rp_filter", 0)


def test_a_route_of_another_program_is_left_alone_and_told(net, server, connect):
    net.cli.ip("route add 128.0.0.0/1 via 198.51.100.1")
    before = traces(net.cli)
    try:
        client = connect("--no-dns", wait=False)
        assert client.wait_exit() == 21, client.story()
        assert "ROUTE_TAKEN" in client.err and "0.0.0.0/0" in client.err
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
