# SPDX-License-Identifier: Apache-2.0
"""
The way to the server changes while everything goes through the tunnel.

    cli eth0 198.51.100.2 --- c0 198.51.100.1 rtr s0 --- srv 192.0.2.1
    cli eth1 100.64.9.2 ----- c1 100.64.9.1   rtr            (a second way, in some tests)
"""

import socket

import pytest

from harness.host import wait_for, wire
from harness.program import SLOW

INNER = "203.0.113.2"  # www, which only the tunnel leads to while it is up


MARK = "0x63760000"  # of the first client's own connection (client/policy.h)


def outer(net, family="-4", server="192.0.2.1"):
    """The way that the tunnel's own connection goes."""
    return net.cli.run(f"ip {family} route get {server} mark {MARK}", check=False)


def ours(net):
    """What a client adds to the machine's routing, in any table."""
    return net.cli.run("ip -N rule") + net.cli.run("ip -N -6 rule") + \
        net.cli.run("ip -N route show table all proto 83")


def works(net, target=INNER):
    wait_for(lambda: net.cli.ping(target, 1, wait=1), SLOW, "the tunnel to work again")


def flap(net, interface="eth0"):
    net.cli.ip(f"link set {interface} down")
    net.cli.ip(f"link set {interface} up")


def test_an_adapter_that_goes_off_and_on(net, server, connect):
    client = connect("--no-dns")
    works(net)
    for _ in range(2):
        flap(net)
        assert "cv-cli" in net.cli.run("ip route get 192.0.2.1"), "else this tests nothing"
        client.wait_log("CLIENT_UPLINK_LOST|7005")
        net.cli.ip("route add default via 198.51.100.1")
        wait_for(lambda: "via 198.51.100.1 dev eth0" in outer(net), SLOW, "the route to the server")
        works(net)
    assert client.running()
    assert client.stop() == 0


def test_only_the_outer_connection_is_kept_out_of_the_tunnel(net, server, connect):
    client = connect("--no-dns")
    works(net)
    sent = lambda: int(net.cli.run("cat /sys/class/net/cv-cli/statistics/tx_packets"))
    net.cli.ip("link set eth0 down")
    before = sent()
    try:
        # TCP repeats itself into the TUN a few times, and each repetition makes no other.
        s = net.cli.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(20):
            s.sendto(b"x", (INNER, 7000))
        s.close()
        wait_for(lambda: sent() >= before + 20, SLOW, "the packets")
        assert sent() < before + 100
    finally:
        net.cli.ip("link set eth0 up")
        net.cli.ip("route add default via 198.51.100.1")
    works(net)
    assert client.stop() == 0


@pytest.fixture
def second_way(net):
    wire(net.rtr, "c1", net.cli, "eth1")
    net.rtr.ip("address add 100.64.9.1/24 dev c1")
    net.cli.ip("address add 100.64.9.2/24 dev eth1")
    net.rtr.ip("address add 198.51.100.3/24 dev c0")
    yield net
    net.rtr.ip("address del 198.51.100.3/24 dev c0")
    net.rtr.ip("link del c1")


def test_another_gateway_and_a_better_route(second_way, server, connect):
    net = second_way
    client = connect("--no-dns")
    works(net)
    net.cli.ip("route replace default via 198.51.100.3")  # as a DHCP renewal does
    wait_for(lambda: "via 198.51.100.3" in outer(net), SLOW, "the new gateway")
    works(net)
    net.cli.ip("route replace default via 198.51.100.1")
    wait_for(lambda: "via 198.51.100.1" in outer(net), SLOW, "the old gateway")
    works(net)
    net.cli.ip("route add 192.0.2.0/24 via 198.51.100.3 metric 50")  # more specific
    wait_for(lambda: "via 198.51.100.3" in outer(net), SLOW, "the better route")
    net.cli.ip("route del 192.0.2.0/24")
    wait_for(lambda: "via 198.51.100.1" in outer(net), SLOW, "the default route")
    works(net)
    assert client.stop() == 0
    assert "proto 83" not in ours(net) and "0x6376" not in ours(net)


