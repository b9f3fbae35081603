# SPDX-License-Identifier: Apache-2.0
"""
What a server pushes for a split tunnel (routes, name servers, domains), and what a hostile one may not.

    cli  eth0 198.51.100.2/24, gateway 198.51.100.1   ==tunnel==   srv (HostileServer, 10.9.0.1)

The server answers DHCPINFORM as harness/dhcp_server.py does, and sends advertisements with routes.
"""

import json
import socket

import pytest

from harness import dhcp_server as dhcp
from harness.dhcp_server import Responder
from harness.hostile import HostileServer
from harness.host import wait_for
from harness.program import PASSWORD, SLOW, USER, run

STRANGER, STRANGER6 = "203.0.113.2", "2001:db8:77::1"


@pytest.fixture
def pushing(net, tmp_path, connect):
    """pushing(*options, ipv6=False, dns=(), **pushes) -> (Responder, Client); `pushes`: None is silence."""
    with HostileServer(net.srv, tmp_path) as server:
        open_ = []

        def start(*options, ipv6=False, dns=(), silent=False, **pushes):
            if not ipv6:
                options = ("--no-ipv6", *options)
            client = connect("--ca", server.certificate, *options, trust=False, wait=False)
            session = server.session()
            session.wants_ipv6 = ipv6
            session.ipcp(dns=dns)
            if ipv6:
                session.ipv6cp()
            r = Responder(session, **pushes)
            if silent:
                r.pushes = None
            open_.append(r)
            client.wait_connected()
            return r, client
        yield start
        for r in open_:
            r.close()


def way(net, to):
    """The interface that the kernel sends to `to` by."""
    out = net.cli.run(f"ip route get {to}", check=False)
    return out.split(" dev ")[1].split()[0] if " dev " in out else out.split()[0] if out else ""


def tunnelled(net, *addresses):
    return [way(net, a) == "cv-cli" for a in addresses]


def followed(net, *addresses):
    """Waits until all of these go through the tunnel, and the rest of the Internet does not."""
    wait_for(lambda: all(tunnelled(net, *addresses)) and not any(tunnelled(net, STRANGER)), SLOW,
             "the pushed routes")


def test_pushed_routes_stand_in_the_place_of_everything(net, pushing):
    r, client = pushing(routes=["10.9.0.0/16", "172.30.1.0/24", "10.10.10.10/32"])
    followed(net, "10.9.3.4", "172.30.1.9", "10.10.10.10")
    assert not any(tunnelled(net, "10.10.10.11", "172.30.2.1"))
    assert "split tunnel, as the server pushes: 10.9.0.0/16 172.30.1.0/24 10.10.10.10/32" in client.out
    xid, address, options = r.asked[0]
    assert address == "10.9.0.2" and set(options[55]) >= {6, 15, 119, 121, 249}
    s = net.cli.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"for the inside", ("10.9.3.4", 7000))
    wait_for(lambda: any(p.endswith(b"for the inside") for p in r.packets), SLOW, "the packet")
    s.close()
    assert client.stop() == 0
    assert not any(tunnelled(net, "10.9.3.4"))


@pytest.mark.parametrize("codes", [(121,), (249,), (249, 121)])
def test_either_option_will_do(net, pushing, codes):
    pushing(routes=["10.9.0.0/16"], codes=codes)
    followed(net, "10.9.3.4")


def test_121_goes_before_249(net, pushing):
    raw = dhcp.option(249, dhcp.classless(["10.20.0.0/16"], "10.9.0.1"))
    pushing(raw=raw, routes=["10.9.0.0/16"], codes=(121,))
    followed(net, "10.9.3.4")
    assert not any(tunnelled(net, "10.20.0.1"))


WORDS = {"--all": True, "--no-pushed-routes": True, "--lock": True, "--no-default-route": False,
         "--route 10.77.0.0/16": False}


@pytest.mark.parametrize("words", WORDS)
def test_what_the_user_says_goes_first(net, pushing, binary, words):
    try:
        r, client = pushing(*words.split(), "-v", routes=["10.9.0.0/16"])
        wait_for(lambda: "pushed    1 routes" in client.err, SLOW, "the answer")
        assert r.asked
        assert tunnelled(net, STRANGER) == [WORDS[words]]
        assert tunnelled(net, "10.9.3.4") == ["--route" not in words]
        assert "split tunnel" not in client.out
    finally:
        net.cli.run(binary, "unlock", check=False)


