# SPDX-License-Identifier: Apache-2.0
"""
Peers that listen late, walk their own list of authentication methods, or end the link for a reason.

        cli  (an Android-like client; our client)  ----  srv  (our server; a server of harness/server.py)

Nothing here looks at a clock: that no restart timer was waited for shows in the order of the packets.
Drawing of the hosts: tests/conftest.py.
"""

import re

import pytest

from harness import sstp
from harness.certificate import make_certificate
from harness.program import PASSWORD, USER
from harness.server import LooseServer
from harness.sstp import ACK, IPCP, IPV6CP, LCP, REQUEST

EXIT_LCP, EXIT_ADDRESSES = 18, 20
LISTS = {"accel-ppp": [sstp.AUTH_PAP, sstp.AUTH_CHAP_MD5, sstp.AUTH_MSCHAPV1],
         "EAP first": [sstp.AUTH_EAP],
         "two times the same": [sstp.AUTH_PAP, sstp.AUTH_PAP],
         "five, as many as Max-Failure": [sstp.AUTH_EAP, sstp.AUTH_PAP, sstp.AUTH_CHAP_MD5,
                                          sstp.AUTH_MSCHAPV1, sstp.AUTH_EAP]}



def order_of(tunnel, protocol):
    """Codes of the server's packets of a protocol, in the order in which they came."""
    return [m.code for m in tunnel.seen if m.protocol == protocol]


@pytest.mark.parametrize("auth", ["pap", "mschapv2"])
def test_android(net, start_server, auth):
    """Its Requests come when ours are lost: ours come again, ahead of the answers, and it is up."""
    start_server({"ppp": {"auth": auth}})
    t = sstp.Android(net.cli, "192.0.2.1").tls().http().sstp().lcp()
    t.authenticate(USER, PASSWORD)
    assert {m.protocol for m in t.lost} == {IPCP, IPV6CP}, t.seen
    t.seen.clear()
    t.bind().ipv6cp().ipcp()
    assert order_of(t, IPV6CP)[0] == REQUEST and order_of(t, IPCP)[0] == REQUEST, t.seen
    assert order_of(t, IPCP).count(REQUEST) == order_of(t, IPV6CP).count(REQUEST) == 1
    assert t.ping()
    t.close()


def test_a_client_that_listens_gets_no_more_than_one_repetition(net, server):
    t = sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD)
    t.silence(0.5)
    requests = [m for m in t.seen if m.protocol == IPCP and m.code == REQUEST]
    assert len({r.octets for r in requests}) == 1 and len(requests) <= 2, t.seen
    assert t.ping(), "and the repetition did not take the layer down"
    t.close()


@pytest.mark.parametrize("wishes", LISTS.values(), ids=LISTS.keys())
def test_a_client_that_walks_its_own_list(net, start_server, wishes):
    """Its Naks name what the server has not; below Max-Failure it gets to what both have."""
    start_server({"ppp": {"auth": "mschapv2"}})
    t = sstp.Walker(net.cli, "192.0.2.1", wishes=wishes[:4]).up(USER, PASSWORD)
    assert t.ping()
    t.close()


@pytest.fixture
def loose(net, tmp_path):
    """loose(...) -> LooseServer on srv; ended after the test."""
    certificate, key = make_certificate(tmp_path)
    kept = []

    def make(**kw):
        kept.append(LooseServer(net.srv, certificate, key, PASSWORD, **kw))
        kept[-1].certificate = certificate
        return kept[-1]
    yield make
    for server in kept:
        server.__exit__()


@pytest.fixture
def dial(connect):
    def start(server, *extra, **kw):
        return connect("--ca", server.certificate, "--no-default-route", "--no-dns", *extra,
                       trust=False, **kw)
    return start


def behind(call, protocol, since):
    """Codes of the client's packets of a protocol that came later than `since` seconds."""
    return [m.code for at, m in call.heard if m.protocol == protocol and at > since]


def test_a_server_whose_pppd_starts_late(loose, dial):
    """The client's LCP Requests are lost, the timer's too; the last comes at the head of its answer."""
    server = loose(deaf=1.0)
    client = dial(server)
    call = server.calls[0]
    early = [m for at, m in call.heard if m.protocol == LCP and at < server.deaf]
    assert early and {m.code for m in early} == {REQUEST}, call.heard
    assert len({m.identifier for m in early}) == 1, call.heard
    assert behind(call, LCP, server.deaf)[:2] == [REQUEST, ACK], call.heard
    assert client.stop() == 0


