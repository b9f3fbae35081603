"""
Networks behind routers (`behind`): two offices, each behind a client, and the server between them.

        pc-a                 cli  culvert connect (alice)        srv  culvert serve
     10.1.0.2 --- 10.1.0.1 lan     eth0 --- rtr ---------------- 192.0.2.1
                                             |
     10.2.0.2 --- 10.2.0.1 lan     eth0 -----+
        pc-b                 www  culvert connect (bob)
"""

import json
import socket
import threading

import pytest

from harness import program
from harness.host import Host, wait_for, wire
from harness.program import PASSWORD, SLOW, USER

POOL = {"tunnel": {"ipv4_pool": "10.77.0.0/24"}}
OWN = ("--no-dns", "--no-default-route", "--no-lanes")


def change(binary, state, kind, *arguments, check=True):
    return program.run(binary, kind, *arguments, "--state", state, check=check)


@pytest.fixture(scope="module")
def pcs():
    hosts = Host("pc-a"), Host("pc-b")
    yield hosts
    for host in hosts:
        host.close()


@pytest.fixture
def offices(net, pcs, state, binary):
    """The computers of two offices; cli and www are their routers."""
    for n, (router, pc) in enumerate(zip((net.cli, net.www), pcs), 1):
        wire(router, "lan", pc, "eth0")
        router.ip(f"address add 10.{n}.0.1/16 dev lan")
        router.ip(f"-6 address add 2001:db8:{n}::1/64 dev lan nodad")
        pc.ip(f"address add 10.{n}.0.2/16 dev eth0")
        pc.ip(f"-6 address add 2001:db8:{n}::2/64 dev eth0 nodad")
        pc.ip(f"route add default via 10.{n}.0.1")
        pc.ip(f"-6 route add default via 2001:db8:{n}::1")
        router.sysctl("net.ipv4.ip_forward", 1)
        router.sysctl("net.ipv6.conf.all.forwarding", 1)
    with open(f"{net.www.root}/etc/hosts", "w") as f:
        f.write("127.0.0.1 localhost\n192.0.2.1 vpn.example\n")
    program.add_user(binary, state, "bob", PASSWORD)
    yield pcs
    for router in (net.cli, net.www):
        router.ip("link del lan")
        router.sysctl("net.ipv4.ip_forward", 0)
        router.sysctl("net.ipv6.conf.all.forwarding", 0)
    net.srv.sysctl("net.ipv6.conf.all.forwarding", 0)


