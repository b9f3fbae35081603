"""
Lanes: what they meet on their way, and that the session never depends on them.

        cli  198.51.100.2 ==== culvert ==== 192.0.2.1  srv  (and a proxy or a balancer on it)
          far ------ linkem: 50 Mbit/s, 20 ms ------ far
"""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from harness import program, pump
from harness.certificate import make_certificate, pin_of
from harness.host import wait_for
from harness.lanes import SPLIT
from harness.program import run

sys.path += [os.path.join(program.ROOT, "tests", "peers"), os.path.join(os.path.dirname(__file__), "lab")]
import peers  # noqa: E402
import servers  # noqa: E402


@contextlib.contextmanager
def filtered(host, *rules):
    """nft rules on what comes in there."""
    host.run("nft", "add table ip cut")
    host.run("nft", "add chain ip cut in { type filter hook input priority 0; }")
    for rule in rules:
        host.run("nft", f"add rule ip cut in {rule}")
    try:
        yield
    finally:
        host.run("nft", "delete table ip cut")


class Trickle:
    """A TCP connection that sends too little to be a transfer; both ends are compared."""

    def __init__(self, source, sink, address, port=7007):
        listener = sink.socket()
        listener.bind((address, port))
        listener.listen()
        self.out = source.socket()
        self.out.settimeout(30)
        self.out.connect((address, port))
        self.back = listener.accept()[0]
        listener.close()
        self.stop = threading.Event()
        self.sent, self.came = hashlib.sha256(), hashlib.sha256()
        self.threads = [threading.Thread(target=f) for f in (self._send, self._receive)]
        for t in self.threads:
            t.start()

    def _send(self):
        with self.out:
            while not self.stop.wait(0.02):
                octets = os.urandom(100)
                self.sent.update(octets)
                self.out.sendall(octets)

    def _receive(self):
        with self.back:
            while octets := self.back.recv(65536):
                self.came.update(octets)

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join()
        assert self.sent.digest() == self.came.digest()


@pytest.fixture
def trickle(net):
    """One in each direction, while what is tested happens; not an octet may differ."""
    @contextlib.contextmanager
    def start(server, client):
        both = [Trickle(net.cli, net.srv, server.address()),
                Trickle(net.srv, net.cli, client.address, 7008)]
        try:
            yield
        finally:
            for t in both:
                t.end()
    return start


def test_a_kick_ends_both_connections(net, far, start_server, connect, lanes, binary, state):
    server = start_server({"server": {"workers": 2}})
    client = connect(*SPLIT)
    bulk = lanes.transfer(server)
    bulk.end()
    run(binary, "kick", "alice", "--state", state, host=net.srv)
    assert client.wait_exit(20) != 0
    lanes.wait_gone()


def test_the_server_stops_with_a_lane_up(net, far, start_server, connect, lanes):
    server = start_server({"server": {"workers": 2}})
    client = connect(*SPLIT)
    lanes.transfer(server).end()
    assert server.stop() == 0, server.story()
    client.wait_exit(20)


def test_a_lane_that_vanishes_costs_a_moment(net, far, start_server, connect, lanes):
    """Its packets are dropped on the way, without a word: flows go on by the first connection."""
    server = start_server()
    client = connect(*SPLIT)
    first = lanes.connections()
    bulk = lanes.transfer(server)
    lane = next(port for port in lanes.connections() if port not in first)
    with filtered(net.srv, f"tcp sport {lane} tcp dport 443 drop"):
        time.sleep(0.5)
        assert net.cli.ping(client.peer, 20, interval=0.1) >= 10
        time.sleep(1)
        assert net.cli.ping(client.peer, 10, interval=0.1) == 10
    bulk.end()
    assert client.process.poll() is None


