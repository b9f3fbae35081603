"""
Our client through SoftEther 5.01, which nobody here wrote.

        cli  culvert connect (cv-cli)  ======tunnel======  srv  SoftEther, SecureNAT 10.202.0.1

SoftEther offers EAP first, rejects magic number, PFC and ACFC, sends LCP echoes before LCP is
open, repeats IPCP requests and never answers an SSTP echo. It does not check the crypto binding.
"""

import time

import pytest

import peers
from harness import pump
from harness.host import wait_for
from harness.program import PASSWORD, RELEASE, USER


@pytest.fixture(scope="module")
def softether(network):
    server = peers.SoftEther(network.srv, "192.0.2.1", USER, PASSWORD).start()
    network.residents = set(network.srv.processes())
    yield server
    server.close()


def sstp_sessions(softether):
    return [s for s in softether.sessions() if "SSTP" in s]


def test_our_client_gets_through(net, softether, connect):
    client = connect("--ca", softether.certificate, "--no-dns", "--no-default-route", trust=False)
    assert client.address.startswith("10.202.0.")
    assert client.peer == softether.inner
    assert net.cli.ping(softether.inner, 5) == 5
    assert len(sstp_sessions(softether)) == 1
    time.sleep(6)  # SoftEther's LCP echo (4.8 s) and SSTP echo have come and been answered
    assert net.cli.ping(softether.inner, 1) == 1
    assert client.stop() == 0
    wait_for(lambda: not sstp_sessions(softether), 20, "SoftEther to end the session")


def test_default_route_and_dns_of_softether(net, softether, connect):
    client = connect("--ca", softether.certificate, trust=False)
    assert softether.inner in net.cli.run("cat /etc/resolv.conf")
    assert client.tun in net.cli.run("ip route get 203.0.113.2")
    assert client.stop() == 0


def test_a_wrong_password_is_told_from_other_failures(net, softether, connect):
    client = connect("--ca", softether.certificate, trust=False, password="not-it", wait=False)
    assert client.wait_exit() == 19, client.story()
    assert "The user name or the password is wrong." in client.err


def test_an_abrupt_end_of_the_server_is_noticed(net, softether, connect):
    client = connect("--ca", softether.certificate, "--no-dns", "--no-default-route", trust=False)
    softether("vpncmd", "SessionDisconnect", sstp_sessions(softether)[0])
    assert client.wait_exit(30) == 16, client.story()


def test_a_gibibyte_arrives_unchanged(net, softether, connect):
    """Through its translation: whoever sends, cli calls. UDP it may lose, not double or damage."""
    there = "203.0.113.77"
    net.srv.ip(f"address add {there}/32 dev lo")
    client = connect("--ca", softether.certificate, "--no-dns", "--no-default-route", "--route",
                     f"{there}/32", "--verbose", trust=False, binary=RELEASE)
    try:
        results = pump.all_at_once([
            (pump.transfer, net.cli, net.srv, there, 480 << 20, 5001),
            (pump.fetch, net.srv, net.cli, there, 480 << 20, 5002),
            (pump.datagrams, net.cli, net.srv, there, 32 << 20, 8 << 20, 6001),
            (pump.fetch_datagrams, net.srv, net.cli, there, 32 << 20, 8 << 20, 6002)])
    finally:
        net.srv.ip(f"address del {there}/32 dev lo")
    for r in results[:2]:
        assert r.sent == r.received
    for r in results[2:]:
        r.assert_right()
        print(f"{r.received} datagrams of {r.sent}")
    assert client.stop() == 0
