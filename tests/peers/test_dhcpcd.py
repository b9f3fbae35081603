# SPDX-License-Identifier: Apache-2.0
"""
Debian's dhcpcd asks by DHCPINFORM on the ppp interface that Debian's sstpc and pppd made through our
server, and takes the routes, name servers and domains of its user.

        cli  dhcpcd on ppp7 (sstpc + pppd)  ======tunnel======  srv  culvert serve
"""

import contextlib
import os
import shutil
import signal

import pytest

import peers
from harness.host import wait_for
from harness.program import PASSWORD, USER, run

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dhcpcd.sh")


class Dhcpcd:
    def __init__(self, host, folder, interface, address):
        self.host, self.folder = host, folder
        self.log = open(folder / "log", "w")
        self.process = host.popen("sh", SCRIPT, folder, interface, address, stdout=self.log,
                                  stderr=self.log)

    def read(self, name):
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def wait(self, words, name="learnt"):
        wait_for(lambda: words in self.read(name) or self.process.poll() is not None, 30,
                 f"{words} in {name}\n{self.read('log')}")
        assert words in self.read(name), self.read("log")

    def close(self):
        """All at once: of its four processes some outlive a TERM when their interface goes."""
        for pid in self.host.processes():
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/comm") as f:
                    if f.read().strip() == "dhcpcd":
                        os.kill(pid, signal.SIGKILL)
        self.process.wait(20)
        self.log.close()


@pytest.fixture
def sstpc(net):
    if not shutil.which("dhcpcd"):
        pytest.skip("dhcpcd-base is not installed")
    kept = []

    def make(user, password):
        kept.append(peers.Sstpc(net.cli, user, password, unit=7 + len(kept)))
        return kept[-1]
    yield make
    for p in reversed(kept):
        p.close()


def test_dhcpcd_takes_the_users_routes_servers_and_domains(net, state, binary, start_server, sstpc,
                                                           tmp_path):
    def ask(*words):
        return run(binary, *words, "--state", state, host=net.srv)
    ask("user", "set", USER, "routes=10.50.0.0/16,192.168.77.0/24", "dns=10.50.0.53,10.50.0.54",
        "domains=corp.example", "search=corp.example,lab.example")
    server = start_server({"tunnel": {"ipv4_pool": "10.99.0.0/24"}, "server": {"log": "debug"}})
    peer = sstpc(USER, PASSWORD)
    address = peer.up("vpn.example")
    # pppd's /32 with a peer: dhcpcd 9.4 ends when it replaces that, and would refuse the gateway.
    net.cli.ip("address flush dev ppp7")
    net.cli.ip(f"address add {address}/24 dev ppp7")
    folder = tmp_path / "dhcpcd"
    folder.mkdir()
    client = Dhcpcd(net.cli, folder, "ppp7", f"{address}/24")
    try:
        client.wait("reason=INFORM")
        learnt = client.read("learnt").split("reason=INFORM")[-1]
        for line in ("new_domain_name=corp.example", "new_domain_name_servers=10.50.0.53 10.50.0.54",
                     "new_domain_search=corp.example lab.example",
                     "new_classless_static_routes=10.50.0.0/16 10.99.0.1 192.168.77.0/24 10.99.0.1"):
            assert line in learnt, learnt
        wait_for(lambda: "192.168.77.0/24 via 10.99.0.1" in net.cli.run("ip route show dev ppp7"), 20,
                 "the routes")
        assert "10.50.0.0/16 via 10.99.0.1" in net.cli.run("ip route show dev ppp7")
        client.wait("nameserver 10.50.0.54", "resolv.conf")
        assert "search corp.example lab.example" in client.read("resolv.conf")
        server.wait_log(r"DHCP_ANSWERED.*routes=2 dns=2")
    finally:
        client.close()