@pytest.mark.parametrize("end", ["cli", "srv"])
def test_a_lane_that_is_torn_loses_no_octet(net, far, start_server, connect, lanes, trickle, end):
    """A reset in the midst of it: what was on its way comes again from the flows' own ends."""
    server = start_server({"server": {"workers": 2}})
    client = connect(*SPLIT)
    first = lanes.connections()
    bulk = lanes.transfer(server)
    with trickle(server, client):
        lane = next(port for port in lanes.connections() if port not in first)
        time.sleep(0.5)
        own, peer = ("sport", "dport") if end == "cli" else ("dport", "sport")
        getattr(net, end).run("ss", "-K", "-tn", own, "=", f":{lane}", peer, "=", ":443")
        client.wait_log("none for now, everything goes by one connection")
        assert net.cli.ping(client.peer, 10, interval=0.05) == 10
    bulk.end()
    bulk = pump.Bulk(net.cli, net.srv, server.address(), 64 << 20)
    wait_for(lambda: lanes.shown() == [True], 30, "a lane again")
    bulk.end()
    assert client.stop() == 0, client.story()


@pytest.mark.parametrize("then", ["the-old-one-goes", "the-server-stops"])
def test_a_lane_whose_end_the_server_did_not_see_is_replaced(net, far, start_server, connect, lanes,
                                                             trickle, then):
    """The client has lost it and nobody says so; the next one takes its place, and nothing stays."""
    server = start_server({"server": {"workers": 2}})
    client = connect(*SPLIT)
    first = lanes.connections()
    lanes.transfer(server).end()
    lane = next(port for port in lanes.connections() if port not in first)
    with filtered(net.srv, f"tcp sport {lane} tcp dport 443 drop"):
        net.cli.run("ss", "-K", "-tn", "sport", "=", f":{lane}")
        client.wait_log("none for now")
        assert lanes.shown() == [True], "the server knows nothing of it"
        with trickle(server, client):
            bulk = pump.Bulk(net.cli, net.srv, server.address(), 40 << 20)
            wait_for(lambda: len(set(lanes.connections()) - {lane, *first}) == 1, 30, "a new lane")
            wait_for(lambda: client.err.count("a connection of their own") == 2, 10, "it to be up")
            if then == "the-old-one-goes":
                wait_for(lambda: lane not in lanes.connections(), 30, "the old one to go")
            bulk.end()
        assert lanes.shown() == [True]
        assert server.stop() == 0, server.story()
    client.wait_exit(20)
    lanes.wait_gone()


def test_who_is_refused_a_connection_goes_on_without(net, far, start_server, connect, lanes):
    """A firewall that lets one connection in; the client does not knock all the time."""
    server = start_server()
    client = connect(*SPLIT)
    with filtered(net.srv, "tcp dport 443 tcp flags & (syn|ack) == syn counter reject with tcp reset"):
        bulk = pump.Bulk(net.cli, net.srv, server.address(), 36 << 20)
        client.wait_log("none for now, everything goes by one connection: no connection")
        bulk.end()
        knocks = net.srv.run("nft", "list table ip cut").split("packets ")[1].split()[0]
        assert int(knocks) <= 3, "at once, after five seconds, and after ten more"
        assert lanes.shown() == [False] and len(lanes.connections()) == 1
    wait_for(lambda: pump.Bulk(net.cli, net.srv, server.address(), 8 << 20).end() or
             lanes.shown() == [True], 60, "a lane at last")
    assert client.err.count("none for now") == 1, "told once"


@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_ctrl_c_does_not_wait_for_a_lane(net, far, start_server, connect, lanes, way):
    """Its connection is being made, and nothing answers."""
    server = start_server()
    proxy = servers.Proxy(net.srv, "192.0.2.1", 3128) if way == "proxy" else None
    client = connect(*SPLIT, *(["--proxy", "http://192.0.2.1:3128"] if proxy else []))
    with filtered(net.srv, "tcp flags & (syn|ack) == syn drop"):
        load = net.cli.popen("ping", "-i", "0.001", "-s", "1300", "-q", client.peer,
                             stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: net.cli.run("ss", "-Htn", "state", "syn-sent"), 20, "it to be dialled")
            client.process.send_signal(signal.SIGINT)
            assert client.wait_exit(8) == 0, client.story()
        finally:
            load.kill()
            load.wait()
    if proxy:
        proxy.close()
    assert server.stop() == 0


