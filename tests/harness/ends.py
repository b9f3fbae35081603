"""Both ends of a tunnel whose data is compared: their addresses, and what they say they dropped."""

import json
import re
import signal

from . import pump
from .capture import SuperPackets
from .host import wait_for
from .program import run

TCP, UDP = 6, 17


class Ends:
    """
    A client that was started with --verbose and without a default route, and its server; IPv4 and
    IPv6 work both ways once this is made. `up` and `down` are the addresses to send to.
    """

    def __init__(self, server, client):
        self.server, self.client = server, client
        own6 = client.wait_line(r"^culvert: ipv6 (\S+)$").group(1)
        found = server.host.run(f"ip -6 -o address show dev {server.tun} scope global")
        peer6 = re.search(r"inet6 (fd[0-9a-f:]+)", found).group(1)
        client.host.ip(f"-6 route add {peer6}/128 dev {client.tun}")
        wait_for(lambda: client.host.ping(peer6, 1), 10, "IPv6 through the tunnel")
        self.up, self.down = (server.address(), peer6), (client.address, own6)
        self.watches = {(host, protocol): SuperPackets(host, tun, protocol)
                        for host, tun in ((server.host, server.tun), (client.host, client.tun))
                        for protocol in (TCP, UDP)}

    def status(self):
        """The server's, by a program without sanitizers or with: they speak the same."""
        out = run(self.server.binary, "status", "--state", self.server.state, "--json",
                  host=self.server.host)[1]
        return json.loads(out)

    def drops(self, name):
        return sum(w[f"drop_{name}"] for w in self.status()["workers"])

    def super_packets(self):
        """{(host, protocol): how many were written into the TUN there since the last call}"""
        return {key: w.count() for key, w in self.watches.items()}

    def overflows(self):
        """
        {host: datagrams for which the queue between kernel and program had no place}; of a
        super-packet, which the kernel counts as one, as many as `pump` puts into it.
        """
        granted = {self.server: self.status()["offload"],
                   self.client: re.search(r"super-packets: (.*)", self.client.err).group(1)}
        return {end.host: int(end.host.run(
            "cat", f"/sys/class/net/{end.tun}/statistics/tx_dropped"))
            * (pump.SEGMENTS if "udp" in what else 1) for end, what in granted.items()}

    def stop(self):
        """Ends the client; returns what it says it dropped: by the queue, refused by the TUN."""
        for w in self.watches.values():
            w.close()
        assert self.client.stop(signal.SIGTERM) == 0, self.client.story()
        said = re.search(r"traffic .*dropped: (\d+) by the queue, (\d+) too big, (\d+) that",
                         self.client.err)
        assert said, self.client.story()
        return int(said[1]), int(said[3])
