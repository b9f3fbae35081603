"""
IPv6 prefix delegation by DHCPv6 (RFC 8415): dhcpcd behind a tunnel asks, and what it is given leads to it.

        cli  culvert connect, dhcpcd on its TUN ==tunnel== srv  culvert serve
"""

import json
import os
import re
import shutil

import pytest

from harness import program
from harness.host import wait_for
from harness.program import PASSWORD, SLOW, USER

OWN = ("--no-dns", "--no-default-route", "--no-lanes")
CONFIG = """duid
ipv6only
noipv6rs
nohook resolv.conf
nohook hostname
interface {tun}
ia_pd 7/::/0 lan0/1
"""


class Dhcpcd:
    """Debian's, in the foreground; its files in folders of its own."""

    def __init__(self, host, tun, folder):
        self.host, self.tun, self.folder = host, tun, str(folder)
        for name in ("run", "lib"):
            os.makedirs(f"{self.folder}/{name}", exist_ok=True)
        shutil.chown(f"{self.folder}/lib", "dhcpcd")
        for path in (self.folder, *(f"{self.folder}/{n}" for n in ("run", "lib"))):
            os.chmod(path, 0o755)
        with open(f"{self.folder}/conf", "w") as f:
            f.write(CONFIG.format(tun=tun))
        self.log = open(f"{self.folder}/log", "a")
        script = ('mkdir -p /run/dhcpcd /var/lib/dhcpcd; mount --bind "$1/run" /run/dhcpcd; '
                  'mount --bind "$1/lib" /var/lib/dhcpcd; exec dhcpcd -B -d -6 -c /bin/true -f "$1/conf" "$2"')
        self.process = host.popen("unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh",
                                  self.folder, tun, stdout=self.log, stderr=self.log)

    def said(self):
        with open(f"{self.folder}/log", errors="replace") as f:
            return f.read()

    def prefix(self):
        """What it delegated on to its LAN."""
        wait_for(lambda: "delegated prefix" in self.said() or self.process.poll() is not None, SLOW,
                 f"a prefix\n{self.said()[-3000:]}")
        return re.findall(r"delegated prefix (\S+)", self.said())[-1]

    def stop(self):
        self.process.terminate()
        self.process.wait(SLOW)
        for pid in self.host.processes():
            with open(f"/proc/{pid}/comm") as f:
                if f.read().strip() == "dhcpcd":
                    os.kill(pid, 9)
        self.log.close()


@pytest.fixture
def dhcpcd(net, tmp_path_factory):
    if not shutil.which("dhcpcd", path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        pytest.fail("dhcpcd-base is not installed: ./dev packages")
    net.cli.ip("link add lan0 type veth peer name lan1")
    for end in ("lan0", "lan1"):
        net.cli.ip(f"link set {end} up")
    started = []
    folder = tmp_path_factory.mktemp("dhcpcd")
    os.chmod(folder.parent, 0o755)

    def start(tun="cv-cli"):
        started.append(Dhcpcd(net.cli, tun, folder))
        return started[-1]
    yield start
    for d in started:
        if d.process.poll() is None:
            d.stop()
    net.cli.ip("link del lan0")
    net.srv.sysctl("net.ipv6.conf.all.forwarding", 0)


def networks(binary, state):
    rows = json.loads(program.run(binary, "sessions", "--state", state, "--json")[1])
    return [r["networks"] for r in (rows if isinstance(rows, list) else rows["sessions"])]


def test_a_router_gets_a_prefix_that_leads_to_it_and_the_same_again(net, start_server, connect, dhcpcd,
                                                                   state, binary):
    server = start_server({"tunnel": {"delegate": "2001:db8:100::/40"}})
    assert "2001:db8:100::/40" in net.srv.run(f"ip -6 route show dev {server.tun}")
    given = []
    for _ in range(2):
        client = connect(*OWN, "--route", "2001:db8:ffff::/48")
        router = dhcpcd()
        given.append(router.prefix())
        assert given[-1].startswith("2001:db8:1") and given[-1].endswith("/56"), given
        wait_for(lambda: given[-1] in sum(networks(binary, state), []), SLOW, server.story())
        inside = wait_for(lambda: re.search(r"inet6 (2001:db8:1\S+)/64", net.cli.run(
            "ip -6 address show dev lan0")), SLOW, f"an address of it\n{router.said()[-3000:]}")[1]
        net.cli.ip(f"-6 route add {own6(server)}/128 dev cv-cli")
        wait_for(lambda: net.srv.ping(inside, 1, wait=1), SLOW, f"{inside} from the server")
        router.stop()
        assert client.stop() == 0
        wait_for(lambda: not networks(binary, state), SLOW, "the session's end")
    assert given[0] == given[1]
    server.wait_log("PREFIX_DELEGATED")


def own6(server):
    return re.search(r"inet6 ([0-9a-f:]+)/", server.host.run(
        f"ip -6 -o address show dev {server.tun} scope global"))[1]


def test_a_users_own_prefix_is_given(net, start_server, connect, dhcpcd, state, binary):
    program.run(binary, "user", "set", USER, "prefix=2001:db8:5::/48", "--state", state)
    server = start_server({})
    connect(*OWN)
    assert dhcpcd().prefix() == "2001:db8:5::/48"
    wait_for(lambda: net.srv.run("ip -6 route show 2001:db8:5::/48 proto 83"), SLOW, server.story())