def test_a_lane_goes_by_the_proxy_of_its_session(net, far, start_server, connect, lanes, trickle):
    server = start_server({"server": {"workers": 2}})
    proxy = servers.Proxy(net.srv, "192.0.2.1", 3128, "Digest", "carol", "Tunnel-9")
    try:
        client = connect(*SPLIT, "--proxy", "http://carol:Tunnel-9@192.0.2.1:3128")
        bulk = lanes.transfer(server)
        with trickle(server, client):
            time.sleep(1)
        bulk.end()
        time.sleep(6)  # a proxy that ends what is silent for five seconds once failed here
        assert not lanes.connections(), "none goes past the proxy"
        assert len(lanes.connections(3128)) == 2 and lanes.shown() == [True], client.story()
        assert "none for now" not in client.err
        assert client.stop() == 0, client.story()
    finally:
        proxy.close()


@pytest.mark.parametrize("mode", ["v1", "v2", "none"])
def test_a_lane_goes_through_a_balancer_that_passes_tls_on(net, far, start_server, connect, lanes,
                                                           trickle, mode):
    server = start_server({"server": {"workers": 2},
                           "balancer": {"trusted": "192.0.2.1 127.0.0.1",
                                        "proxy_protocol": "no" if mode == "none" else "yes"}})
    balancer = peers.HAProxy(net.srv, "192.0.2.1:8443", "192.0.2.1:443", mode)
    try:
        client = connect(*SPLIT, server="vpn.example:8443")
        bulk = lanes.transfer(server)
        with trickle(server, client):
            time.sleep(1)
        bulk.end()
        assert len(lanes.connections(8443)) == 2
        assert client.stop() == 0, client.story()
    finally:
        balancer.close()


def test_behind_a_balancer_that_ends_tls_there_is_none(net, far, start_server, connect, lanes,
                                                       tmp_path):
    """Nothing ties a connection to its session there, so the server does not offer it."""
    certificate, key = make_certificate(tmp_path, "vpn.example")
    pem = tmp_path / "hp.pem"
    pem.write_text(open(certificate).read() + open(key).read())
    server = start_server({"balancer": {"trusted": "192.0.2.1", "listen": "192.0.2.1:8080",
                                        "accept_certificates": certificate}})
    balancer = peers.HAProxy(net.srv, "192.0.2.1:8443", "192.0.2.1:8080", "offload", pem=str(pem))
    try:
        client = connect(*SPLIT, "--pin", pin_of(certificate), trust=False,
                         server="vpn.example:8443")
        pump.Bulk(net.cli, net.srv, server.address()).end()
        assert lanes.shown() == [False] and len(lanes.connections(8443)) == 1
        assert "  lane" not in client.err
        assert client.stop() == 0, client.story()
    finally:
        balancer.close()


def test_a_reload_does_not_touch_a_lane(net, far, start_server, connect, lanes, trickle, binary,
                                        state):
    server = start_server({"server": {"workers": 2}})
    client = connect(*SPLIT)
    bulk = lanes.transfer(server)
    before = lanes.connections()
    with trickle(server, client):
        run(binary, "reload", "--state", state, host=net.srv)
        server.wait_log("RELOAD")
        time.sleep(0.5)
    bulk.end()
    assert set(lanes.connections()) == set(before) and lanes.shown() == [True]
    assert client.stop() == 0, client.story()


def test_a_drain_ends_session_and_lane(net, far, start_server, connect, lanes, binary, state):
    server = start_server({"server": {"workers": 2}})
    client = connect(*SPLIT)
    lanes.transfer(server).end()
    run(binary, "drain", "--for", "1s", "--state", state, host=net.srv)
    server.wait_log("SERVER_DRAINED", 20)
    assert client.wait_exit(20) != 0
    lanes.wait_gone()
    assert server.stop() == 0, server.story()


def test_a_server_that_dies_and_comes_back_has_lanes_again(net, far, start_server, connect, lanes):
    server = start_server()
    client = connect(*SPLIT)
    lanes.transfer(server).end()
    server.process.kill()
    server.process.wait()
    assert client.wait_exit(20) != 0
    lanes.wait_gone()
    server = start_server()
    client = connect(*SPLIT)
    lanes.transfer(server).end()
    assert client.stop() == 0, client.story()
