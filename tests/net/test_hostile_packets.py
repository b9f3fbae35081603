# SPDX-License-Identifier: Apache-2.0
"""
Packets that a stranger who may log in sends into the tunnel, from either end. None of them may get
to the kernel behind the TUN, whatever its switches say and without a packet filter.

    cli (Tunnel, or culvert connect) ==tunnel== srv (culvert serve, or HostileServer)
"""

import socket
import struct

import pytest

from harness import sstp
from harness.hostile import HostileServer
from harness.host import wait_for
from harness.program import PASSWORD, USER

PADN = b"\x01\x04" + bytes(4)  # in a header of eight octets
RA = sstp.advertisement("2001:db8:bad::")
FOREIGN = "fe80::bad"
REDIRECT4 = struct.pack(">BBHI", 5, 1, 0, 0x0A090007) + bytes(28)
REDIRECT6 = bytes([137]) + bytes(39)


def header(next_header, rest=PADN):
    return bytes([next_header, 0]) + rest


def fragment(next_header, offset=0, more=0, ident=7):
    return struct.pack(">BBHI", next_header, 0, offset | more, ident)


def discoveries(me, to):
    """Router advertisements and redirects in every disguise, from `me` and from a stranger."""
    chains = [(58, b""), (0, header(58)), (60, header(58)), (44, fragment(58)),
              (43, header(58, bytes(6))), (0, header(60) + header(58)),
              (0, header(44) + fragment(58)), (60, header(44) + fragment(60) + header(58)),
              (60, (header(60) * 2)[:8] + header(58)), (51, header(58, bytes(6)))]
    for source in (me, FOREIGN):
        for first, before in chains:
            for destination in ("ff02::1", to):
                for body in (RA, REDIRECT6):
                    yield sstp.icmpv6(source, destination, body, 255, before, first)
        # in two fragments, cut behind a header and in the middle of the advertisement
        whole = sstp.icmpv6(source, to, RA, 255)[40:]
        for cut, front in ((0, header(58)), (8, b"")):
            piece = front + whole[:cut]
            first = 60 if front else 58
            yield sstp.ipv6(source, to, 44, fragment(first, 0, 1) + piece, 255)
            yield sstp.ipv6(source, to, 44, fragment(first, len(piece)) + whole[cut:], 255)


@pytest.fixture
def router(net):
    """srv is an IPv6 router by itself, as a server with IPv6 is: accept_ra would be 2."""
    net.srv.ip("address add 2001:db8:1::1/64 dev eth0 nodad")
    net.srv.ip("-6 route add default via 2001:db8:1::fe")
    yield net
    net.srv.ip("-6 route del default")
    net.srv.ip("address del 2001:db8:1::1/64 dev eth0")
    net.srv.sysctl("net.ipv6.conf.all.forwarding", 0)


def default_routes(host, tun):
    return [r for r in host.run("ip -6 route show default").splitlines() if tun in r]


@pytest.mark.parametrize("ipv6", ["yes", "no"])
def test_no_client_takes_the_servers_default_route(router, start_server, ipv6):
    net = router
    server = start_server({"ppp": {"ipv6": ipv6}})
    net.srv.run("nft flush ruleset")  # it holds without
    net.srv.run("sysctl -qw net.ipv6.conf.cv-srv.accept_ra=2 net.ipv6.conf.cv-srv.autoconf=1 "
                "net.ipv6.conf.cv-srv.accept_redirects=1")
    t = sstp.Tunnel(net.cli, "192.0.2.1")
    t.wants_ipv6 = ipv6 == "yes"
    t.up(USER, PASSWORD)
    if t.wants_ipv6:
        t.ipv6cp()
    me = sstp.link_local(t.ifid or bytes(7) + b"\x07")
    to = sstp.link_local(t.server_ifid or bytes(7) + b"\x01")
    before = net.srv.packets_received(server.tun)
    for packet in discoveries(me, to):
        t.send_ip(packet)
        t.send_ip(packet, sstp.IPV4)  # IPv6 where IPv4 was agreed on
    t.send_ip(sstp.echo_request(t.address, t.server_address), sstp.IPV6)
    assert t.ping(sequence=2)
    # the later halves of the two advertisements are harmless: their first halves are not there
    arrived = net.srv.packets_received(server.tun) - before - 1
    assert arrived <= (2 if t.wants_ipv6 else 0), f"{arrived} packets got to the kernel"
    assert not default_routes(net.srv, server.tun)
    assert "2001:db8:bad" not in net.srv.run("ip -6 address show dev cv-srv")
    t.close()


