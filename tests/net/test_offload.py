"""
Not an octet wrong, whatever the TUN devices offer: super-packets of TCP and UDP (`auto`), of TCP alone
as on Linux before 6.2 (`no-uso`), none (`off`), and these mixed.

        cli  culvert connect (cv-cli)  ======tunnel======  srv  culvert serve (cv-srv)
                10.x.y.z  fd..:1::..                        10.x.y.1  fd..::1
"""

import json
import re
import signal

import pytest

from harness import pump
from harness.capture import SuperPackets
from harness.host import wait_for
from harness.program import RELEASE, run

TCP, UDP = 6, 17
GRANTED = {"auto": "tcp udp", "no-uso": "tcp", "off": "none"}


class Ends:
    """Both ends of a tunnel whose TUN devices offer what is said, with IPv4 and IPv6 both ways."""

    def __init__(self, net, start_server, connect, on_srv, on_cli, binary):
        self.net, self.binary = net, binary
        self.server = start_server({"tunnel": {"offload": on_srv}}, binary=binary)
        self.client = connect("--no-default-route", "--no-dns", "--offload", on_cli, "--verbose",
                              binary=binary)
        own6 = self.client.wait_line(r"^culvert: ipv6 (\S+)$").group(1)
        found = net.srv.run(f"ip -6 -o address show dev {self.server.tun} scope global")
        peer6 = re.search(r"inet6 (fd[0-9a-f:]+)", found).group(1)
        net.cli.ip(f"-6 route add {peer6}/128 dev {self.client.tun}")
        wait_for(lambda: net.cli.ping(peer6, 1), 10, "IPv6 through the tunnel")
        self.up, self.down = (self.server.address(), peer6), (self.client.address, own6)
        assert self.status()["offload"] == GRANTED[on_srv]
        assert f"super-packets: {GRANTED[on_cli]}" in self.client.err
        self.watches = {(host, protocol): SuperPackets(host, tun, protocol)
                        for host, tun in ((net.srv, self.server.tun), (net.cli, self.client.tun))
                        for protocol in (TCP, UDP)}

    def status(self):
        out = run(self.binary, "status", "--state", self.server.state, "--json",
                  host=self.net.srv)[1]
        return json.loads(out)

    def drops(self, name):
        return sum(w[f"drop_{name}"] for w in self.status()["workers"])

    def stop(self):
        """Ends the client; returns what it says it dropped: by the queue, refused by the TUN."""
        for w in self.watches.values():
            w.close()
        assert self.client.stop(signal.SIGTERM) == 0, self.client.story()
        said = re.search(r"traffic .*dropped: (\d+) by the queue, (\d+) too big, (\d+) that",
                         self.client.err)
        assert said, self.client.story()
        return int(said[1]), int(said[3])


def tun_overflows(host, interface):
    """Packets for which the queue between kernel and program had no place."""
    return int(host.run("cat", f"/sys/class/net/{interface}/statistics/tx_dropped"))


@pytest.mark.parametrize("on_srv,on_cli", [
    ("auto", "auto"), ("no-uso", "no-uso"), ("off", "off"), ("auto", "off"), ("off", "auto"),
    ("auto", "no-uso"), ("no-uso", "off")])
def test_a_gibibyte_of_everything(net, start_server, connect, on_srv, on_cli):
    ends = Ends(net, start_server, connect, on_srv, on_cli, RELEASE)
    before = [tun_overflows(h, t) for h, t in ((net.cli, "cv-cli"), (net.srv, "cv-srv"))]
    lost = pump.mix(net.cli, net.srv, ends.up, ends.down, 1 << 30)
    seen = {key: w.count() for key, w in ends.watches.items()}
    for host, offload in ((net.srv, on_srv), (net.cli, on_cli)):
        assert bool(seen[host, TCP]) == (offload != "off"), seen
        assert bool(seen[host, UDP]) == (offload == "auto"), seen
    full = sum(tun_overflows(h, t) for h, t in ((net.cli, "cv-cli"), (net.srv, "cv-srv")))
    by_queue, refused_here = ends.drops("queue"), ends.drops("tun")
    by_client, refused_there = ends.stop()
    assert refused_here == refused_there == 0, "what was written did not fit what was granted"
    print(f"{lost} datagrams lost of {by_queue + by_client} packets that a queue dropped")
    # A super-packet for which the device's queue has no place counts as one.
    assert lost <= by_queue + by_client + (full - sum(before)) * pump.SEGMENTS


@pytest.mark.parametrize("offload", ["auto", "off"])
def test_megabytes_of_everything_under_sanitizers(net, start_server, connect, binary, offload):
    ends = Ends(net, start_server, connect, offload, offload, binary)
    pump.mix(net.cli, net.srv, ends.up, ends.down, 64 << 20)
    assert ends.drops("tun") == ends.stop()[1] == 0


@pytest.mark.parametrize("offload", ["auto", "no-uso", "off"])
def test_a_flood_of_datagrams_is_delivered_or_counted(net, start_server, connect, offload):
    """More than the tunnel takes: what is missing is what the queue says that it dropped."""
    ends = Ends(net, start_server, connect, offload, offload, RELEASE)
    up = pump.datagrams(net.cli, net.srv, ends.up[0], 256 << 20)
    down = pump.datagrams(net.srv, net.cli, ends.down[1], 256 << 20)
    full = {h: tun_overflows(h, t) for h, t in ((net.cli, "cv-cli"), (net.srv, "cv-srv"))}
    by_queue = ends.drops("queue")
    by_client, refused = ends.stop()
    print(f"up {up.received} of {up.sent}, the queue dropped {by_client}; "
          f"down {down.received} of {down.sent}, {by_queue}; {full.values()}")
    for r in (up, down):
        r.assert_right()
    each = pump.SEGMENTS if offload == "auto" else 1  # the kernel counts a super-packet as one
    # Beside the flood hosts have a few words of their own (MLD), which may be among what was dropped.
    assert 0 <= by_client + full[net.cli] * each - up.lost < 16
    assert 0 <= by_queue + full[net.srv] * each - down.lost < 16
    assert refused == ends.drops("tun") == 0
