"""
Not an octet wrong, whatever the TUN devices offer: super-packets of TCP and UDP (`auto`), of TCP alone
as on Linux before 6.2 (`no-uso`), none (`off`), and these mixed.

        cli  culvert connect (cv-cli)  ======tunnel======  srv  culvert serve (cv-srv)
                10.x.y.z  fd..:1::..                        10.x.y.1  fd..::1
"""

import os
import re

import pytest

from harness import pump
from harness.ends import TCP, UDP, Ends
from harness.program import RELEASE

HAS_USO = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 2)
GRANTED = {"auto": "tcp udp" if HAS_USO else "tcp", "no-uso": "tcp", "off": "none"}
MIX = int(os.environ.get("CULVERT_MIX_MIB", "1024")) << 20  # less where a machine is slow


@pytest.fixture
def ends(start_server, connect):
    """ends(offload on the server, on the client, binary) -> both ends of a tunnel"""
    def start(on_srv, on_cli, binary=RELEASE):
        server = start_server({"tunnel": {"offload": on_srv}}, binary=binary)
        both = Ends(server, connect("--no-default-route", "--no-dns", "--offload", on_cli,
                                    "--verbose", binary=binary))
        assert both.status()["offload"] == GRANTED[on_srv]
        assert f"super-packets: {GRANTED[on_cli]}" in both.client.err
        return both
    return start


@pytest.mark.parametrize("on_srv,on_cli", [
    ("auto", "auto"), ("no-uso", "no-uso"), ("off", "off"), ("auto", "off"), ("off", "auto"),
    ("auto", "no-uso"), ("no-uso", "off")])
def test_a_gibibyte_of_everything(net, ends, on_srv, on_cli):
    both = ends(on_srv, on_cli)
    before = sum(both.overflows().values())
    lost = pump.mix(net.cli, net.srv, both.up, both.down, MIX)
    seen = both.super_packets()
    for host, offload in ((net.srv, on_srv), (net.cli, on_cli)):
        assert bool(seen[host, TCP]) == (offload != "off"), seen
        assert bool(seen[host, UDP]) == (GRANTED[offload] == "tcp udp"), seen
    full = sum(both.overflows().values()) - before
    by_queue, refused_here = both.drops("queue"), both.drops("tun")
    by_client, refused_there = both.stop()
    assert refused_here == refused_there == 0, "what was written did not fit what was granted"
    print(f"{lost} datagrams lost of {by_queue + by_client + full} packets that queues dropped")
    assert lost <= by_queue + by_client + full


@pytest.mark.parametrize("offload", ["auto", "off"])
def test_megabytes_of_everything_under_sanitizers(net, ends, binary, offload):
    both = ends(offload, offload, binary)
    pump.mix(net.cli, net.srv, both.up, both.down, 64 << 20)
    assert both.drops("tun") == both.stop()[1] == 0


@pytest.mark.parametrize("offload", ["auto", "no-uso", "off"])
def test_a_flood_of_datagrams_is_delivered_or_counted(net, ends, offload):
    """More than the tunnel takes: what is missing is what the queues say that they dropped."""
    both = ends(offload, offload)
    up = pump.datagrams(net.cli, net.srv, both.up[0], MIX // 4)
    down = pump.datagrams(net.srv, net.cli, both.down[1], MIX // 4)
    full, by_queue, refused_here = both.overflows(), both.drops("queue"), both.drops("tun")
    by_client, refused_there = both.stop()
    print(f"up {up.received} of {up.sent}, the queue dropped {by_client}; "
          f"down {down.received} of {down.sent}, {by_queue}; {full.values()}")
    for r in (up, down):
        r.assert_right()
    # Beside the flood hosts have a few words of their own (MLD), which may be among what was dropped.
    assert 0 <= by_client + full[net.cli] - up.lost < 16
    assert 0 <= by_queue + full[net.srv] - down.lost < 16
    assert refused_here == refused_there == 0