def test_an_honest_client_still_has_ipv6(router, start_server):
    net = router
    start_server()
    t = sstp.Tunnel(net.cli, "192.0.2.1")
    t.wants_ipv6 = True
    t.up(USER, PASSWORD).ipv6cp()
    me, gateway = sstp.link_local(t.ifid), sstp.link_local(t.server_ifid)

    def answer(packet, code):
        t.send_ip(packet)
        return t.expect(lambda m: m.protocol == sstp.IPV6 and m.payload[40] == code, 30).payload

    advertised = answer(sstp.icmpv6(me, "ff02::2", bytes([133]) + bytes(7), 255), 134)
    assert advertised[8:24] == socket.inet_pton(socket.AF_INET6, gateway)
    target = socket.inet_pton(socket.AF_INET6, gateway)
    solicit = bytes([135]) + bytes(7) + target
    found = answer(sstp.icmpv6(me, gateway, solicit, 255), 136)
    assert found[44] == 0xE0 and found[48:64] == target
    group = sstp.solicited_node(gateway)
    taken = answer(sstp.icmpv6("::", group, solicit, 255), 136)
    assert taken[24:40] == socket.inet_pton(socket.AF_INET6, "ff02::1") and taken[44] == 0xA0
    echo = struct.pack(">BBHHH", 128, 0, 0, 1, 1)
    assert answer(sstp.icmpv6(me, gateway, echo), 129)
    assert answer(sstp.icmpv6(me, gateway, echo, 64, header(58), 60), 129), "behind options"
    t.close()


