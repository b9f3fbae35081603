"""
The network of the outer tests, made once per test file and empty again after every test:

        cli                      rtr                      srv
    198.51.100.2 ---eth0  c0 198.51.100.1                culvert serve
    culvert connect          s0 192.0.2.254 ---- eth0 192.0.2.1   (vpn.example)
                             w0 203.0.113.1    (and 192.0.2.53, where no name server answers)
                              |
                           eth0 203.0.113.2
                             www                 a stranger on the Internet, who knows no tunnel

cli, rtr, srv and www are network and mount namespaces without a name (harness/host.py).
"""

import os
import shutil
import subprocess
import tempfile
import time

import pytest

from bench.rig import build_helpers
from harness import program
from harness.host import Host, traces, wait_for, wire
from harness.lanes import Lanes
from harness.program import PASSWORD, ROOT, USER, Client, Server


def pytest_sessionstart(session):
    if os.geteuid():
        pytest.exit("the outer tests make network namespaces: run them as root", 1)


class Network:
    def __init__(self):
        self.cli, self.rtr, self.srv, self.www = (Host(n) for n in ("cli", "rtr", "srv", "www"))
        wire(self.rtr, "c0", self.cli, "eth0")
        wire(self.rtr, "s0", self.srv, "eth0")
        wire(self.rtr, "w0", self.www, "eth0")
        for host, interface, address, gateway in (
                (self.rtr, "c0", "198.51.100.1/24", None),
                (self.rtr, "s0", "192.0.2.254/24", None),
                (self.rtr, "s0", "192.0.2.53/32", None),
                (self.rtr, "w0", "203.0.113.1/24", None),
                (self.cli, "eth0", "198.51.100.2/24", "198.51.100.1"),
                (self.srv, "eth0", "192.0.2.1/24", "192.0.2.254"),
                (self.www, "eth0", "203.0.113.2/24", "203.0.113.1")):
            host.ip(f"address add {address} dev {interface}")
            if gateway:
                host.ip(f"route add default via {gateway}")
        self.rtr.sysctl("net.ipv4.ip_forward", 1)
        for host in (self.cli, self.srv):
            with open(f"{host.root}/etc/hosts", "w") as f:
                f.write("127.0.0.1 localhost\n192.0.2.1 vpn.example\n192.0.2.1 other.example\n")
        self.hosts = [self.cli, self.rtr, self.srv, self.www]
        self.residents = set()  # processes that a test file keeps over its tests
        self.clean = [traces(h) for h in self.hosts]

    def cable(self, up):
        """The cable between the router and the server; neither end's interface notices."""
        self.rtr.ip(f"link set s0 {'up' if up else 'down'}")
        if up:
            wait_for(lambda: self.srv.ok("ping -c1 -W1 192.0.2.254"), 10, "the cable")

    def close(self):
        for host in self.hosts:
            host.close()


@pytest.fixture(scope="module")
def network():
    net = Network()
    yield net
    net.close()


@pytest.fixture
def net(network):
    """The network; fails a test that left a process, an interface, a route or a rule behind."""
    yield network
    left = [(h.name, pid, open(f"/proc/{pid}/cmdline").read().replace("\0", " "))
            for h in network.hosts for pid in h.processes() if pid not in network.residents]
    for _, pid, _ in left:
        os.kill(pid, 9)
    assert not left, f"processes left behind: {left}"
    for host, before in zip(network.hosts, network.clean):
        assert traces(host) == before, f"traces on {host.name}"


@pytest.fixture
def far(net, tmp_path):
    """The way between cli and srv leads over the emulated link; far("loss=1%") changes it."""
    helpers = os.path.join(ROOT, "build-asan", "bench")
    build_helpers(helpers)
    control = tmp_path / "linkem.ctl"
    link = subprocess.Popen([os.path.join(helpers, "linkem"), "-r", "10", "-q", "250", "-c",
                             str(control), f"/proc/{net.cli.pid}/ns/net", "far",
                             f"/proc/{net.srv.pid}/ns/net", "far", "rate=0"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for host, own, other in ((net.srv, "203.0.113.1", "198.51.100.2"),
                             (net.cli, "203.0.113.2", "192.0.2.1")):
        wait_for(lambda h=host: h.ok("ip link show far"), 10, "the emulated link")
        host.ip(f"address add {own}/24 dev far")
        gateway = "203.0.113.2" if host is net.srv else "203.0.113.1"
        source = "192.0.2.1" if host is net.srv else "198.51.100.2"
        host.ip(f"route add {other}/32 via {gateway} dev far src {source}")

    def change(settings):
        control.write_text(settings + "\n")
        time.sleep(0.1)
    change("rate=50mbit delay=10ms queue=100ms loss=0")
    yield change
    link.terminate()
    link.wait()


@pytest.fixture
def lanes(net, binary, state):
    return Lanes(net, binary, state)


@pytest.fixture
def cli(net):
    return net.cli


@pytest.fixture
def srv(net):
    return net.srv


@pytest.fixture(params=[1, 2], ids=["1-worker", "2-workers"])
def workers(request):
    return request.param


@pytest.fixture(scope="session")
def binary():
    """The program with sanitizers; CULVERT_ASAN=path overrides."""
    return program.SANITIZED


@pytest.fixture(scope="session")
def fresh_state(binary, tmp_path_factory):
    """A state folder as a first start leaves it, with one user: copied, for keys take time."""
    folder = str(tmp_path_factory.mktemp("state") / "fresh")
    host = Host("maker")
    host.ip("address add 192.0.2.1/24 dev lo")
    server = Server(host, folder, binary, extra=["--name", "vpn.example"]).wait_ready()
    assert server.stop() == 0, server.story()
    program.add_user(binary, folder, USER, PASSWORD)
    host.close()
    return folder


@pytest.fixture
def state(fresh_state):
    with tempfile.TemporaryDirectory(prefix="culvert-state-") as folder:
        yield shutil.copytree(fresh_state, os.path.join(folder, "state"))


@pytest.fixture
def keep():
    """Programs to be ended after the test, last started first, and searched for reports."""
    kept = []
    yield kept
    for p in reversed(kept):
        p.close()
    for p in kept:
        p.check_sanitizers()


@pytest.fixture
def start_server(net, state, binary, keep):
    """start_server(config={...}, ready=True, ...) -> Server"""
    def start(config=None, ready=True, binary=binary, **kw):
        kw.setdefault("extra", ["--name", "vpn.example"])
        kw.setdefault("state", state)
        server = Server(net.srv, binary=binary, config=config, **kw)
        keep.append(server)
        return server.wait_ready() if ready else server
    return start


@pytest.fixture
def server(start_server, workers):
    """The server with defaults, in turn with one and with two workers."""
    return start_server({"server": {"workers": workers}})


@pytest.fixture
def connect(net, state, binary, keep):
    """connect("--no-default-route", ..., user=, password=, server=, wait=True) -> Client"""
    def start(*extra, user=USER, password=PASSWORD, server="vpn.example", host=None, wait=True,
              binary=binary, trust=True, **kw):
        if trust:
            extra = ("--ca", os.path.join(state, "server.crt"), *extra)
        client = Client(host or net.cli, binary, user, password, server, *extra, **kw)
        keep.append(client)
        return client.wait_connected() if wait else client
    return start
