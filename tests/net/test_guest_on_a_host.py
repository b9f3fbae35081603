"""
The server as a guest on a host that has other things to do: other packet filters, other servers,
an IPv6 route learned by advertisement, a predecessor that was killed.

        cli ==tunnel== srv --- rtr --- www            (drawing in tests/conftest.py)
        two ==tunnel==
"""

import re
import signal
import socket
import time

import pytest

from harness import program, sstp
from harness.host import Host, traces, wait_for, wire
from harness.program import PASSWORD, USER

BASIC = {"tunnel": {"server_access": "basic"}}


@pytest.fixture
def rules(net):
    """rules(text): puts nft rules on srv, which go away after the test."""
    tables = []

    def put(text):
        tables.extend(re.findall(r"^table (\S+ \S+)", text, re.MULTILINE))
        net.srv.run("nft", "-f", "-", input=text, stdin=None)
    yield put
    for t in tables:
        net.srv.run(f"nft delete table {t}")


UFW = """
table ip filter {
  chain ufw-user-forward { }
  chain FORWARD { type filter hook forward priority 0; policy drop; jump ufw-user-forward; }
}
"""
DOCKER = """
table ip filter {
  chain DOCKER-USER { counter return; }
  chain FORWARD { type filter hook forward priority 0; policy drop; jump DOCKER-USER; }
}
"""


def test_a_drop_of_ufw_is_told_with_its_cure(net, rules, start_server, connect):
    rules(UFW)
    server = start_server()
    found = server.wait_log("FORWARD_DROPPED_UFW.*")
    assert "FORWARD" in found.group(0)
    net.srv.run("nft add rule ip filter ufw-user-forward iifname cv-srv accept")
    net.srv.run("nft add rule ip filter ufw-user-forward oifname cv-srv accept")
    connect("--no-dns")
    assert net.cli.ping("203.0.113.2", 1) == 1
    assert server.stop() == 0
    again = start_server()
    assert "FORWARD_DROPPED" not in again.err, "the cure has been taken"


def test_dockers_drop_is_told(net, rules, start_server):
    rules(DOCKER)
    start_server().wait_log("FORWARD_DROPPED_DOCKER")


def test_nothing_is_told_on_a_host_without_such_rules(net, start_server):
    assert "FORWARD_DROPPED" not in start_server().err


def answers(source, address, port, kind=socket.SOCK_STREAM):
    s = source.socket(socket.AF_INET, kind)
    s.settimeout(1.5)
    try:
        s.connect((address, port))
        return True
    except ConnectionRefusedError:
        return True  # it got through
    except OSError:
        return False
    finally:
        s.close()


def test_of_the_server_itself_clients_reach_ping_and_dns(net, start_server, connect):
    server = start_server(BASIC)
    client = connect("--no-default-route", "--no-dns")
    assert net.cli.ping(client.peer, 1) == 1
    assert answers(net.cli, client.peer, 53)
    assert not answers(net.cli, client.peer, 22)
    assert answers(net.srv, client.address, 22), "what the host begins is answered"
    assert server.stop() == 0
    start_server({"tunnel": {"server_access": "all"}})
    client = connect("--no-default-route", "--no-dns")
    assert answers(net.cli, client.peer, 22)


@pytest.mark.parametrize("allowed", [False, True])
def test_clients_reach_each_other_only_where_they_may(net, start_server, allowed):
    start_server({"tunnel": {"client_to_client": "yes" if allowed else "no"}})
    one, two = (sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD) for _ in range(2))
    one.send_ip(sstp.echo_request(one.address, two.address))
    try:
        got = two.read_ip(1.5)
    except (TimeoutError, socket.timeout):
        got = None
    assert bool(got) == allowed
    one.close()
    two.close()


def test_noise_is_dropped_and_counted(net, server, binary):
    t = sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD)
    before = net.srv.packets_received(server.tun)
    for to in ("224.0.0.251", "255.255.255.255", "239.255.255.250"):
        t.send_ip(sstp.ipv4(t.address, to, 17, sstp.udp(t.address, to, 5353, 5353, b"who?")))
    assert t.ping()
    assert net.srv.packets_received(server.tun) == before + 1, "the ping alone"
    _, out, _ = program.run(binary, "status", "--json", "--state", server.state, host=net.srv)
    assert sum(int(n) for n in re.findall(r'"drop_noise": ?(\d+)', out)) == 3
    t.close()