def with_options(packet, extra):
    """The IPv4 packet with options in its header."""
    head = bytes([packet[0] + len(extra) // 4]) + packet[1:2]
    head += struct.pack(">H", len(packet) + len(extra)) + packet[4:10] + b"\0\0" + packet[12:20]
    head += extra
    return head[:10] + struct.pack(">H", sstp.checksum(head)) + head[12:] + packet[20:]


def bad_ipv4(me, other):
    """(what, packet) that nobody honest sends; `other` is the far end's address."""
    good = sstp.udp(me, other, 5000, 5001, b"x" * 24)
    yield "loose source route", with_options(good, b"\x83\x07\x04" + bytes([127, 0, 0, 1]) + b"\0")
    yield "strict source route", with_options(good, b"\x89\x07\x04" + bytes([192, 0, 2, 9]) + b"\0")
    yield "behind two that are harmless", with_options(good, b"\1\1\1\1\x83\x07\x04\x0a\0\0\1\0")
    yield "an option without end", with_options(good, b"\x07\x28\x04\0")
    for to in ("127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.1.1.1",
               "169.254.169.254"):
        yield to, sstp.udp(me, to, 5000, 5001, b"x")
    for source in ("127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", other):
        yield f"from {source}", sstp.udp(source, other, 5000, 5001, b"x")
    yield "redirect", sstp.ipv4(me, other, 1, REDIRECT4[:2] + struct.pack(
        ">H", sstp.checksum(REDIRECT4)) + REDIRECT4[4:])
    yield "router advertisement", sstp.ipv4(me, other, 1, bytes([9, 0, 0xF6, 0xFF]) + bytes(4))
    yield "IGMP", sstp.ipv4(me, other, 2, bytes([0x11, 0, 0xEE, 0xFF]) + bytes(4))
    yield "longer than it is", good[:2] + struct.pack(">H", len(good) + 8) + good[4:]
    yield "shorter than its header", good[:2] + struct.pack(">H", 16) + good[4:]
    yield "a header of 16 octets", b"\x44" + good[1:]
    yield "UDP longer than IP", good[:24] + struct.pack(">H", 200) + good[26:]
    yield "a first fragment without TCP's flags", sstp.ipv4(
        me, other, 6, bytes(8))[:6] + b"\x20\0" + sstp.ipv4(me, other, 6, bytes(8))[8:]
    yield "a fragment over TCP's flags", sstp.ipv4(
        me, other, 6, bytes(16))[:6] + b"\0\x01" + sstp.ipv4(me, other, 6, bytes(16))[8:]


def test_a_client_sends_ipv4_to_hosts_and_nothing_else(net, server):
    t = sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD)
    for what, packet in bad_ipv4(t.address, t.server_address):
        before = net.srv.packets_received(server.tun)
        t.send_ip(packet)
        assert t.ping(), what
        assert net.srv.packets_received(server.tun) == before + 1, what
    before = net.srv.packets_received(server.tun)
    padded = sstp.udp(t.address, t.server_address, 5000, 5001, b"x") + bytes(9)
    t.send_ip(padded)
    t.send_ip(with_options(sstp.udp(t.address, t.server_address, 5000, 5001, b"x"), b"\1\1\1\0"))
    assert t.ping()
    assert net.srv.packets_received(server.tun) == before + 3, "padding and padding options pass"
    t.close()


def switches(host, tun):
    names = ("ipv6/{}/accept_ra", "ipv6/{}/accept_redirects", "ipv6/{}/autoconf",
             "ipv4/{}/accept_redirects", "ipv4/{}/secure_redirects", "ipv4/{}/send_redirects",
             "ipv4/{}/accept_source_route")
    return {name: host.run("cat", "/proc/sys/net/" + name.replace("{}", "conf/" + tun))
            for name in names}


def test_the_kernel_learns_nothing_from_either_end(router, start_server, connect):
    server = start_server()
    client = connect("--no-dns")
    server.wait_log("IPV6_ONWARD")  # forwarding is on: accept_ra becomes 2 elsewhere
    for host, tun in ((router.srv, server.tun), (router.cli, client.tun)):
        assert set(switches(host, tun).values()) == {"0"}, switches(host, tun)


# ---- a hostile server ---------------------------------------------------------------------


@pytest.fixture
def hostile(net, tmp_path, connect):
    """hostile(*options) -> (Session after login, Client)"""
    with HostileServer(net.srv, tmp_path) as server:
        def start(*options):
            client = connect("--ca", server.certificate, *options, trust=False, wait=False)
            return server.session(), client
        yield start


@pytest.mark.parametrize("options", [["--no-default-route"], ["--no-default-route", "--no-ipv6"]])
def test_no_server_takes_the_clients_default_route(net, hostile, options):
    session, client = hostile("--no-dns", *options)
    session.wants_ipv6 = "--no-ipv6" not in options
    session.ipcp()
    if session.wants_ipv6:
        session.ipv6cp()
    client.wait_connected()
    net.cli.run("sysctl -qw net.ipv6.conf.cv-cli.accept_ra=2 net.ipv6.conf.cv-cli.autoconf=1")
    me = sstp.link_local(session.ifid or bytes(7) + b"\x07")
    to = sstp.link_local(session.server_ifid or bytes(7) + b"\x01")
    before = net.cli.packets_received(client.tun)
    for packet in discoveries(me, to):
        if packet[6] != 58 or packet[8:24] != socket.inet_pton(socket.AF_INET6, me):
            session.send_ip(packet)
        session.send_ip(packet, sstp.IPV4)
    assert session.ping()
    arrived = net.cli.packets_received(client.tun) - before - 1
    assert arrived <= (2 if session.wants_ipv6 else 0), f"{arrived} packets got to the kernel"
    assert not default_routes(net.cli, client.tun)
    assert "2001:db8:bad" not in net.cli.run("ip -6 address show dev cv-cli")
    assert "2001:db8:bad" not in net.cli.run("ip -6 route")
    session.close()


def test_a_server_sends_ipv4_to_hosts_and_nothing_else(net, hostile):
    session, client = hostile("--no-dns", "--no-default-route", "--no-ipv6")
    session.ipcp()
    client.wait_connected()

    for what, packet in bad_ipv4("10.9.0.1", "10.9.0.2"):
        before = net.cli.packets_received(client.tun)
        session.send_ip(packet)
        assert session.ping(), what
        assert net.cli.packets_received(client.tun) == before + 1, what
    session.close()


# ---- addresses that a server chooses --------------------------------------------------------


def routes(net, tun="cv-cli"):
    return [line.split()[0] for line in net.cli.run(f"ip -4 route show dev {tun}").splitlines()]


def addresses(net, tun="cv-cli"):
    return [line.split()[3] for line in net.cli.run(f"ip -4 -o address show dev {tun}").splitlines()]


def test_a_renegotiation_takes_back_what_it_replaces(net, hostile):
    session, client = hostile("--no-dns", "--no-default-route", "--no-ipv6")
    session.ipcp(own="10.9.0.1", give="10.9.0.2")
    client.wait_connected()
    for n in range(3, 9):
        session.ipcp(own=f"203.0.113.{n}0", give=f"10.9.0.{n}")
        wait_for(lambda: routes(net) == [f"203.0.113.{n}0"], 30, "one route, the last peer's")
        assert addresses(net) == [f"10.9.0.{n}/32"]
    assert session.ping()
    session.close()


PEERS = {"192.0.2.1": "goes there", "198.51.100.1": "gateway", "198.51.100.2": "has it",
         "198.51.100.77": "is in", "169.254.1.1": "no host"}


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_that_stands_for_something_else_gets_no_route(net, hostile, peer):
    session, client = hostile("--no-dns", "--no-default-route", "--no-ipv6")
    session.ipcp(own=peer)
    client.wait_connected()
    assert "CLIENT_ADDRESS_REFUSED" in client.err and PEERS[peer] in client.err, client.story()
    assert routes(net) == []
    session.ipcp(own="10.9.0.1")  # and the call goes on
    wait_for(lambda: routes(net) == ["10.9.0.1"], 30, "the route")
    assert session.ping()
    session.close()


@pytest.mark.parametrize("give", ["192.0.2.1", "198.51.100.1", "198.51.100.2", "169.254.3.3",
                                  "192.0.2.53"])
def test_our_own_address_may_not_be_anothers(net, hostile, give):
    session, client = hostile("--no-default-route", "--no-ipv6")
    session.ipcp(give=give)
    session.expect(lambda m: m.name == "CALL_DISCONNECT")
    session.close()
    assert client.wait_exit() != 0
    assert "7004" in client.err and give in client.err, client.story()
    assert net.cli.ping("198.51.100.1", 1) == 1


def test_name_servers_are_those_that_are_behind_the_tunnel(net, hostile):
    session, client = hostile("--no-default-route", "--no-ipv6")
    before = net.cli.run("cat /etc/resolv.conf")
    session.ipcp(dns=["198.51.100.1", "10.9.0.53"])
    client.wait_connected()
    wait_for(lambda: "10.9.0.53" in net.cli.run("cat /etc/resolv.conf"), 30, "the name server")
    assert "198.51.100.1" not in net.cli.run("cat /etc/resolv.conf")
    session.ipcp(dns=["10.9.0.54"])
    wait_for(lambda: "10.9.0.54" in net.cli.run("cat /etc/resolv.conf"), 30, "the new one")
    assert "10.9.0.53" not in net.cli.run("cat /etc/resolv.conf")
    session.ipcp(dns=["127.0.0.53"], own="10.9.0.9")
    wait_for(lambda: net.cli.run("cat /etc/resolv.conf") == before, 30, "the old ones")
    session.close()


@pytest.mark.parametrize("request_", [[], [(3, bytes(4))], [(3, bytes([10, 9, 0, 2]))],
                                      [(129, bytes([10, 9, 0, 1]))], [(1, bytes(8))],
                                      [(3, bytes([127, 0, 0, 1]))], [(3, bytes([224, 0, 0, 1]))]],
                         ids=["nothing", "0.0.0.0", "ours", "a name server", "IP-Addresses",
                              "loopback", "multicast"])
def test_a_server_needs_no_address_of_its_own(net, hostile, request_):
    session, client = hostile("--no-dns", "--no-ipv6")
    session.ipcp(request=request_)
    client.wait_connected()
    assert client.address == "10.9.0.2"
    assert not routes(net) and "cv-cli" in net.cli.run("ip route get 203.0.113.2")
    s = net.cli.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"through the tunnel", ("203.0.113.2", 7000))
    session.expect(lambda m: m.payload.endswith(b"through the tunnel"), 30)
    s.close()
    session.close()


