# SPDX-License-Identifier: Apache-2.0
"""
The kill switch: what leaves cli on the outer cable is counted there, by another machine's eyes.

    box 10.77.0.2 --- b0 cli eth0 198.51.100.2 --- c0 rtr --- srv         (tests/conftest.py)
"""

import os
import signal
import socket

import pytest

from harness.host import Host, wait_for, wire
from harness.program import SLOW, run


@pytest.fixture
def cable(net):
    """
    Counts leaks. Seen on the cable may be the tunnel's TCP, ARP, neighbour discovery, and MLD, which the
    kernel itself says on a link.
    """
    net.rtr.run("nft", "add table netdev seen; add counter netdev seen leaks;"
                " add chain netdev seen c { type filter hook ingress device c0 priority 0; };"
                " add rule netdev seen c ether type arp accept;"
                " add rule netdev seen c ip daddr 192.0.2.1 tcp dport 443 accept;"
                " add rule netdev seen c icmpv6 type { 133, 135, 136, 131, 143 } accept;"
                " add rule netdev seen c counter name leaks")
    yield lambda: int(net.rtr.run("nft list counter netdev seen leaks").split("packets ")[1].split()[0])
    net.rtr.run("nft delete table netdev seen")


@pytest.fixture
def box(net):
    """A container of this machine: it is routed through the host."""
    box = Host("box")
    wire(net.cli, "b0", box, "eth0")
    net.cli.ip("address add 10.77.0.1/24 dev b0")
    box.ip("address add 10.77.0.2/24 dev eth0")
    box.ip("route add default via 10.77.0.1")
    net.cli.sysctl("net.ipv4.ip_forward", 1)
    yield box
    box.close()
    wait_for(lambda: not net.cli.ok("ip link show b0"), SLOW, "the box to go")
    net.cli.sysctl("net.ipv4.ip_forward", 0)


@pytest.fixture
def unlock(net, binary):
    yield lambda: run(binary, "unlock", host=net.cli)[1]
    run(binary, "unlock", host=net.cli)


def talk(host):
    """What programs say all the time: UDP, DNS, TCP, IPv6, ping; none waits for an answer."""
    for family, to in ((socket.AF_INET, "203.0.113.2"), (socket.AF_INET, "192.0.2.53"),
                       (socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8:9::9")):
        for port in (53, 7000):
            s = host.socket(family, socket.SOCK_DGRAM)
            try:
                s.sendto(b"in the clear?", (to, port))
            except OSError:
                pass  # refused here: that is no leak
            s.close()
        s = host.socket(family, socket.SOCK_STREAM)
        s.setblocking(False)
        try:
            s.connect((to, 443 if to != "192.0.2.1" else 80))
        except OSError:
            pass
        s.close()


@pytest.fixture
def outer6(net):
    net.cli.ip("address add 2001:db8:9::2/64 dev eth0 nodad")
    yield
    net.cli.ip("address del 2001:db8:9::2/64 dev eth0")


def test_nothing_leaves_in_the_clear(net, start_server, connect, cable, box, outer6, unlock):
    talk(net.cli)
    talk(box)
    assert cable() > 0, "else this counts nothing"
    server = start_server()
    client = connect("--lock", once=False)
    before = cable()
    assert net.cli.ping("203.0.113.2", 2) == 2, "the tunnel carries"
    talk(net.cli)
    talk(box)
    net.cli.run("ss -K dst 192.0.2.1 dport = 443")  # a reconnect
    talk(net.cli)
    talk(box)
    wait_for(lambda: client.out.count("connected") >= 2, SLOW, f"the tunnel\n{client.story()}")
    assert server.stop() == 0  # it waits
    wait_for(lambda: "TCP_REFUSED" in client.err, SLOW, "a refused attempt")
    talk(net.cli)
    talk(box)
    client.stop(signal.SIGKILL)  # it is dead
    talk(net.cli)
    talk(box)
    assert cable() == before, "packets in the clear"
    start_server()
    connect("--lock", once=False).stop()  # it starts, and ends, with the lock in force
    talk(net.cli)
    talk(box)
    assert cable() == before, "packets in the clear"
    assert "unlocked" in unlock()
    talk(net.cli)
    assert cable() > before
    assert "no lock" in unlock()


def test_the_lock_is_kept_for_the_next_boot(net, server, connect, unlock):
    client = connect("--lock")
    file = f"{net.cli.root}/etc/culvert/lock.nft"
    assert client.stop() == 0
    net.cli.run("nft flush ruleset")  # as a boot does
    net.cli.run("nft -f /etc/culvert/lock.nft")
    net.cli.run("nft -f /etc/culvert/lock.nft")  # twice does no harm
    assert "policy drop" in net.cli.run("nft list table inet culvert_lock")
    unlock()
    assert not os.path.exists(file)
    assert "culvert_lock" not in net.cli.run("nft list ruleset")


def test_the_local_network_by_request(net, server, connect, box, unlock):
    client = connect("--lock")
    assert net.cli.ping("10.77.0.2", 1, wait=1) == 0
    assert client.stop() == 0
    client = connect("--lock", "--lock-lan")
    assert net.cli.ping("10.77.0.2", 1) == 1
    assert client.stop() == 0


def test_the_servers_name_is_asked_beside_the_tunnel(net, start_server, connect, cable, unlock):
    """The hosts file has it here: no question leaves. A name that is nowhere is asked, marked."""
    start_server()
    client = connect("--lock", server="nowhere.test", wait=False)
    assert client.wait_exit(60) == 10, client.story()
    rules = net.cli.run("nft list table inet culvert_lock")
    assert "counter packets 0" not in rules.split("meta mark")[1].splitlines()[0], rules
