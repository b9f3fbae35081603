"""
The congestion control of the outer connection: ours to choose (tunnel/congestion.h), or the user's.

        cli  198.51.100.2 ==== culvert ==== 192.0.2.1  srv
          far ------ linkem: 50 Mbit/s, 20 ms ------ far
"""

import re

from harness import pump
from harness.host import wait_for

SPLIT = ("--no-default-route", "--no-dns", "--no-lanes")


def in_force(host, way):
    """Of all tunnels' connections on this host."""
    out = host.run("ss", "-Htin", "state", "established", way, "=", ":443")
    return set(re.findall(r"^\s+(\w+) ", re.sub(r"^\s+ts ", " ", out, flags=re.MULTILINE),
                          re.MULTILINE)) & {"reno", "cubic", "bbr"}


def both(net):
    return in_force(net.srv, "sport"), in_force(net.cli, "dport")


def test_reno_while_nothing_is_lost_then_bbr(net, far, start_server, connect):
    server = start_server()
    client = connect(*SPLIT)
    assert both(net) == ({"reno"}, {"reno"}), "whatever the system begins with"
    for ends in ((net.cli, net.srv, server.address()), (net.srv, net.cli, client.address)):
        pump.Bulk(*ends, octets=4 << 20).end()
    assert both(net) == ({"reno"}, {"reno"}), "nothing was lost"
    known = net.srv.run("cat", "/proc/sys/net/ipv4/tcp_available_congestion_control").split()
    lossy = {"bbr"} if "bbr" in known else {"reno"}
    far("rate=50mbit delay=10ms queue=100ms loss=2%")
    up = pump.Bulk(net.cli, net.srv, server.address(), octets=8 << 20)
    down = pump.Bulk(net.srv, net.cli, client.address, octets=8 << 20)
    wait_for(lambda: both(net) == (lossy, lossy), 30, f"{lossy} at both ends, not {both(net)}", 0.1)
    up.end()
    down.end()
    assert client.stop() == 0, client.story()


def test_a_lane_has_bbr(net, far, start_server, connect):
    server = start_server()
    client = connect(*SPLIT[:2])
    bulk = pump.Bulk(net.cli, net.srv, server.address(), octets=16 << 20)
    known = net.srv.run("cat", "/proc/sys/net/ipv4/tcp_available_congestion_control").split()
    wanted = {"reno", "bbr"} if "bbr" in known else {"reno"}
    wait_for(lambda: both(net) == (wanted, wanted), 20, f"{wanted} at both ends, not {both(net)}", 0.1)
    bulk.end()
    assert client.stop() == 0, client.story()


def test_a_name_is_kept_whatever_is_lost(net, far, start_server, connect):
    server = start_server({"server": {"congestion": "cubic"}})
    client = connect(*SPLIT, "--congestion", "cubic")
    far("rate=50mbit delay=10ms queue=100ms loss=1%")
    pump.Bulk(net.cli, net.srv, server.address(), octets=2 << 20).end()
    pump.Bulk(net.srv, net.cli, client.address, octets=2 << 20).end()
    assert both(net) == ({"cubic"}, {"cubic"})
    assert client.stop() == 0, client.story()
