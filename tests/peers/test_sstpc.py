"""
Debian's sstp-client 1.0.18 and pppd 2.4.9, which nobody here wrote, through our server.

        cli  sstpc + pppd (ppp7)  ======tunnel======  srv  culvert serve (cv-srv)

On a kernel without PPP, pppemu.c stands in for /dev/ppp. Drawing of the hosts: tests/conftest.py.
"""

import re
import time

import pytest

import peers
from harness import pump
from harness.certificate import make_certificate
from harness.host import wait_for
from harness.program import PASSWORD, RELEASE, USER, add_user


# The last line of a session's life, whatever its reason, tells what flowed.
ENDED = r" session=\d+ .* seconds=[\d.]+ received=\d+ sent=\d+"


@pytest.fixture
def sstpc(net):
    """sstpc(...) -> a peer that is ended after the test; on cli unless another host is given."""
    kept = []

    def make(user=USER, password=PASSWORD, host=None, **kw):
        kept.append(peers.Sstpc(host or net.cli, user, password, unit=7 + len(kept), **kw))
        return kept[-1]
    yield make
    for p in kept:
        p.close()


def test_mschapv2_with_a_verified_sha256_binding(net, server, sstpc):
    peer = sstpc()
    address = peer.up("vpn.example")
    assert net.cli.ping(server.address(), 3) == 3
    assert net.srv.ping(address, 3) == 3
    server.wait_log(r"3190 SSTP_BINDING_OK.*hash=SHA-256")
    server.wait_log(rf'4101 AUTH_ACCEPTED.*user="{USER}" method=mschapv2')
    result = pump.transfer(net.cli, net.srv, server.address(), 4 << 20)
    assert result.sent == result.received
    result = pump.transfer(net.srv, net.cli, address, 4 << 20)
    assert result.sent == result.received
    peer.stop()
    wait_for(lambda: "Modem hangup" in peer.log("pppd") or "Connection terminated"
             in peer.log("pppd"), 10, "pppd to say good-bye")
    server.wait_log(ENDED)


def test_the_certificate_is_checked(net, server, sstpc):
    peer = sstpc(ca=server.certificate)
    peer.up("vpn.example")
    assert "verification failed" not in peer.log("sstpc")
    assert net.cli.ping(server.address(), 1) == 1


def test_another_ca_is_refused_by_sstpc(net, server, sstpc, tmp_path):
    other, _ = make_certificate(tmp_path)
    story = sstpc(ca=other).fails("vpn.example")
    assert "verification failed" in story


def test_wrong_password(net, server, sstpc):
    story = sstpc(password="not-it").fails("vpn.example")
    assert re.search(r"CHAP authentication failed|CHAP Failure", story), story
    assert "E=691" in story
    server.wait_log(rf'4152 AUTH_WRONG_PASSWORD.*user="{USER}"')


def test_pap_when_the_server_offers_it(net, start_server, workers, sstpc):
    """No key comes out of PAP: the binding is made with a key of zeros ([MS-SSTP] 3.2.5.2)."""
    server = start_server({"server": {"workers": workers}, "ppp": {"auth": "pap"}})
    peer = sstpc(auth="pap")
    peer.up("vpn.example")
    assert "PAP authentication succeeded" in peer.log("pppd")
    assert net.cli.ping(server.address(), 2) == 2


def test_pap_is_not_offered_unless_asked_for(net, server, sstpc):
    story = sstpc(auth="pap").fails("vpn.example")
    assert "auth chap MS-v2" in story
    assert "PAP AuthReq" not in story, "a password in clear was sent"
    server.wait_log("LCP_AUTH_NOT_COMMON|LCP_AUTH_REFUSED")


def test_chap_md5_without_a_reversible_secret_is_refused_clearly(net, start_server, sstpc):
    """alice is stored as an NT hash, from which CHAP-MD5 cannot be answered."""
    server = start_server({"ppp": {"auth": "chap"}})
    story = sstpc(auth="chap").fails("vpn.example")
    assert "CHAP authentication failed" in story or "CHAP Failure" in story, story
    server.wait_log(rf'4155 AUTH_NO_REVERSIBLE_SECRET.*user="{USER}"')


