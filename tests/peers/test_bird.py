"""
Routes exported with routes.table, announced by Debian's BIRD.

        cli ==tunnel== srv  culvert serve, BIRD a ------ 192.0.2.254 rtr  BIRD b
                       192.0.2.1

BIRD a learns table 100 (protocol 83) and announces it to b by BGP.
"""

import pytest

import peers
from harness import program
from harness.program import PASSWORD, USER

OWN = ("--no-dns", "--no-default-route", "--no-lanes")


@pytest.fixture
def bird(net):
    for host, address in ((net.srv, "2001:db8:f::1"), (net.rtr, "2001:db8:f::2")):
        host.ip(f"-6 address add {address}/64 dev {'eth0' if host is net.srv else 's0'} nodad")
    b = peers.Bird(net.srv, net.rtr, BI_IP="192.0.2.1", BI_IP_B="192.0.2.254", BI_IP6="2001:db8:f::1",
                   BI_IP6_B="2001:db8:f::2", BI_TABLE="100")
    yield b
    b.close()
    for host, address in ((net.srv, "2001:db8:f::1"), (net.rtr, "2001:db8:f::2")):
        host.ip(f"-6 address del {address}/64 dev {'eth0' if host is net.srv else 's0'}")
    net.srv.sysctl("net.ipv6.conf.all.forwarding", 0)


def test_what_leads_to_sessions_is_announced_and_withdrawn(net, start_server, connect, state, binary, bird):
    program.add_user(binary, state, "bob", PASSWORD)
    program.run(binary, "user", "set", USER, "behind=10.1.0.0/16,2001:db8:1::/48", "--state", state)
    program.run(binary, "user", "address", "bob", "10.99.0.5", "--state", state)
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "ipv6_prefix": "2001:db8:77::/48",
                                      "delegate": "2001:db8:100::/40"}, "routes": {"table": 100}})
    bird.wait("10.77.0.0/24", "2001:db8:77::/48", "2001:db8:100::/40")  # before any session
    a = connect(*OWN)
    b = connect(*OWN, user="bob", tun="cv-two")
    six = a.wait_line(r"^culvert: ipv6 (\S+)$").group(1)
    bird.wait(f"{a.address}/32", "10.99.0.5/32", "10.1.0.0/16", "2001:db8:1::/48")
    assert any(r.startswith("2001:db8:77:") and r.endswith("/64") for r in bird.routes()), (six, bird.routes())
    own = set(bird.routes())
    assert not any(r.startswith(("192.0.2.", "198.51.100.")) for r in own), own
    # A client on this very host marks its routes alike, and they are not in that table.
    assert "10.99.0.5" in net.srv.run("ip route show table 100 proto 83")
    assert net.rtr.ping("10.99.0.5", 1) == 1  # by what b has learnt
    assert b.stop() == 0
    bird.wait("10.99.0.5/32", gone=True)
    program.run(binary, "user", "set", USER, "behind=10.3.0.0/16", "--state", state)
    bird.wait("10.3.0.0/16")
    bird.wait("10.1.0.0/16", "2001:db8:1::/48", gone=True)
    program.run(binary, "drain", "--for", "1s", "--state", state)
    server.wait_log("SERVER_DRAINED")
    assert not net.srv.run("ip route show table 100", check=False).strip(), "withdrawn before the drain's end"
    assert not net.srv.run("ip -6 route show table 100", check=False).strip()
    bird.wait("10.77.0.0/24", "10.3.0.0/16", "2001:db8:100::/40", gone=True)
    program.run(binary, "drain", "--stop", "--state", state)
    bird.wait("10.77.0.0/24", "2001:db8:77::/48")
    assert server.stop() == 0
    bird.wait("10.77.0.0/24", gone=True)


def test_without_a_table_nothing_is_exported(net, start_server, connect):
    start_server({})
    connect(*OWN)
    assert not net.srv.run("ip route show table all proto 83").strip()


@pytest.mark.parametrize("table", ["255", "-1", "local", "4294967296"])
def test_a_table_that_is_none_is_refused(net, start_server, table):
    server = start_server({"routes": {"table": table}}, ready=False)
    assert server.wait_exit() == 2
    assert "table" in server.err