def test_a_network_on_the_link_has_a_route(net, hostile):
    session, client = hostile("--no-dns", "--no-default-route")
    net.cli.ip("address add 2001:db8:9::2/64 dev eth0 nodad")
    try:
        session.ipcp().ipv6cp()
        client.wait_connected()
        me = sstp.link_local(session.ifid)

        def advertise(*arguments, **named):
            session.send_ip(sstp.icmpv6(me, "ff02::1", sstp.advertisement(*arguments, **named), 255))

        def have(text):
            return text in net.cli.run("ip -6 route show dev cv-cli")
        advertise("2001:db8:9::", lifetime=0)          # the client's own LAN
        advertise("2001::", length=3, lifetime=0)      # half of the world
        advertise("2001:db8:a::", flags=0x40, lifetime=0)  # for addresses, not on the link
        advertise("2001:db8:5::", flags=0x80, lifetime=0)
        wait_for(lambda: have("2001:db8:5::/64"), 30, "the route")
        assert not have("2001:db8:9::/64") and not have("2000::/3") and not have("2001:db8:a::/64")
        for n in range(6, 20):
            advertise(f"2001:db8:{n:x}0::", flags=0x80, lifetime=0)
        advertise("2001:db8:5::", flags=0x80, lifetime=0, valid=0)
        wait_for(lambda: not have("2001:db8:5::/64"), 30, "the end of its route")
        assert net.cli.run("ip -6 route show dev cv-cli").count("2001:db8:") <= 4
        assert "CLIENT_ADDRESS_REFUSED" in client.err
    finally:
        net.cli.ip("address del 2001:db8:9::2/64 dev eth0")
        session.close()