def exchange(there, address, here, octets=200000, family=socket.AF_INET):
    """TCP from `here` to `there`, echoed: what came back is what was sent."""
    listener = there.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, 7000))
    listener.listen()
    sent, got, peers = bytes(range(256)) * (octets // 256), bytearray(), []

    def serve():
        s, peer = listener.accept()
        peers.append(peer[0])
        with s:
            while data := s.recv(65536):
                s.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    s = here.socket(family)
    s.settimeout(SLOW)
    s.connect((address, 7000))
    writer = threading.Thread(target=lambda: (s.sendall(sent), s.shutdown(socket.SHUT_WR)), daemon=True)
    writer.start()
    while data := s.recv(65536):
        got += data
    s.close()
    listener.close()
    assert bytes(got) == sent
    return peers[0]


def routed(server, network, yes=True):
    def look():
        found = server.host.run(f"ip route show {network} dev {server.tun}" if ":" not in network
                                else f"ip -6 route show {network} dev {server.tun}")
        return bool(found) == yes
    wait_for(look, SLOW, f"{network} {'routed' if yes else 'gone'}\n{server.story()}")


@pytest.mark.parametrize("settings", [{"workers": 1}, {"workers": 2}, {"workers": 2, "steering": "ring"}],
                         ids=["1", "2", "ring"])
def test_two_offices_reach_each_other(net, offices, start_server, connect, state, binary, settings):
    pc_a, pc_b = offices
    change(binary, state, "user", "set", USER, "behind=10.1.0.0/16,2001:db8:1::/48")
    change(binary, state, "user", "set", "bob", "behind=10.2.0.0/16,2001:db8:2::/48")
    server = start_server({"server": settings, **POOL})
    a = connect(*OWN, "--route", "10.2.0.0/16", "--route", "2001:db8:2::/48")
    b = connect(*OWN, "--route", "10.1.0.0/16", "--route", "2001:db8:1::/48", host=net.www, user="bob",
                tun="cv-bob")
    for network in ("10.1.0.0/16", "10.2.0.0/16", "2001:db8:1::/48", "2001:db8:2::/48"):
        routed(server, network)
    assert exchange(pc_b, "10.2.0.2", pc_a) == "10.1.0.2"
    assert exchange(pc_a, "10.1.0.2", pc_b) == "10.2.0.2"
    assert exchange(pc_b, "2001:db8:2::2", pc_a, family=socket.AF_INET6) == "2001:db8:1::2"
    assert exchange(pc_a, "2001:db8:1::2", pc_b, family=socket.AF_INET6) == "2001:db8:2::2"
    assert exchange(pc_a, "10.1.0.2", net.srv)  # from the server's own side
    rows = json.loads(program.run(binary, "sessions", "--state", state, "--json")[1])
    rows = {r["user"]: r["networks"] for r in (rows if isinstance(rows, list) else rows["sessions"])}
    assert rows[USER] == ["10.1.0.0/16", "2001:db8:1::/48"], rows
    assert a.stop() == 0
    routed(server, "10.1.0.0/16", False)
    routed(server, "2001:db8:1::/48", False)
    assert net.srv.ping("10.2.0.2", 1) == 1
    assert b.stop() == 0


def test_nothing_leaks_between_sessions(net, offices, start_server, connect, state, binary):
    """A source is its session's own, a packet goes to the one session, and ends with it."""
    pc_a, pc_b = offices
    change(binary, state, "user", "set", USER, "behind=10.1.0.0/16")
    change(binary, state, "user", "set", "bob", "behind=10.2.0.0/24")
    server = start_server(POOL)
    a = connect(*OWN, "--route", "10.2.0.0/16")
    connect(*OWN, "--route", "10.1.0.0/16", host=net.www, user="bob", tun="cv-bob")
    routed(server, "10.2.0.0/24")
    assert pc_a.ping("10.2.0.2", 1) == 1

    def wrong():
        status = json.loads(program.run(binary, "status", "--state", state, "--json")[1])
        return sum(w["drop_source"] for w in status["workers"])
    before = wrong()
    pc_b.ip("address add 10.2.9.9/32 dev eth0")  # not in bob's /24
    pc_b.run("ping -c 3 -i 0.2 -W 1 -I 10.2.9.9 10.1.0.2", check=False)
    net.www.ip("address add 10.1.0.7/32 dev lo")  # alice's
    net.www.run("ping -c 3 -i 0.2 -W 1 -I 10.1.0.7 10.77.0.1", check=False)
    net.www.ip("address del 10.1.0.7/32 dev lo")
    assert wrong() >= before + 6
    sent = net.www.packets_received("cv-bob")
    assert a.stop() == 0
    routed(server, "10.1.0.0/16", False)
    assert net.srv.run("ping -c 2 -i 0.2 -W 1 10.1.0.2", check=False)
    assert net.www.packets_received("cv-bob") == sent


def test_what_overlaps_is_refused_where_it_is_set(net, start_server, state, binary):
    program.add_user(binary, state, "bob", PASSWORD)
    for group in ("sites", "others"):
        change(binary, state, "group", "add", group)
    start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "pools": "staff=10.78.0.0/24",
                             "ipv6_prefix": "2001:db8:77::/48", "delegate": "2001:db8:100::/40"}})

    def refused(words, *arguments, kind="user"):
        code, _, err = program.run(binary, kind, *arguments, "--state", state, host=net.srv, check=False)
        assert code == 1 and "event 6153" in err and words in err, err

    def taken(*arguments, kind="user"):
        program.run(binary, kind, *arguments, "--state", state, host=net.srv)

    refused("the pool of the clients", "set", USER, "behind=10.77.0.128/25")
    refused("the pool staff", "set", USER, "behind=10.78.0.0/16")
    refused("192.0.2.1", "set", USER, "behind=192.0.2.0/24")
    refused("192.0.2.0/24", "set", USER, "behind=192.0.2.128/25")
    refused("tunnel.ipv6_prefix", "set", USER, "behind=2001:db8:77:5::/64")
    refused("tunnel.delegate", "set", USER, "behind=2001:db8:1ff::/48")
    refused("0.0.0.0/0", "set", USER, "behind=0.0.0.0/0")
    refused("routes of the same user", "set", USER, "routes=10.9.0.0/16", "behind=10.9.4.0/24")
    taken("set", USER, "behind=10.1.0.0/16,2001:db8:1::/48")
    refused("routes of the same user", "set", USER, "routes=10.1.2.0/24")
    refused("of user alice", "set", "bob", "behind=10.1.2.0/24")
    refused("of user alice", "set", "bob", "behind=10.0.0.0/15")
    refused("of user alice", "set", "others", "behind=2001:db8:1:5::/64", kind="group")
    refused("of user alice", "set", "bob", "prefix=2001:db8:1::/56")
    refused("of user alice", "set", "bob", "address=10.1.0.5")
    refused("of user alice", "address", "bob", "10.1.0.5")
    taken("set", "sites", "behind=10.3.0.0/16", kind="group")
    refused("of group sites", "set", "bob", "behind=10.3.3.0/24")
    taken("set", "bob", "routes=10.3.0.0/24")
    refused("routes of the same user", "set", "bob", "groups=sites")
    taken("set", "bob", "routes=", "groups=sites")
    taken("set", USER, "behind=10.1.0.0/16")  # its own is not in its way
    shown = program.run(binary, "user", "show", "bob", "--state", state)[1]
    assert "10.3.0.0/16" in shown and "group sites" in shown, shown
    # Office A is what others are told they reach.
    taken("set", "bob", "routes=10.1.0.0/16")


