"""
Which address a client gets: of its user's pool, its user's own, and nobody else's.

        cli ==tunnel== srv --- rtr --- www            (drawing in tests/conftest.py)
"""

import json
import sqlite3

import pytest

from harness import program, sstp
from harness.host import wait_for
from harness.program import PASSWORD, USER


def user(binary, state, *arguments, check=True):
    return program.run(binary, "user", *arguments, "--state", state, check=check)


def test_a_users_pool_gives_the_address_and_reaches_out(net, start_server, state, connect, binary):
    program.add_user(binary, state, "bob", PASSWORD)
    user(binary, state, "pool", "bob", "staff")
    start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "pools": "staff=10.78.0.0/24"}})
    bob = connect("--no-dns", user="bob")
    assert bob.address.startswith("10.78.0.")
    assert net.cli.ping("203.0.113.2", 2) == 2
    alice = connect("--no-default-route", "--no-dns", tun="cv-two")
    assert alice.address.startswith("10.77.0.")
    assert net.srv.ping(bob.address, 1) == 1


def test_a_pool_that_is_not_there_is_told_and_does_no_harm(net, start_server, state, connect,
                                                           binary):
    user(binary, state, "pool", USER, "gone")
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24"}})
    assert connect("--no-default-route", "--no-dns").address.startswith("10.77.0.")
    server.wait_log("LEASE_NO_POOL")


def test_a_static_address_is_given_and_a_second_session_on_it_refused(net, start_server, state,
                                                                      connect, binary):
    user(binary, state, "address", USER, "10.77.0.99")
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24"}})
    client = connect("--no-default-route", "--no-dns")
    assert client.address == "10.77.0.99"
    second = connect("--no-default-route", "--no-dns", tun="cv-two", wait=False)
    assert second.wait_exit() != 0
    server.wait_log("LEASE_ADDRESS_IN_USE")
    assert net.cli.ping(client.peer, 1) == 1


def test_a_static_address_of_no_pool_is_routed(net, start_server, state, connect, binary):
    """From this host, and from the Internet; it is kept apart from other clients as those of pools are."""
    program.add_user(binary, state, "bob", PASSWORD)
    user(binary, state, "address", USER, "10.99.0.5")
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "nat": "no"}})
    net.rtr.ip("route add 10.99.0.5/32 via 192.0.2.1")
    net.srv.sysctl("net.ipv4.ip_forward", 1)
    try:
        client = connect("--no-dns")
        assert client.address == "10.99.0.5"
        wait_for(lambda: net.srv.run("ip route show 10.99.0.5 proto 83"), 30, "the route")
        assert net.srv.ping("10.99.0.5", 1) == 1
        assert net.cli.ping("203.0.113.2", 2) == 2
        assert net.www.ping("10.99.0.5", 1) == 1
        bob = connect("--no-default-route", "--no-dns", user="bob", host=net.www, server="192.0.2.1",
                      tun="cv-two")
        net.www.ip("route add 10.99.0.5/32 dev cv-two")
        assert net.www.ping("10.99.0.5", 1, wait=1) == 0
        assert net.cli.ping(bob.address, 1, wait=1) == 0
        assert client.stop() == 0
        wait_for(lambda: not net.srv.run("ip route show 10.99.0.5"), 30, "the route's end")
        assert "LEASE_NO_ROUTE" not in server.err
    finally:
        net.rtr.ip("route del 10.99.0.5/32 via 192.0.2.1")
        net.srv.sysctl("net.ipv4.ip_forward", 0)


def test_a_static_address_that_the_host_has_another_way_to_is_told(net, start_server, state, connect,
                                                                   binary):
    user(binary, state, "address", USER, "10.99.0.5")
    net.srv.ip("route add 10.99.0.5/32 via 192.0.2.254")
    try:
        server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24"}})
        connect("--no-default-route", "--no-dns")
        server.wait_log("LEASE_NO_ROUTE.*10.99.0.5/32")
    finally:
        net.srv.ip("route del 10.99.0.5/32 via 192.0.2.254")


@pytest.mark.parametrize("pools", ["staff", "a=10.77.0.0/25", "a=10.1.0.0/24 a=10.2.0.0/24",
                                   "a=10.1.0.0/24 b=10.1.0.0/16", "default=10.1.0.0/24",
                                   "a=10.1.0.0/24+10.1.0.0/25", "a=10.1.0.0/24+", "a=+10.1.0.0/24",
                                   "a=10.1.0.0/24+10.77.0.0/28"])
def test_pools_that_make_no_sense_are_refused(net, start_server, pools):
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "pools": pools}}, ready=False)
    assert server.wait_exit() == 2
    assert "pools" in server.err


