"""
What the client does to its machine, and that it undoes it.

        www 203.0.113.2 --- rtr --- srv (NAT) ===tunnel=== cli      (drawing in tests/conftest.py)

Through the tunnel www sees the server's address, beside it the client's own.
"""

import ipaddress
import os
import re
import signal
import socket
import stat

import pytest

from harness.host import traces, wait_for


def seen_by_www(net, source_host):
    """The source address with which a packet from source_host reaches www."""
    listener = net.www.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("203.0.113.2", 7000))
    listener.settimeout(5)
    s = source_host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"who am I", ("203.0.113.2", 7000))
    try:
        return listener.recvfrom(100)[1][0]
    finally:
        listener.close()
        s.close()


def test_the_default_route_leads_through_the_tunnel_and_back_afterwards(net, server, connect):
    before = traces(net.cli)
    client = connect()
    assert seen_by_www(net, net.cli) == "192.0.2.1"
    assert net.cli.ping("203.0.113.2", 2) == 2
    route = net.cli.run("ip route get 192.0.2.1")
    assert "eth0" in route, "the server itself is reached beside the tunnel"
    assert client.stop(signal.SIGTERM) == 0
    assert traces(net.cli) == before
    assert seen_by_www(net, net.cli) == "198.51.100.2"


def test_sigint_restores_as_well(net, server, connect):
    before = traces(net.cli)
    assert connect().stop(signal.SIGINT) == 0
    assert traces(net.cli) == before


def test_no_default_route(net, server, connect):
    client = connect("--no-default-route")
    assert seen_by_www(net, net.cli) == "198.51.100.2"
    assert net.cli.ping(client.peer, 1) == 1


def test_route_leads_only_its_network_through_the_tunnel(net, server, connect):
    client = connect("--no-default-route", "--route", "203.0.113.0/24", "--route", "198.18.0.0/15")
    assert seen_by_www(net, net.cli) == "192.0.2.1"
    assert client.tun in net.cli.run("ip route get 198.18.0.1")
    assert "eth0" in net.cli.run("ip route get 100.100.100.100")
    assert net.cli.ping(client.peer, 1) == 1


def test_dns_is_set_and_restored(net, start_server, connect):
    start_server({"tunnel": {"dns": "203.0.113.2, 203.0.113.3"}})
    before = net.cli.run("cat /etc/resolv.conf")
    client = connect()
    now = net.cli.run("cat /etc/resolv.conf")
    assert re.findall(r"^nameserver (\S+)", now, re.MULTILINE)[:2] == ["203.0.113.2", "203.0.113.3"]
    assert client.stop() == 0
    assert net.cli.run("cat /etc/resolv.conf") == before


def test_no_dns_leaves_it_alone(net, start_server, connect):
    start_server({"tunnel": {"dns": "203.0.113.2"}})
    before = net.cli.run("cat /etc/resolv.conf")
    connect("--no-dns")
    assert net.cli.run("cat /etc/resolv.conf") == before


def test_after_kill_9_the_next_start_restores(net, start_server, connect):
    start_server({"tunnel": {"dns": "203.0.113.2"}})
    before = traces(net.cli)
    connect().stop(signal.SIGKILL)
    assert traces(net.cli) != before, "nothing was there to restore: the test shows nothing"
    client = connect()
    assert seen_by_www(net, net.cli) == "192.0.2.1"
    assert client.stop() == 0
    assert traces(net.cli) == before


def test_after_kill_9_of_the_server_the_next_start_works(net, start_server, connect):
    before = traces(net.srv)
    first = start_server()
    connect("--no-default-route", "--no-dns")
    first.stop(signal.SIGKILL)
    second = start_server()
    client = connect()
    assert seen_by_www(net, net.cli) == "192.0.2.1"
    assert client.stop() == 0
    assert second.stop() == 0
    assert traces(net.srv) == before


def test_a_server_restart_ends_clients_with_a_word_and_serves_them_again(net, start_server,
                                                                         connect, workers):
    first = start_server({"server": {"workers": workers}})
    client = connect()
    address = client.address
    assert first.stop(signal.SIGTERM) == 0
    assert client.wait_exit(30) == 16, client.story()
    assert "The peer ended the SSTP call." in client.err
    start_server({"server": {"workers": workers}})
    again = connect()
    assert net.cli.ping(again.peer, 2) == 2
    assert address and again.address


def test_a_cut_cable_is_noticed_at_both_ends(net, start_server, connect):
    """No reset, no ICMP: only the keep-alive tells. [MS-SSTP] 3.1.2.3"""
    server = start_server({"sstp": {"hello": "5s"}})
    client = connect("--no-default-route", "--no-dns", "--hello", "5")
    net.cable(False)
    try:
        server.wait_log("3015 SSTP_PEER_SILENT", 25)
        assert client.wait_exit(25) == 16, client.story()
        assert "Nothing came from the peer, not even an answer to an SSTP echo request" in client.err
    finally:
        net.cable(True)


def test_the_state_folder_is_private(net, server):
    def mode(name):
        return stat.S_IMODE(os.stat(os.path.join(server.state, name)).st_mode)
    assert mode("") & 0o007 == 0
    for name in ("server.key", "server-rsa.key", "culvert.db", "culvert.key"):
        assert mode(name) & 0o077 == 0, name


def test_the_servers_inner_network_overlaps_no_route_of_its_host(net, server):
    inner = ipaddress.ip_network(server.address() + "/22", strict=False)
    for taken in ("192.0.2.0/24", "198.51.100.0/24"):
        assert not inner.overlaps(ipaddress.ip_network(taken))