def test_a_server_whose_ipcp_starts_late(loose, dial):
    server = loose(network_deaf=1.0)
    client = dial(server)
    codes = [m.code for _, m in server.calls[0].heard if m.protocol == IPCP]
    first = codes.index(ACK)
    assert first >= 2 and set(codes[:first]) == {REQUEST}, codes
    assert client.stop() == 0


def test_diagnose_of_a_server_that_starts_late(net, binary, loose, keep):
    """Each of its calls gets through LCP by the repetition."""
    from harness.program import Program
    server = loose(deaf=0.5)
    d = Program(net.cli, binary, "diagnose", "--ca", server.certificate, "vpn.example")
    keep.append(d)
    d.wait_exit(120)
    reached = [c for c in server.calls if c.opened]
    assert reached, d.story()
    for call in reached:
        assert behind(call, LCP, server.deaf)[0] == REQUEST, call.heard


@pytest.mark.parametrize("walk", LISTS.values(), ids=LISTS.keys())
def test_a_server_that_walks_its_own_list(loose, dial, walk):
    server = loose(walk=[*walk, sstp.AUTH_MSCHAPV2])
    client = dial(server)
    assert server.calls[0].naks == [sstp.AUTH_MSCHAPV2] * len(walk)
    assert client.stop() == 0


def test_a_server_with_nothing_in_common_is_named_with_all_its_methods(loose, dial):
    server = loose(walk=[sstp.AUTH_PAP, sstp.AUTH_CHAP_MD5, sstp.AUTH_MSCHAPV1],
                   hang_up=b"no method left")
    client = dial(server, wait=False)
    assert client.wait_exit() == EXIT_LCP, client.story()
    assert "4009 LCP_AUTH_NOT_COMMON" in client.err
    assert ("the server asked for PAP, CHAP-MD5, MS-CHAPv1; allowed here: MS-CHAPv2; "
            'it says "no method left"') in client.err


def test_a_server_that_asks_for_ever_is_left(loose, dial):
    server = loose(walk=[sstp.AUTH_EAP] * 100)
    client = dial(server, wait=False)
    assert client.wait_exit() == EXIT_LCP, client.story()
    assert len(server.calls[0].naks) == 5, "Max-Failure (RFC 1661 4.6)"


def ends_with(*frames, text=b""):
    def network(call):
        for protocol, octets in frames:
            call.send_ppp(protocol, octets)
        call.terminate(text)
    return network


MPPE = (sstp.CCP, sstp.packet(REQUEST, 1, bytes.fromhex("120601000040")))
REASONS = {
    "words": (ends_with(text=b"no free address"),
              ["before an address was agreed on", 'the server says "no free address"']),
    "no word": (ends_with(), ["before an address was agreed on", "log has the reason"]),
    "hostile words": (ends_with(text=b"\x1b[2J\ninfo: all is well\x9b\xe2\x80\xae"),
                      ["before an address was agreed on"]),
    "MPPE": (ends_with(MPPE, text=b"MPPE required"),
             ["asked for MPPE encryption", 'the server says "MPPE required"', "nomppe"]),
    "IPCP refused": (ends_with((LCP, sstp.packet(8, 1, b"\x80\x21")),
                               (LCP, sstp.packet(8, 2, b"\x80\x57"))),
                     ["does not support IPv4 in this tunnel"]),
    "IPCP and IPv6CP ended": (ends_with((IPCP, sstp.packet(5, 1, b"pool of vpn0 is empty")),
                                        (IPV6CP, sstp.packet(5, 2))),
                              ["closed IPv4 in this tunnel", "pool of vpn0 is empty"]),
}


@pytest.mark.parametrize("way, texts", REASONS.values(), ids=REASONS.keys())
def test_why_a_server_ends_behind_the_login(loose, dial, way, texts):
    client = dial(loose(network=way), wait=False)
    assert client.wait_exit() == EXIT_ADDRESSES, client.story()
    for text in texts:
        assert text in client.err, f"{text!r} is missing\n{client.story()}"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", client.err), "raw controls"
    assert not re.search("^info: all is well", client.err, re.MULTILINE), "a forged line"
    assert "pool is exhausted" not in client.err, "a guess"