@pytest.mark.parametrize("tunnel, words", [
    ({"ipv4_pool": "192.0.2.0/24"}, "192.0.2.1 is in use (eth0)"),       # the host's own network
    ({"ipv4_pool": "192.0.2.252/30"}, "192.0.2.254 is in use (a gateway"),
    ({"ipv4_pool": "10.77.0.0/24", "pools": "a=192.0.2.0/26"}, "192.0.2.1 is in use"),
    ({"ipv4_pool": "127.0.0.0/24"}, "the loopback"),
    ({"ipv4_pool": "224.1.0.0/24"}, "multicast"),
    ({"ipv4_pool": "10.77.0.0/24", "pools": "a=169.254.0.0/24"}, "link-local"),
    ({"ipv6_prefix": "fe80::/48"}, "link-local"),
])
def test_a_pool_that_is_the_hosts_own_is_refused_by_name(net, start_server, binary, tmp_path, tunnel,
                                                         words):
    server = start_server({"tunnel": tunnel}, ready=False)
    assert server.wait_exit() == 2
    assert "POOL_UNUSABLE" in server.err and words in server.err, server.err
    conf = tmp_path / "c.conf"
    conf.write_text("[tunnel]\n" + "".join(f"{k} = {v}\n" for k, v in tunnel.items()))
    code, _, err = program.run(binary, "config", "check", "--config", conf, host=net.srv,
                               check=False)
    assert code == 2 and words in err, err


@pytest.mark.parametrize("route, tunnel, doubt", [
    ("10.55.0.0/16", {"ipv4_pool": "10.55.3.0/24"}, True),
    ("10.55.3.64/26", {"ipv4_pool": "10.55.3.0/24"}, True),
    ("10.55.3.0/24", {"ipv4_pool": "10.77.0.0/24", "pools": "a=10.55.3.0/24"}, True),
    ("10.55.0.0/16", {"ipv4_pool": "10.77.0.0/24"}, False),
    ("0.0.0.0/1", {"ipv4_pool": "10.77.0.0/24"}, False),
])
def test_a_pool_that_the_host_sends_elsewhere_is_a_warning(net, start_server, binary, tmp_path,
                                                           route, tunnel, doubt):
    """Not the host's own addresses, so it can be meant; one of the two is not reached."""
    words = f"this host has a route to {route} by eth0"
    net.srv.ip(f"route add {route} via 192.0.2.254")
    try:
        server = start_server({"tunnel": tunnel})
        assert (words in server.err) == doubt == ("1016 CONFIG_DOUBTFUL" in server.err), server.err
        conf = tmp_path / "c.conf"
        conf.write_text("[tunnel]\n" + "".join(f"{k} = {v}\n" for k, v in tunnel.items()))
        code, out, err = program.run(binary, "config", "check", "--config", conf, host=net.srv,
                                     check=False)
        assert (words in out + err) == doubt and code == 0, out + err
        assert server.stop() == 0
    finally:
        net.srv.ip(f"route del {route} via 192.0.2.254")


def test_a_reload_refuses_a_pool_that_a_restart_would_refuse(net, start_server, binary, state):
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24"}})
    path = f"{state}.conf"
    with open(path, "a") as f:
        f.write("pools = a=192.0.2.0/26\n" if open(path).read().rstrip().endswith("/24")
                else "[tunnel]\npools = a=192.0.2.0/26\n")
    code, _, err = program.run(binary, "reload", "--state", state, host=net.srv, check=False)
    assert code == 1 and "192.0.2.1 is in use" in err, err
    assert server.running()


@pytest.mark.parametrize("address, words", [
    ("10.77.0.0", "the network's own address"),
    ("10.77.0.1", "the server's own address"),
    ("10.77.0.255", "the broadcast address"),
    ("10.78.0.1", "the server's own address"),
    ("224.0.0.5", "is multicast"),
    ("192.0.2.1", "is in use (eth0)"),
])
def test_a_users_address_that_leads_nowhere_is_refused(net, start_server, state, binary, address,
                                                       words):
    start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "pools": "staff=10.78.0.0/24"}})
    for by in ("the running server", "the configuration"):
        where = ("--state", state) if by == "the running server" else ("--config", f"{state}.conf",
                                                                       "--state", state)
        for command in (("address", USER, address),
                        ("add", "new", "--address", address, "--password-stdin")):
            code, _, err = program.run(binary, "user", *command, *where, host=net.srv, check=False,
                                       stdin="x\n")
            assert code == 1 and words in err, err
    good = program.run(binary, "user", "address", USER, "10.78.0.9", "--state", state,
                       host=net.srv)
    assert "warning" not in good[2]


def test_a_pool_that_is_not_there_is_refused_where_it_is_named(net, start_server, state, binary):
    config = {"tunnel": {"ipv4_pool": "10.77.0.0/24", "pools": "staff=10.78.0.0/24"}}
    server = start_server(config)
    for _ in range(2):  # by the running server, then by the file
        code, _, err = program.run(binary, "user", "pool", USER, "stuff", "--state", state,
                                   "--config", f"{state}.conf", check=False)
        assert code == 1 and "staff=10.78.0.0/24" in err, err
        user(binary, state, "pool", USER, "staff", "--config", f"{state}.conf")
        if server.running():
            server.stop()
    _, _, err = user(binary, state, "pool", USER, "stuff")
    assert "warning" in err, "neither a server nor a file is known"


