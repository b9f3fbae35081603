# SPDX-License-Identifier: Apache-2.0
"""
What an IPv6 host learns in its tunnel: routes (RFC 4191), name servers and search list (RFC 8106) by router
advertisement, and the latter by DHCPv6. Each session its own user's; what went is taken back at once.

        cli --- rtr --- srv
"""

import json
import signal
import socket
import struct

import pytest

from harness import sstp
from harness.host import wait_for
from harness.program import PASSWORD, USER, add_user, run


@pytest.fixture
def ask(net, binary, state):
    def call(*words, check=True, **kw):
        return run(binary, *words, "--state", state, host=net.srv, check=check, **kw)
    return call


def log_in(net, user=USER, ifid=b"\0\0\0\0\0\0\0\x07"):
    t = sstp.Tunnel(net.cli, "192.0.2.1")
    t.wants_ipv6 = True
    return t.up(user, PASSWORD).ipv6cp(ifid)


def names(octets):
    found, labels, at = [], [], 0
    while at < len(octets):
        n = octets[at]
        if n:
            labels.append(octets[at + 1:at + 1 + n].decode())
        elif labels:
            found.append(".".join(labels))
            labels = []
        at += 1 + n
    return found


class Learnt:
    """What a host knows after all advertisements so far: lifetimes of zero take away."""

    def __init__(self):
        self.routes, self.dns, self.search, self.count = set(), set(), set(), 0

    def take(self, octets):
        assert len(octets) <= 1280
        body, at = octets[40:], 16
        self.count += 1
        while at < len(body):
            kind, n = body[at], body[at + 1] * 8
            assert n
            o = body[at:at + n]
            at += n
            if kind == 24:
                to = socket.inet_ntop(socket.AF_INET6, o[8:] + bytes(24 - n)) + f"/{o[2]}"
                self._keep(self.routes, [to], struct.unpack(">I", o[4:8])[0])
            elif kind == 25:
                servers = [socket.inet_ntop(socket.AF_INET6, o[i:i + 16]) for i in range(8, n, 16)]
                self._keep(self.dns, servers, struct.unpack(">I", o[4:8])[0])
            elif kind == 31:
                self._keep(self.search, names(o[8:]), struct.unpack(">I", o[4:8])[0])

    @staticmethod
    def _keep(known, items, lifetime):
        for item in items:
            known.add(item) if lifetime else known.discard(item)


def listen(t, learnt, wanted, seconds=30):
    """Reads advertisements until wanted(learnt)."""
    def step():
        octets = t.read_ip(seconds)
        if octets[0] >> 4 == 6 and octets[6] == 58 and octets[40] == 134:
            learnt.take(octets)
        return wanted(learnt)
    wait_for(step, seconds, f"what is wanted; learnt {vars(learnt)}", 0)


def solicit(t):
    source = sstp.link_local(t.ifid)
    t.send_ip(sstp.icmpv6(source, "ff02::2", struct.pack(">BBHI", 133, 0, 0, 0), 255))


def information_request(t, options=(23, 24)):
    """The options of the Reply."""
    source, to = sstp.link_local(t.ifid), "ff02::1:2"
    body = b"\x0b\xab\xcd\xef" + struct.pack(">HH", 6, 2 * len(options)) + struct.pack(
        f">{len(options)}H", *options)
    udp = struct.pack(">HHHH", 546, 547, 8 + len(body), 0) + body
    pseudo = sstp.ipv6(source, to, 17, b"")[8:40] + struct.pack(">II", len(udp), 17)
    total = sstp.checksum(pseudo + udp + b"\0" * (len(udp) % 2))
    t.send_ip(sstp.ipv6(source, to, 17, udp[:6] + struct.pack(">H", total) + udp[8:]))
    while True:
        octets = t.read_ip(15)
        if octets[0] >> 4 == 6 and octets[6] == 17 and octets[42:44] == struct.pack(">H", 546):
            break
    found, at = {}, 52
    while at < len(octets):
        code, n = struct.unpack(">HH", octets[at:at + 4])
        found[code] = octets[at + 4:at + 4 + n]
        at += 4 + n
    return found


def test_routes_servers_and_domains_of_each_user(net, binary, state, start_server, ask, workers):
    add_user(binary, state, "bob", PASSWORD)
    ask("user", "set", USER, "routes=10.9.0.0/16,2001:db8:9::/48,2001:db8:9::7/128",
        "dns=10.9.0.53,2001:db8:9::53", "search=corp.example,lab.example")
    ask("user", "set", "bob", "routes=2001:db8:a::/48", "dns=2001:db8:a::53", "domains=bob.example")
    start_server({"server": {"workers": workers}})
    alice, bob = log_in(net), log_in(net, "bob", b"\0\0\0\0\0\0\0\x08")
    a, b = Learnt(), Learnt()
    solicit(alice)
    solicit(bob)
    listen(alice, a, lambda x: x.count >= 1 and x.routes)
    listen(bob, b, lambda x: x.count >= 1 and x.routes)
    assert a.routes == {"2001:db8:9::/48", "2001:db8:9::7/128"}
    assert a.dns == {"2001:db8:9::53"} and a.search == {"corp.example", "lab.example"}
    assert (b.routes, b.dns, b.search) == ({"2001:db8:a::/48"}, {"2001:db8:a::53"}, {"bob.example"})
    reply = information_request(alice)
    assert reply[23] == socket.inet_pton(socket.AF_INET6, "2001:db8:9::53")
    assert names(reply[24]) == ["corp.example", "lab.example"]
    assert names(information_request(bob)[24]) == ["bob.example"]
    assert 24 not in information_request(bob, (23,)), "unasked"
    alice.close()
    bob.close()