def test_no_route_keeps_everything_in_the_tunnel(net, pushing):
    """... and so do silence and nonsense."""
    for pushes in ({"domain": "corp.example"}, {"silent": True}, {"raw": b"\x79\x05\x21\x0a\x09\0\0"},
                   {"raw": b"\x79\xff\x18\x0a"}):
        r, client = pushing(**pushes)
        wait_for(lambda: r.asked, SLOW, "the question")
        assert all(tunnelled(net, STRANGER, "10.9.3.4")), pushes
        assert client.stop() == 0
        r.close()


HOSTILE = {
    "the default route": ["0.0.0.0/0"],
    "two halves": ["0.0.0.0/1", "128.0.0.0/1"],
    "four quarters": ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"],
    "a half and two quarters": ["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2"],
    "the server": ["192.0.2.1/32"],
    "the server's network": ["192.0.2.0/24"],
    "the local network": ["198.51.100.0/24"],
    "halves of the local network": ["198.51.100.0/25", "198.51.100.128/25"],
    "a host of the local network": ["198.51.100.77/32"],
    "more than the local network": ["198.51.96.0/20"],
    "the gateway": ["198.51.100.1/32"],
    "loopback": ["127.0.0.0/8"],
    "link-local": ["169.254.169.254/32"],
    "multicast": ["224.0.0.0/4"],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_server_takes_nothing_that_is_not_its_own(net, pushing, what):
    """10.9.0.0/16 beside it shows that the answer was taken; the rest stays as without a tunnel."""
    before = [way(net, a) for a in (STRANGER, "192.0.2.77", "198.51.100.77", "198.51.100.1", "8.8.8.8",
                                    "127.0.0.1", "200.1.2.3", "100.1.2.3", "66.1.2.3")]
    r, client = pushing("--no-default-route", routes=["10.9.0.0/16", *HOSTILE[what]])
    wait_for(lambda: all(tunnelled(net, "10.9.3.4")), SLOW, "the answer")
    client.wait_log("7040 CLIENT_PUSHED_REFUSED")
    assert client.err.count("CLIENT_PUSHED_REFUSED") == len(HOSTILE[what])
    assert [way(net, a) for a in (STRANGER, "192.0.2.77", "198.51.100.77", "198.51.100.1", "8.8.8.8",
                                  "127.0.0.1", "200.1.2.3", "100.1.2.3", "66.1.2.3")] == before
    assert "--accept-routes" in client.err or "reason=" in client.err
    assert net.cli.ping("198.51.100.1", 1) == 1


def test_the_user_may_accept_it(net, pushing):
    r, client = pushing("--accept-routes", routes=["0.0.0.0/1", "128.0.0.0/1", "198.51.100.0/25",
                                                   "127.0.0.0/8"])
    wait_for(lambda: "split tunnel" in client.out, SLOW, "the answer")
    assert all(tunnelled(net, STRANGER, "8.8.8.8", "198.51.100.77"))
    assert way(net, "127.0.0.1") == "lo"
    assert client.err.count("CLIENT_PUSHED_REFUSED") == 1, client.err
    assert net.cli.run("ip rule").count("lookup") < 30


def test_excluded_networks_stay_out(net, pushing):
    r, client = pushing("--exclude", "10.9.64.0/18", "--accept-routes",
                        routes=["10.9.0.0/16", "10.9.64.0/24", "10.9.127.7/32"])
    followed(net, "10.9.3.4")
    assert not any(tunnelled(net, "10.9.64.9", "10.9.127.7", "10.9.100.1"))
    assert client.err.count("--exclude keeps it out") == 2


def test_many_routes_are_bounded(net, pushing):
    r, client = pushing(routes=[f"10.{n}.0.0/16" for n in range(150)], codes=(121,))
    followed(net, "10.9.3.4", "10.127.3.4")
    client.wait_log("too many")
    assert net.cli.run("ip rule").count("lookup") <= 2 * 128 + 8
    assert client.stop() == 0


def test_a_new_answer_replaces_the_old_one(net, pushing, connect):
    """The session goes: the routes stay for the next one, and change with its answer."""
    r, client = pushing("-v", routes=["10.9.0.0/16", "10.10.0.0/16"], ipv6=True)
    followed(net, "10.9.3.4", "10.10.3.4")
    r.pushes = {"routes": ["10.10.0.0/16", "10.11.0.0/16"]}
    asked = len(r.asked)
    r.advertise(dhcp.prefix_information("2001:db8:5::/64"))
    wait_for(lambda: len(r.asked) > asked, SLOW, "the next question")
    followed(net, "10.10.3.4", "10.11.3.4")
    wait_for(lambda: not any(tunnelled(net, "10.9.3.4")), SLOW, "the end of the old route")
    r.pushes = {}
    asked = len(r.asked)
    r.advertise(dhcp.prefix_information("2001:db8:5::/64"))
    wait_for(lambda: all(tunnelled(net, STRANGER, "10.9.3.4")), SLOW, "everything again")
    assert "everything goes through the tunnel again" in client.out
    assert client.stop() == 0
    assert not any(tunnelled(net, STRANGER, "10.10.3.4"))


def test_nothing_is_pushed_after_a_reconnect(net, tmp_path, connect):
    """The routes stay over the loss, and go when the server of the next session has no answer."""
    with HostileServer(net.srv, tmp_path) as server:
        client = connect("--ca", server.certificate, "--no-ipv6", trust=False, wait=False, once=False)
        session = server.session()
        session.wants_ipv6 = False
        r = Responder(session.ipcp(), routes=["10.9.0.0/16"])
        followed(net, "10.9.3.4")
        r.close()
        session = server.session()
        assert all(tunnelled(net, "10.9.3.4")), "in between nothing goes beside the tunnel"
        session.wants_ipv6 = False
        r = Responder(session.ipcp())
        r.pushes = None
        wait_for(lambda: all(tunnelled(net, STRANGER)), 60, "everything again")
        assert client.stop() == 0
        r.close()


def test_a_network_that_the_machine_comes_into_is_given_back(net, pushing):
    r, client = pushing(routes=["10.9.0.0/16", "10.10.0.0/16"])
    followed(net, "10.9.3.4", "10.10.3.4")
    net.cli.ip("address add 10.10.3.1/24 dev eth0")
    try:
        wait_for(lambda: not any(tunnelled(net, "10.10.99.1")), SLOW, "the route to go")
        assert "10.10.0.0/16" in client.err and "10.10.3" in client.err
    finally:
        net.cli.ip("address del 10.10.3.1/24 dev eth0")
    followed(net, "10.9.3.4", "10.10.3.4")


# ---- names ---------------------------------------------------------------------


def resolv(net):
    return net.cli.run("cat /etc/resolv.conf") + "\n"


def test_name_servers_and_domains_are_used(net, pushing):
    before = resolv(net)
    r, client = pushing(routes=["10.9.0.0/16"], dns=["10.9.0.53"], domain="corp.example",
                        search=["lab.example", "corp.example"])
    wait_for(lambda: "nameserver 10.9.0.53" in resolv(net), SLOW, "the name server")
    wait_for(lambda: "search corp.example lab.example\n" in resolv(net), SLOW, "the domains")
    assert client.stop() == 0
    assert resolv(net) == before


DNS = {
    "behind no pushed route": ({"dns": ["10.99.0.53"], "domain": "corp.example"}, "10.99.0.53"),
    "in the local network": ({"dns": ["198.51.100.53"], "domain": "corp.example"}, "198.51.100.53"),
    "loopback": ({"dns": ["127.0.0.53"], "domain": "corp.example"}, "127.0.0.53"),
    "the root": ({"dns": ["10.9.0.53"], "search": ["."]}, "10.9.0.53"),
    "an empty domain": ({"dns": ["10.9.0.53"], "domain": "."}, "10.9.0.53"),
    "one label": ({"dns": ["10.9.0.53"], "domain": "example"}, "10.9.0.53"),
    "a line break": ({"dns": ["10.9.0.53"], "domain": "a.example\nnameserver 6.6.6.6"}, "10.9.0.53"),
    "no domain": ({"dns": ["10.9.0.53"]}, "10.9.0.53"),
}


@pytest.mark.parametrize("what", DNS)
def test_a_hostile_server_takes_no_names_that_are_not_its_own(net, pushing, what):
    pushes, address = DNS[what]
    before = resolv(net)
    r, client = pushing(routes=["10.9.0.0/16"], **pushes)
    followed(net, "10.9.3.4")
    client.wait_log("CLIENT_PUSHED_REFUSED|CLIENT_ADDRESS_REFUSED")
    wait_for(lambda: address not in resolv(net), SLOW, "the resolver as before")
    assert "6.6.6.6" not in resolv(net) and "search example" not in resolv(net)
    assert client.stop() == 0
    assert resolv(net) == before


def test_the_users_domains_and_no_dns_go_first(net, pushing):
    r, client = pushing("--dns-domain", "mine.example", routes=["10.9.0.0/16"], dns=["10.9.0.53"],
                        domain="corp.example")
    followed(net, "10.9.3.4")
    wait_for(lambda: "search mine.example\n" in resolv(net), SLOW, "the user's domain")
    assert client.stop() == 0
    r.close()
    before = resolv(net)
    r, client = pushing("--no-dns", routes=["10.9.0.0/16"], dns=["10.9.0.53"], domain="corp.example")
    followed(net, "10.9.3.4")
    assert resolv(net) == before


# ---- IPv6 ---------------------------------------------------------------------


PREFIX = dhcp.prefix_information("2001:db8:5::/64")


@pytest.fixture
def outer6(net):
    net.cli.ip("address add 2001:db8:9::2/64 dev eth0 nodad")
    net.cli.ip("route add default via 2001:db8:9::1 dev eth0")
    yield
    net.cli.ip("route del default via 2001:db8:9::1 dev eth0")
    net.cli.ip("address del 2001:db8:9::2/64 dev eth0")


def test_ipv6_routes_by_advertisement(net, pushing, outer6):
    r, client = pushing(ipv6=True)
    r.advertise(PREFIX, dhcp.route_information("2001:db8:a::/48"), dhcp.route_information("fd00:b::/56"),
                lifetime=1800)
    followed(net, "2001:db8:a::1", "fd00:b::7")
    assert not any(tunnelled(net, STRANGER6, "fd00:c::7"))
    r.advertise(PREFIX, dhcp.route_information("2001:db8:a::/48", lifetime=0), lifetime=1800)
    wait_for(lambda: not any(tunnelled(net, "2001:db8:a::1")), SLOW, "the end of the route")
    assert all(tunnelled(net, "fd00:b::7"))
    r.advertise(PREFIX, dhcp.route_information("fd00:b::/56", lifetime=2), lifetime=1800)
    wait_for(lambda: all(tunnelled(net, STRANGER, STRANGER6)), SLOW, "the end of its lifetime")
    assert client.stop() == 0
    assert not any(tunnelled(net, STRANGER6))


HOSTILE6 = {
    "the default route": ["::/0"],
    "two halves": ["::/1", "8000::/1"],
    "all that is global": ["2000::/3"],
    "the local network": ["2001:db8:9::/64"],
    "a host of it": ["2001:db8:9::77/128"],
    "more than it": ["2001:db8::/32"],
    "the gateway": ["2001:db8:9::1/128"],
    "link-local": ["fe80::/10"],
    "multicast": ["ff00::/8"],
    "IPv4-mapped": ["::ffff:0:0/96"],
}


@pytest.mark.parametrize("what", HOSTILE6)
def test_a_hostile_server_takes_no_ipv6_either(net, pushing, outer6, what):
    """... with a router lifetime as well: an advertised default route is none in a split tunnel."""
    addresses = ("2001:db8:9::77", "2001:db8:9::1", STRANGER6, "2600::1", "fd77::1")
    before = [way(net, a) for a in addresses]
    r, client = pushing("--no-default-route", ipv6=True)
    r.advertise(PREFIX, dhcp.route_information("fd00:b::/56"),
                *[dhcp.route_information(n) for n in HOSTILE6[what]], lifetime=1800)
    wait_for(lambda: all(tunnelled(net, "fd00:b::7")), SLOW, "the route")
    assert client.err.count("CLIENT_PUSHED_REFUSED") == len(HOSTILE6[what]), client.err
    assert [way(net, a) for a in addresses] == before


def test_name_servers_and_domains_by_advertisement(net, pushing, outer6):
    r, client = pushing(ipv6=True)
    before = resolv(net)
    r.advertise(PREFIX, dhcp.route_information("fd00:b::/56"), dhcp.name_servers("fd00:b::53", "fd00:c::53"),
                dhcp.search_list("corp.example", "com", "lab.example"))
    wait_for(lambda: "nameserver fd00:b::53" in resolv(net), SLOW, "the name server")
    assert "search corp.example lab.example\n" in resolv(net) and "fd00:c::53" not in resolv(net)
    r.advertise(PREFIX, dhcp.name_servers("fd00:b::53", "fd00:c::53", lifetime=0))
    wait_for(lambda: resolv(net) == before, SLOW, "its end")


def test_with_the_kill_switch_nothing_is_split(net, pushing, outer6, binary):
    """Everything stays in the tunnel, whatever is pushed; what IPv6 the server does not take goes nowhere."""
    try:
        r, client = pushing("--lock", "--no-ipv6", "-v", routes=["10.9.0.0/16"])
        wait_for(lambda: "pushed    1 routes" in client.err, SLOW, "the answer")
        assert all(tunnelled(net, STRANGER, "10.9.3.4"))
        s = net.cli.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        with pytest.raises(OSError):
            s.sendto(b"beside", (STRANGER6, 7000))
        s.close()
        r.close()
        client.stop()
        r, client = pushing("--lock", "--no-default-route", routes=["10.9.0.0/16"])
        wait_for(lambda: all(tunnelled(net, "10.9.3.4")), SLOW, "the route")
        s = net.cli.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with pytest.raises(OSError):
            s.sendto(b"beside", (STRANGER, 7000))
        s.close()
    finally:
        net.cli.run(binary, "unlock", check=False)


# ---- diagnose ---------------------------------------------------------------------


PUSHES = {
    "PROBE_PUSHED_REFUSED": {"routes": ["0.0.0.0/1", "128.0.0.0/1"]},
    "PROBE_PUSHED_OVERLAP": {"routes": ["198.51.100.0/24"]},
    "PROBE_PUSHED_DNS_OUTSIDE": {"routes": ["10.9.0.0/16"], "dns": ["10.99.0.53"],
                                 "domain": "corp.example"},
    "PROBE_PUSHED_DNS_UNKNOWN": {"routes": ["10.9.0.0/16"], "dns": ["10.9.0.53"],
                                 "domain": "corp.example"},
    None: {"routes": ["10.9.0.0/16"]},
}


@pytest.mark.parametrize("name", PUSHES)
def test_diagnose_judges_what_is_pushed(net, tmp_path, binary, name):
    open_ = []

    def behave(session):
        session.wants_ipv6 = False
        open_.append(Responder(session.ipcp(), **PUSHES[name]))
    (tmp_path / "password").write_text(PASSWORD + "\n")
    with HostileServer(net.srv, tmp_path) as server:
        server.serve(behave)
        out = net.cli.run(binary, "diagnose", f"{USER}@vpn.example", "--ca", server.certificate,
                          "--password-file", str(tmp_path / "password"), "--timeout", "3", "--json",
                          check=False, timeout=120)
    for r in open_:
        r.close()
    report = json.loads(out)
    found = {f["name"]: f for f in report["findings"] if "PUSHED" in f["name"]}
    assert set(found) == ({name} if name else set()), found
    facts = [f["value"] for p in report["probes"] for f in p["facts"] if f["name"] == "pushed"]
    if "10.9.0.0/16" in PUSHES[name]["routes"]:
        assert any("10.9.0.0/16" in f for f in facts), facts


# ---- our own server ---------------------------------------------------------------------


def test_our_own_server_s_client_follows_its_user(net, binary, state, start_server, connect, outer6):
    """What `user set` says is followed, IPv6 with it, and a change of it without a new connection."""
    def set_user(*values):
        run(binary, "user", "set", USER, *values, "--state", state, host=net.srv)
    start_server()
    set_user("routes=10.9.0.0/16,2001:db8:a::/48", "dns=10.9.0.53", "domains=corp.example")
    client = connect()
    followed(net, "10.9.3.4", "2001:db8:a::1")
    assert not any(tunnelled(net, STRANGER6))
    wait_for(lambda: "nameserver 10.9.0.53" in resolv(net), SLOW, "the name server")
    assert "search corp.example\n" in resolv(net)
    set_user("routes=10.10.0.0/16")
    followed(net, "10.10.3.4")
    wait_for(lambda: not any(tunnelled(net, "10.9.3.4", "2001:db8:a::1")), SLOW, "the end of the others")
    assert client.stop() == 0