def test_an_address_of_the_hosts_that_stands_in_the_database_is_not_given(net, start_server, state,
                                                                          connect):
    with sqlite3.connect(f"{state}/culvert.db") as db:
        db.execute("UPDATE users SET ipv4 = ?", (bytes([10, 77, 0, 1]),))
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24"}})
    client = connect("--no-default-route", "--no-dns", wait=False)
    assert client.wait_exit() == 19
    server.wait_log("LEASE_ADDRESS_UNUSABLE")
    assert "Your address cannot be given" in client.err


def test_an_address_of_another_user_is_refused_with_the_name(state, binary):
    program.add_user(binary, state, "bob", PASSWORD)
    user(binary, state, "address", "bob", "10.77.0.9")
    code, _, err = user(binary, state, "address", USER, "10.77.0.9", check=False)
    assert code == 1 and '10.77.0.9 is that of "bob"' in err, err


def test_leases_are_listed_and_freed(net, start_server, state, connect, binary):
    program.add_user(binary, state, "bob", PASSWORD)
    user(binary, state, "pool", "bob", "staff")
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "pools": "staff=10.78.0.0/28"}})
    conf = f"{state}.conf"

    def pools(*extra):
        out = program.run(binary, "pool", "list", "--json", *extra, "--config", conf, "--state", state)[1]
        return {p["name"]: p for p in json.loads(out)}
    alice = connect("--no-default-route", "--no-dns")
    bob = connect("--no-default-route", "--no-dns", user="bob", tun="cv-two")
    found = pools()
    assert list(found) == ["default", "staff"]
    assert found["staff"]["ranges"] == ["10.78.0.0/28"] and found["staff"]["addresses"] == 13
    assert [(x["address"], x["user"], x["used"]) for x in found["staff"]["leases"]] == [
        (bob.address, "bob", True)]
    assert (found["default"]["used"], found["default"]["idle"], found["default"]["free"]) == (1, 0, 252)
    code, _, err = program.run(binary, "pool", "free", alice.address, "--state", state, check=False)
    assert code == 1 and "event 6154" in err, err
    assert alice.stop() == 0
    wait_for(lambda: pools()["default"]["idle"] == 1, 30, "an idle lease")
    assert USER in program.run(binary, "pool", "list", "default", "--config", conf, "--state", state)[1]
    assert "1 lease freed" in program.run(binary, "pool", "free", USER, "--state", state)[1]
    assert pools()["default"]["idle"] == 0
    code, _, err = program.run(binary, "pool", "free", "10.77.0.200", "--state", state, check=False)
    assert code == 1 and "event 6155" in err, err
    code, _, err = program.run(binary, "pool", "list", "nothing", "--state", state, check=False)
    assert code == 1 and "event 6119" in err, err
    assert pools("staff").keys() == {"staff"}
    assert server.running()


def test_a_groups_pool_of_several_ranges_without_what_is_excluded(net, start_server, state, connect,
                                                                  binary):
    """Two ranges of one address each, then none is left; the server's own stays its own in both."""
    program.add_user(binary, state, "bob", PASSWORD)
    program.run(binary, "group", "add", "crew", "--state", state)
    for name in (USER, "bob"):
        user(binary, state, "set", name, "groups=crew")
    start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "pools": "staff=10.78.0.0/30+10.79.0.0/29",
                             "pool_exclude": "10.79.0.2-10.79.0.4 10.79.0.6/32"}})
    program.run(binary, "group", "set", "crew", "pool=staff", "--state", state, host=net.srv)
    one = connect("--no-default-route", "--no-dns")
    two = connect("--no-default-route", "--no-dns", user="bob", tun="cv-two")
    assert [one.address, two.address] == ["10.78.0.2", "10.79.0.5"]
    third = connect("--no-default-route", "--no-dns", tun="cv-three", wait=False)
    assert third.wait_exit() != 0
    out = program.run(binary, "pool", "list", "--json", "--config", f"{state}.conf", "--state",
                      state)[1]
    assert json.loads(out)[1]["ranges"] == ["10.78.0.0/30", "10.79.0.0/29"]


@pytest.mark.parametrize("excluded", ["10.77.0.9-10.77.0.2", "10.77.0.9-", "fd00::/64", "staff", "10.77.0.300"])
def test_exclusions_that_make_no_sense_are_refused(net, start_server, excluded):
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "pool_exclude": excluded}}, ready=False)
    assert server.wait_exit() == 2
    assert "pool_exclude" in server.err