def test_ipv6_address_by_advertisement(net, server, sstpc):
    """The kernel beside pppd makes its address of what our router advertisement says."""
    peer = sstpc()
    peer.up("vpn.example", "--", "+ipv6")
    found = wait_for(lambda: re.search(r"inet6 (fd[0-9a-f:]+)/64", net.cli.run(
        f"ip -6 -o address show dev {peer.interface} scope global")), 15, "an address")
    own = re.search(r"inet6 (fd[0-9a-f:]+)", net.srv.run(
        f"ip -6 -o address show dev {server.tun} scope global")).group(1)
    net.cli.ip(f"-6 route add {own}/128 dev {peer.interface}")
    assert net.cli.ping(own, 2) == 2
    assert net.srv.ping(found.group(1), 2) == 2


def test_ipv6cp(net, server, sstpc):
    peer = sstpc()
    peer.up("vpn.example", "--", "+ipv6")
    wait_for(lambda: "remote LL address" in peer.log("pppd"), 10, "IPv6CP")
    theirs = re.search(r"remote LL address (\S+)", peer.log("pppd")).group(1)
    assert net.cli.ping(f"{theirs}%{peer.interface}", 3) == 3


def test_hundreds_of_megabytes_arrive_unchanged(net, start_server, sstpc):
    """It reads and writes one packet at a time, and stalls when both ways are full: so one by one."""
    server = start_server(binary=RELEASE)
    peer = sstpc()
    address = peer.up("vpn.example", "--", "+ipv6")
    global6 = r"inet6 (fd[0-9a-f:]+)"
    mine = wait_for(lambda: re.search(global6, net.cli.run(
        f"ip -6 -o address show dev {peer.interface} scope global")), 15, "an address").group(1)
    own = re.search(global6, net.srv.run(
        f"ip -6 -o address show dev {server.tun} scope global")).group(1)
    net.cli.ip(f"-6 route add {own}/128 dev {peer.interface}")
    for source, sink, addresses in ((net.cli, net.srv, (server.address(), own)),
                                    (net.srv, net.cli, (address, mine))):
        for to in addresses:
            results = pump.all_at_once([(pump.transfer, source, sink, to, 56 << 20),
                                        (pump.datagrams, source, sink, to, 8 << 20, 2 << 20)])
            assert results[0].sent == results[0].received
            results[1].assert_right()
            print(f"{to}: {results[0].seconds:.1f} s, {results[1].received} datagrams of "
                  f"{results[1].sent}")


def test_dns_is_told(net, start_server, sstpc):
    start_server({"tunnel": {"dns": "203.0.113.2, 203.0.113.3"}})
    peer = sstpc()
    peer.up("vpn.example", "--", "usepeerdns")
    log = peer.log("pppd")
    assert "primary   DNS address 203.0.113.2" in log
    assert "secondary DNS address 203.0.113.3" in log


def test_an_abrupt_kill_ends_the_session_and_the_next_login_works(net, server, sstpc):
    peer = sstpc()
    peer.up("vpn.example")
    peer.kill()
    server.wait_log(ENDED, 20)
    again = sstpc()
    again.up("vpn.example")
    assert net.cli.ping(server.address(), 1) == 1


def test_two_peers_and_our_client_at_once(net, server, sstpc, connect):
    one, two = sstpc(), sstpc(host=net.www)
    addresses = [one.up("vpn.example"), two.up("192.0.2.1")]
    ours = connect("--no-default-route", "--no-dns", host=net.rtr, server="192.0.2.1")
    addresses.append(ours.address)
    assert len(set(addresses)) == 3
    for a in addresses:
        assert net.srv.ping(a, 2) == 2


def test_an_idle_peer_is_kept_alive(net, start_server, sstpc):
    """Our Echo Requests are answered by sstpc: nothing ends for some hello times."""
    server = start_server({"sstp": {"hello": "5s"}})
    peer = sstpc()
    address = peer.up("vpn.example")
    time.sleep(16)
    assert "ECHO REQUEST" in peer.log("sstpc")
    assert net.srv.ping(address, 1) == 1


def test_eap_mschapv2_with_its_key_in_the_binding(net, start_server, sstpc):
    server = start_server({"ppp": {"auth": "eap-mschapv2"}})
    address = sstpc(auth="eap").up("vpn.example")
    assert net.srv.ping(address, 1) == 1
    server.wait_log(rf'4101 AUTH_ACCEPTED.*user="{USER}" method=eap-mschapv2')
    server.wait_log(r"3190 SSTP_BINDING_OK")