def test_forwarding_is_put_back_unless_others_need_it(net, start_server):
    net.srv.sysctl("net.ipv4.ip_forward", 0)
    flag = lambda: net.srv.run("cat /proc/sys/net/ipv4/ip_forward")
    net.srv.ip("link set eth0 down")  # a veth counts as somebody's: seen from here it is one
    net.srv.ip("link set eth0 up")
    net.srv.ip("route add default via 192.0.2.254")
    server = start_server()
    assert flag() == "1"
    assert server.stop() == 0
    assert flag() == "1", "eth0 is a veth here: somebody may need it"
    net.srv.sysctl("net.ipv4.ip_forward", 0)


def test_two_servers_side_by_side(net, start_server, state, tmp_path, binary, connect):
    import shutil
    other_state = shutil.copytree(state, str(tmp_path / "other"))
    before = traces(net.srv)
    one = start_server()
    two = start_server(state=other_state, listen="192.0.2.1:8443", tun="cv-two")
    connect("--no-default-route", "--no-dns")
    assert "culvert_cv_srv" in net.srv.run("nft list tables")
    assert "culvert_cv_two" in net.srv.run("nft list tables")
    assert one.stop() == 0
    assert "culvert_cv_two" in net.srv.run("nft list tables"), "the other's is left alone"
    client = connect("--no-dns", server="vpn.example:8443", tun="cv-c2")
    assert net.cli.ping("203.0.113.2", 1) == 1
    assert client.stop() == 0
    assert two.stop() == 0
    assert traces(net.srv) == before


def test_after_kill_9_under_another_name_the_next_start_cleans_up(net, rules, start_server):
    rules("table inet culvert_of_somebody_else {\n}\ntable ip culvert_mine {\n}\n")
    net.srv.ip("link add culvert_of type veth peer name culvert_peer")
    net.srv.run("nft add table inet culvert_culvert_of")
    start_server().stop(signal.SIGKILL)
    assert "culvert_cv_srv" in net.srv.run("nft list tables")
    server = start_server(tun="cv-new")
    server.wait_log("NFT_CLEANED")
    tables = net.srv.run("nft list tables")
    assert "culvert_cv_srv" not in tables
    assert "inet culvert_culvert_of" in tables and "ip culvert_mine" in tables
    net.srv.run("nft delete table inet culvert_culvert_of")
    assert "culvert_of_somebody_else" not in tables, "no interface: a server's that is gone"
    net.srv.run("nft add table inet culvert_of_somebody_else")  # for the fixture
    net.srv.ip("link del culvert_of")


def test_the_hosts_own_ipv6_route_learned_by_advertisement_stays(net, start_server):
    """rtr advertises itself (a raw packet, every second); srv must go on listening."""
    conf = "/proc/sys/net/ipv6/conf"
    net.srv.run("sh", "-c", f"echo 1 >{conf}/eth0/accept_ra; echo 0 >{conf}/all/forwarding")
    net.rtr.sysctl("net.ipv6.conf.all.forwarding", 1)
    raw = net.rtr.call(lambda: advertiser())
    routes = lambda: net.srv.run("ip -6 route show default")
    try:
        raw.send()
        wait_for(lambda: "proto ra" in routes(), 10, "the advertised route")
        server = start_server()
        server.wait_log("IPV6_ONWARD")
        assert net.srv.run(f"cat {conf}/all/forwarding") == "1"
        assert net.srv.run(f"cat {conf}/eth0/accept_ra") == "2"
        assert "proto ra" in routes()
        net.srv.run("ip -6 route flush default")
        raw.send()
        wait_for(lambda: "proto ra" in routes(), 10, "the route to be learned again")
        assert server.stop() == 0
        assert "proto ra" in routes()
    finally:
        raw.close()
        net.srv.run("sh", "-c", f"echo 0 >{conf}/all/forwarding; echo 1 >{conf}/eth0/accept_ra;"
                    "ip -6 route flush default; ip -6 address flush dev eth0 scope global")


class advertiser:
    """Sends router advertisements out of rtr's s0."""

    def __init__(self):
        self.s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        self.s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        self.s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
                          socket.if_nametoindex("s0"))
        self.scope = socket.if_nametoindex("s0")

    def send(self):
        prefix = b"\x03\x04\x40\xc0" + b"\0\1\x51\x80" * 2 + bytes(4) + socket.inet_pton(
            socket.AF_INET6, "2001:db8:5::")
        self.s.sendto(b"\x86\0\0\0\x40\0\x07\x08" + bytes(8) + prefix,
                      ("ff02::1", 0, 0, self.scope))

    def close(self):
        self.s.close()
