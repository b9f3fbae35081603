"""
Debian's haproxy in front of our server, with and without TLS of its own.

        cli  culvert connect, sstpc          rtr  haproxy                  srv  culvert serve
    198.51.100.2 ------- TLS ------- 198.51.100.1:443 ... 192.0.2.254 ---- PROXY header -- 192.0.2.1
"""

import json
import time

import pytest

import peers
from harness import pump
from harness.certificate import make_certificate, pin_of
from harness.host import wait_for
from harness.program import PASSWORD, USER, run

FRONT = "198.51.100.1"
SPLIT = ("--no-default-route", "--no-dns")


@pytest.fixture
def haproxy(net):
    kept = []

    def start(mode, to="192.0.2.1:443", **kw):
        kept.append(peers.HAProxy(net.rtr, f"{FRONT}:443", to, mode, **kw))
        return kept[-1]
    yield start
    for p in kept:
        p.close()


@pytest.fixture
def sstpc(net):
    kept = []

    def make(**kw):
        kept.append(peers.Sstpc(net.cli, USER, PASSWORD, unit=7 + len(kept), **kw))
        return kept[-1]
    yield make
    for p in kept:
        p.close()


def up(sstpc):
    """sstpc 1.0.18 at times hangs in its TLS handshake with haproxy, before it says a word to us."""
    for _ in range(3):
        peer = sstpc()
        try:
            return peer.up(FRONT)
        except AssertionError:
            if "Sending Connect-Request" in peer.log("sstpc"):
                raise
    raise AssertionError("sstpc hung in TLS three times")


def shown(server, binary):
    return json.loads(run(binary, "sessions", "--json", "--state", server.state)[1])


@pytest.mark.parametrize("mode", ["v1", "v2", "none"])
def test_tls_is_passed_through(net, start_server, workers, connect, haproxy, sstpc, binary, mode):
    server = start_server({
        "server": {"workers": workers},
        "balancer": {"trusted": "192.0.2.254",
                     "proxy_protocol": "no" if mode == "none" else "yes"}})
    proxy = haproxy(mode)
    pins = run(binary, "cert", "pin", "--state", server.state)[1].split()
    client = connect(*SPLIT, "--pin", pins[0], trust=False, server=FRONT)
    result = pump.transfer(net.cli, net.srv, client.peer, 4 << 20)
    assert result.sent == result.received
    seen = shown(server, binary)
    assert client.stop() == 0  # both clients would have the same way to the server's inner address
    address = up(sstpc)
    assert net.srv.ping(address, 2) == 2
    seen += shown(server, binary)
    assert len(seen) == 2
    real = "192.0.2.254" if mode == "none" else "198.51.100.2"
    assert all(s["peer"].startswith(real + ":") for s in seen), seen
    server.wait_log(rf"SESSION_UP.*peer={real}")
    assert proxy.log() is not None


def test_health_checks_are_no_sessions(net, start_server, workers, connect, haproxy, binary):
    server = start_server({"server": {"workers": workers},
                           "balancer": {"trusted": "192.0.2.0/24"}})
    proxy = haproxy("v2-check")
    time.sleep(4)
    assert "is DOWN" not in proxy.log()
    assert shown(server, binary) == []
    assert "TLS_CLOSED" not in server.err and "PROXY_HEADER" not in server.err
    attempts = run(binary, "attempts", "--json", "--state", server.state)[1]
    assert json.loads(attempts) == []
    connect(*SPLIT, "--insecure", trust=False, server=FRONT)
    assert len(shown(server, binary)) == 1


@pytest.mark.parametrize("who", ["culvert", "sstpc"])
@pytest.mark.parametrize("mode", ["offload", "offload-plain"])
def test_tls_ends_at_the_balancer(net, start_server, workers, connect, haproxy, sstpc, binary,
                                  tmp_path, mode, who):
    """The binding names the balancer's certificate; two are accepted, as during a renewal."""
    certificates = []
    for n in range(2):
        folder = tmp_path / str(n)
        folder.mkdir()
        certificates.append(make_certificate(folder, "vpn.example"))
    pem = tmp_path / "hp.pem"
    pem.write_text("".join(open(p).read() for p in certificates[1]))
    server = start_server({
        "server": {"workers": workers},
        "balancer": {"trusted": "192.0.2.254", "listen": "192.0.2.1:8080",
                     "proxy_protocol": "no" if mode == "offload-plain" else "yes",
                     "accept_certificates": " ".join(c for c, _ in certificates)}})
    haproxy(mode, "192.0.2.1:8080", pem=str(pem))
    if who == "sstpc":
        address = up(sstpc)
    else:
        pin = pin_of(certificates[1][0])
        address = connect(*SPLIT, "--pin", pin, trust=False, server=FRONT).address
    result = pump.transfer(net.srv, net.cli, address, 4 << 20)
    assert result.sent == result.received
    server.wait_log("SSTP_BINDING_OK|BINDING_VERIFIED")
    if mode == "offload":
        assert all(s["peer"].startswith("198.51.100.2:") for s in shown(server, binary))


def test_a_certificate_that_is_not_the_balancers_fails_the_binding(net, start_server, connect,
                                                                   haproxy, tmp_path):
    certificates = []
    for n in range(2):
        folder = tmp_path / str(n)
        folder.mkdir()
        certificates.append(make_certificate(folder, "vpn.example"))
    pem = tmp_path / "hp.pem"
    pem.write_text("".join(open(p).read() for p in certificates[1]))
    server = start_server({"balancer": {"trusted": "192.0.2.254", "listen": "192.0.2.1:8080",
                                        "accept_certificates": certificates[0][0]}})
    haproxy("offload", "192.0.2.1:8080", pem=str(pem))
    client = connect("--insecure", *SPLIT, trust=False, server=FRONT, wait=False)
    server.wait_log("BINDING_MISMATCH|BINDING_.*CERT")
    assert client.wait_exit() != 0
    wait_for(lambda: "SESSION_UP" not in server.err, 1, "no session")