def test_a_cable_in_place_of_the_wlan(second_way, server, connect):
    """The address stays valid on the other interface's way: the connection goes on."""
    net = second_way
    client = connect("--no-dns")
    works(net)
    net.rtr.ip("route add 198.51.100.2/32 via 100.64.9.2 dev c1 metric 5")
    net.cli.ip("route replace default via 100.64.9.1")
    try:
        wait_for(lambda: "dev eth1" in outer(net), SLOW, "the other interface")
        works(net)
    finally:
        net.rtr.ip("route del 198.51.100.2/32")
        net.cli.ip("route replace default via 198.51.100.1")
    works(net)
    assert client.stop() == 0


def test_another_address_ends_the_tunnel_and_gives_the_network_back(net, server, connect):
    client = connect("--no-dns")
    works(net)
    net.cli.ip("address flush dev eth0 scope global")
    net.cli.ip("address add 198.51.100.9/24 dev eth0")
    net.cli.ip("route add default via 198.51.100.1")
    try:
        assert client.wait_exit() != 0
        assert "7007" in client.err, client.story()
        assert "proto 83" not in ours(net) and "0x6376" not in ours(net)
    finally:
        net.cli.ip("address flush dev eth0 scope global")
        net.cli.ip("address add 198.51.100.2/24 dev eth0")
        net.cli.ip("route add default via 198.51.100.1")


def test_the_same_address_again_is_no_other(net, server, connect):
    client = connect("--no-dns")
    works(net)
    for _ in range(2):  # as a DHCP client does that starts from the beginning
        net.cli.ip("address flush dev eth0 scope global")
        net.cli.ip("address add 198.51.100.2/24 dev eth0")
        net.cli.ip("route add default via 198.51.100.1")
        works(net)
    assert client.running()
    assert client.stop() == 0


@pytest.fixture
def outer6(net):
    for host, interface, address in ((net.srv, "eth0", "2001:db8:1::1/64"),
                                     (net.rtr, "s0", "2001:db8:1::fe/64"),
                                     (net.rtr, "c0", "2001:db8:3::fe/64"),
                                     (net.cli, "eth0", "2001:db8:3::2/64")):
        host.ip(f"address add {address} dev {interface} nodad")
    net.rtr.sysctl("net.ipv6.conf.all.forwarding", 1)
    net.cli.sysctl("net.ipv6.conf.eth0.keep_addr_on_down", 1)
    net.srv.ip("-6 route add default via 2001:db8:1::fe")
    net.cli.ip("-6 route add default via 2001:db8:3::fe")
    yield net
    for host, interface in ((net.srv, "eth0"), (net.rtr, "s0"), (net.rtr, "c0"), (net.cli, "eth0")):
        host.ip(f"-6 address flush dev {interface} scope global")
    net.srv.run("ip -6 route del default", check=False)
    net.cli.run("ip -6 route del default", check=False)
    net.srv.sysctl("net.ipv6.conf.all.forwarding", 0)


def test_the_outer_connection_is_ipv6(outer6, start_server, connect):
    net = outer6
    start_server({"server": {"workers": 1}}, listen="[2001:db8:1::1]:443")
    client = connect("--no-dns", "--sni", "vpn.example", "--insecure", server="[2001:db8:1::1]",
                     trust=False)
    works(net)
    wait_for(lambda: "cv-cli" in net.cli.run("ip -6 route get 2001:db8:99::1"), SLOW,
             "IPv6 by the tunnel")
    wait_for(lambda: "via 2001:db8:3::fe dev eth0" in outer(net, "-6", "2001:db8:1::1"), SLOW,
             "the route to the server")
    flap(net)
    client.wait_log("CLIENT_UPLINK_LOST|7005")
    net.cli.ip("route add default via 198.51.100.1")
    net.cli.ip("-6 route add default via 2001:db8:3::fe")
    wait_for(lambda: "via 2001:db8:3::fe dev eth0" in outer(net, "-6", "2001:db8:1::1"), SLOW,
             "the route to the server again")
    works(net)
    assert client.stop() == 0