def test_what_has_come_to_overlap_is_refused_at_the_login(net, start_server, connect, state, binary):
    change(binary, state, "user", "set", USER, "behind=10.1.0.0/16,10.5.0.0/16")
    server = start_server({"tunnel": {"ipv4_pool": "10.5.7.0/24"}})
    client = connect(*OWN)
    server.wait_log(r'NETWORK_OVERLAPS.*network=10\.5\.0\.0/16 reason="10\.5\.0\.0/16 overlaps 10\.5\.7\.0/24')
    routed(server, "10.1.0.0/16")
    assert not net.srv.run(f"ip route show 10.5.0.0/16 dev {server.tun}")
    assert net.cli.ping(client.peer, 1) == 1


def test_a_network_that_holds_the_clients_own_way_is_refused(net, start_server, connect, state, binary):
    change(binary, state, "user", "set", USER, "behind=198.51.100.0/24")
    server = start_server(POOL)
    client = connect(*OWN)
    server.wait_log(r"NETWORK_OVERLAPS.*198\.51\.100\.0/24.*through itself")
    assert net.cli.ping(client.peer, 2) == 2


def test_a_change_reaches_a_session_that_is_up(net, start_server, connect, state, binary):
    server = start_server(POOL)
    client = connect(*OWN)
    change(binary, state, "user", "set", USER, "behind=10.1.0.0/16")
    routed(server, "10.1.0.0/16")
    change(binary, state, "user", "set", USER, "behind=10.3.0.0/16")
    routed(server, "10.3.0.0/16")
    routed(server, "10.1.0.0/16", False)
    change(binary, state, "user", "set", USER, "behind=")
    routed(server, "10.3.0.0/16", False)
    assert net.cli.ping(client.peer, 1) == 1


def test_of_a_groups_routers_the_first_has_the_network_and_the_next_takes_over(
        net, start_server, connect, state, binary):
    program.add_user(binary, state, "bob", PASSWORD)
    change(binary, state, "group", "add", "office", "behind=10.1.0.0/16")
    for user in (USER, "bob"):
        change(binary, state, "user", "set", user, "groups=office")
    server = start_server(POOL)
    first = connect(*OWN)
    routed(server, "10.1.0.0/16")
    second = connect(*OWN, user="bob", tun="cv-two")
    server.wait_log(r'NETWORK_TAKEN.*user="bob" network=10\.1\.0\.0/16')
    net.cli.ip("address add 10.1.0.9/32 dev lo")
    try:
        taken = net.cli.packets_received("cv-two")
        net.srv.run("ping -c 2 -i 0.2 -W 1 10.1.0.9", check=False)
        assert net.cli.packets_received("cv-two") == taken
        assert first.stop() == 0
        server.wait_log(r'NETWORKS_ROUTED.*user="bob"')
        routed(server, "10.1.0.0/16")
        net.srv.run("ping -c 2 -i 0.2 -W 1 10.1.0.9", check=False)
        assert net.cli.packets_received("cv-two") >= taken + 2
        assert second.running()
    finally:
        net.cli.ip("address del 10.1.0.9/32 dev lo")


def test_a_route_that_the_host_has_itself_stays_and_is_told(net, start_server, connect, state, binary):
    change(binary, state, "user", "set", USER, "behind=10.1.0.0/16")
    net.srv.ip("route add 10.1.0.0/16 via 192.0.2.254")
    try:
        server = start_server(POOL)
        connect(*OWN)
        server.wait_log(r"NETWORK_ROUTE_REFUSED.*10\.1\.0\.0/16")
        assert server.stop() == 0
        assert "via 192.0.2.254" in net.srv.run("ip route show 10.1.0.0/16")
    finally:
        net.srv.ip("route del 10.1.0.0/16 via 192.0.2.254")