def test_what_was_advertised_ends_by_its_lifetime(net, hostile):
    """... without a further advertisement: address, network on the link, the way to the rest of IPv6."""
    session, client = hostile("--no-dns")
    session.ipcp().ipv6cp()
    client.wait_connected()
    me = sstp.link_local(session.ifid)

    def advertise(*arguments, **named):
        session.send_ip(sstp.icmpv6(me, "ff02::1", sstp.advertisement(*arguments, **named), 255))

    def have(what, text):
        return text in net.cli.run(f"ip -6 {what} show dev cv-cli")

    def everything():
        return "cv-cli" in net.cli.run("ip -6 route get 2001:db8:99::1", check=False)
    advertise("2001:db8:5::", lifetime=4, valid=2**32 - 1)
    wait_for(lambda: have("address", "2001:db8:5:") and everything(), 30, "address and default route")
    wait_for(lambda: not everything(), 30, "the end of the router's lifetime")
    assert have("address", "2001:db8:5:") and have("route", "2001:db8:5::/64"), "infinity is no number"
    advertise("2001:db8:5::", lifetime=1800, valid=4)
    wait_for(everything, 30, "the default route again")
    wait_for(lambda: not have("address", "2001:db8:5:") and not everything()
             and not have("route", "2001:db8:5::/64"), 30, "the end of the prefix's lifetime")
    advertise("2001:db8:5::", valid=3600)
    wait_for(lambda: have("address", "2001:db8:5:") and everything(), 30, "both of them again")
    assert client.stop() == 0, client.story()
    session.close()
