"""
The congestion control of the outer connection: ours to choose (tunnel/congestion.h), or the user's.

        cli  198.51.100.2 ==== culvert ==== 192.0.2.1  srv
          far ------ linkem: 50 Mbit/s, 20 ms ------ far
"""

import re

from harness import pump
from harness.host import wait_for

SPLIT = ("--no-default-route", "--no-dns", "--no-lanes")


def connections(host, way):
    """[(congestion control, packets resent)] of all tunnels' connections on this host."""
    out = host.run("ss", "-Htin", "state", "established", way, "=", ":443")
    return sorted((name, int((re.search(r"retrans:\d+/(\d+)", rest) or [0, 0])[1]))
                  for name, rest in re.findall(r"\b(reno|cubic|bbr) (.*)", out))


def both(net):
    return connections(net.srv, "sport"), connections(net.cli, "dport")


def names(ends):
    return [[name for name, _ in end] for end in ends]


def clean(ends):
    """On a busy machine the emulated link may drop something all by itself."""
    return not any(resent for end in ends for _, resent in end)


def bbr_of(host):
    """What stands for it where the kernel has none."""
    known = host.run("cat", "/proc/sys/net/ipv4/tcp_available_congestion_control").split()
    return "bbr" if "bbr" in known else "reno"


def test_reno_while_nothing_is_lost_then_bbr(net, far, start_server, connect):
    server = start_server()
    client = connect(*SPLIT)
    assert names(both(net)) == [["reno"], ["reno"]], "whatever the system begins with"
    for ends in ((net.cli, net.srv, server.address()), (net.srv, net.cli, client.address)):
        pump.Bulk(*ends, octets=4 << 20).end()
        now = both(net)
        assert names(now) == [["reno"], ["reno"]] or not clean(now), now
    lossy = [[bbr_of(net.srv)], [bbr_of(net.cli)]]
    far("rate=50mbit delay=10ms queue=100ms loss=2%")
    up = pump.Bulk(net.cli, net.srv, server.address(), octets=8 << 20)
    down = pump.Bulk(net.srv, net.cli, client.address, octets=8 << 20)
    wait_for(lambda: names(both(net)) == lossy, 30, f"{lossy}, not {both(net)}", 0.1)
    up.end()
    down.end()
    assert client.stop() == 0, client.story()


def test_a_lane_has_bbr(net, far, start_server, connect):
    server = start_server()
    client = connect(*SPLIT[:2])
    bulk = pump.Bulk(net.cli, net.srv, server.address(), octets=16 << 20)
    wait_for(lambda: [len(end) for end in both(net)] == [2, 2], 20, "a lane", 0.1)

    def as_wanted():
        now = both(net)
        bbr = bbr_of(net.srv)
        return names(now) == [sorted([bbr, "reno"])] * 2 or (
            not clean(now) and all(bbr in end for end in names(now)))
    wait_for(as_wanted, 10, f"BBR on the lane, not {both(net)}", 0.1)
    bulk.end()
    assert client.stop() == 0, client.story()


def test_a_name_is_kept_whatever_is_lost(net, far, start_server, connect):
    server = start_server({"server": {"congestion": "cubic"}})
    client = connect(*SPLIT, "--congestion", "cubic")
    far("rate=50mbit delay=10ms queue=100ms loss=1%")
    pump.Bulk(net.cli, net.srv, server.address(), octets=2 << 20).end()
    pump.Bulk(net.srv, net.cli, client.address, octets=2 << 20).end()
    assert names(both(net)) == [["cubic"], ["cubic"]]
    assert client.stop() == 0, client.story()