def test_what_changes_is_taken_back_and_given_at_once(net, state, start_server, ask):
    ask("group", "add", "staff", "routes=2001:db8:2::/48")
    ask("user", "set", USER, "groups=staff")
    server = start_server({"tunnel": {"routes": "2001:db8:1::/48", "dns": "2001:db8:1::53"}})
    t, learnt = log_in(net), Learnt()
    listen(t, learnt, lambda x: x.routes == {"2001:db8:2::/48"})
    ask("user", "set", USER, "routes=2001:db8:3::/48,2001:db8:4::/48", "domains=corp.example",
        "dns=2001:db8:3::53")
    listen(t, learnt, lambda x: x.routes == {"2001:db8:3::/48", "2001:db8:4::/48"}
           and x.search == {"corp.example"} and x.dns == {"2001:db8:3::53"})
    ask("user", "set", USER, "routes=2001:db8:4::/48", "domains=", "dns=2001:db8:4::53")
    listen(t, learnt, lambda x: x.routes == {"2001:db8:4::/48"} and not x.search
           and x.dns == {"2001:db8:4::53"})
    ask("user", "set", USER, "routes=", "groups=", "dns=")
    listen(t, learnt, lambda x: x.routes == {"2001:db8:1::/48"} and x.dns == {"2001:db8:1::53"})
    with open(f"{state}.conf") as f:
        text = f.read()
    with open(f"{state}.conf", "w") as f:
        f.write(text.replace("2001:db8:1::", "2001:db8:5::"))
    server.process.send_signal(signal.SIGHUP)
    listen(t, learnt, lambda x: x.routes == {"2001:db8:5::/48"} and x.dns == {"2001:db8:5::53"})
    assert information_request(t)[23] == socket.inet_pton(socket.AF_INET6, "2001:db8:5::53")
    t.close()


def test_more_routes_than_one_packet_holds(net, start_server, ask):
    routes = {f"2001:db8:{i:x}::/48" for i in range(1, 151)}
    ask("user", "set", USER, "routes=" + ",".join(sorted(routes)))
    start_server()
    t, learnt = log_in(net), Learnt()
    listen(t, learnt, lambda x: x.routes == routes)
    assert learnt.count >= 4
    ask("user", "set", USER, "routes=none")
    listen(t, learnt, lambda x: not x.routes)
    t.close()


def test_user_show_says_what_is_learnt(net, start_server, ask):
    ask("group", "add", "staff", "routes=10.9.0.5/16,2001:db8:9::/48")
    ask("user", "set", USER, "groups=staff", "dns=10.9.0.53", "domains=corp.example")
    shown = json.loads(ask("user", "show", USER, "--json")[1])["offered"]
    assert shown["routes"] == {"ipv4": ["10.9.0.0/16"], "ipv6": ["2001:db8:9::/48"], "left_out": 0,
                               "from": "group staff"}
    assert shown["dns"]["ipv4"] == ["10.9.0.53"] and shown["dns"]["from"] == "user"
    assert shown["domain"] == {"value": "corp.example", "from": "user"}
    text = ask("user", "show", USER)[1]
    assert "What the client learns on its link:" in text
    assert "routes            10.9.0.0/16              (group staff; by DHCPINFORM: 121, 249)" in text
    ask("user", "set", USER, "routes=" + ",".join(f"10.9.{i}.0/24" for i in range(40)))
    assert "left out          9 of 40 IPv4 routes" in ask("user", "show", USER)[1]
    assert json.loads(ask("user", "show", USER, "--json")[1])["offered"]["routes"]["left_out"] == 9
    how = ask("user", "show", USER, "--how", "--route", "10.9.0.0/16", check=False)[1]
    assert "-SplitTunneling" in how or "Start the server once" in how


def test_values_are_noted_and_doubted(net, start_server, ask):
    start_server()
    _, _, err = ask("user", "set", USER, "routes=10.9.0.5/16")
    assert 'culvert: routes: "10.9.0.5/16" has bits beyond its length: it is 10.9.0.0/16' in err
    _, _, err = ask("user", "set", USER, "routes=192.0.2.0/24,2001:db8:9::/48")
    assert "warning: routes: this host has no route to 2001:db8:9::/48, so no client reaches it" in err
    code, _, err = ask("user", "set", USER, "routes=10.9.0.0/33", check=False)
    assert code == 2 and 'got "10.9.0.0/33"' in err
    export = ask("user", "export", "--format", "csv")[1]
    assert '"192.0.2.0/24,2001:db8:9::/48"' in export
