"""
Peers that stop half-way, lie, or were never SSTP clients.

        cli (this file's own SSTP client)  ----  srv      (drawing in tests/conftest.py)
"""

import socket
import ssl
import time

import pytest

from harness import mschapv2, sstp
from harness.certificate import make_certificate
from harness.host import wait_for
from harness.program import PASSWORD, USER

PING = sstp.echo_request("10.99.99.99", "10.99.99.1")


def arrived(net, server):
    """Packets that the server has written into its TUN so far."""
    return net.srv.packets_received(server.tun)


def test_ip_sent_before_the_tunnel_is_up_is_not_seen_on_the_tun(net, server):
    """[MS-SSTP] 3.3.5: binding verified and IPCP Opened; each earlier point, on one connection."""
    quiet = arrived(net, server)
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls()
    points = []

    def try_here(point):
        points.append(point)
        for protocol, octets in ((sstp.IPV4, PING), (sstp.IPV6, b"\x60" + bytes(5) + b"\x3b\x01"
                                                     + bytes(32))):
            t.send_ppp(protocol, octets)
        time.sleep(0.3)
        assert arrived(net, server) == quiet, f"IP got through: {points}"

    t.http()
    t.sstp()
    try_here("after the Call Connect ACK")
    t.lcp()
    try_here("LCP open")
    t.authenticate(USER, PASSWORD)
    try_here("authenticated")
    t.ipcp()
    try_here("IPCP open, binding not made")
    t.bind()
    assert t.ping(), "and now it works"
    assert arrived(net, server) > quiet
    t.close()


def test_ip_sent_between_the_binding_and_ipcp_is_not_seen_on_the_tun(net, server):
    quiet = arrived(net, server)
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp()
    t.authenticate(USER, PASSWORD)
    t.bind()
    t.send_ip(PING)
    time.sleep(0.3)
    assert arrived(net, server) == quiet
    t.ipcp()
    assert t.ping()
    t.close()


def test_ip_before_the_call_is_a_protocol_error(net, server):
    quiet = arrived(net, server)
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http()
    t.send_ip(PING)
    t.silence(0.5)
    assert arrived(net, server) == quiet


def test_a_wrong_source_address_is_not_seen_on_the_tun(net, server):
    t = sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD)
    assert t.ping()
    quiet = arrived(net, server)
    t.send_ip(sstp.echo_request("198.51.100.2", t.server_address))
    t.send_ip(sstp.echo_request(t.server_address, t.server_address))
    time.sleep(0.3)
    assert arrived(net, server) == quiet
    assert t.ping()
    t.close()


@pytest.mark.parametrize("lie, text", [
    ({"certificate": b"another certificate"}, "3107 SSTP_BINDING_MISMATCH"),
    ({"nonce": bytes(32)}, "3102 SSTP_BINDING_NONCE"),
    ({"key": bytes(32)}, "3104 SSTP_BINDING_MAC"),
], ids=["certificate", "nonce", "key"])
@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
def test_a_wrong_binding_ends_the_call(net, server, lie, text, hash_name):
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp()
    t.authenticate(USER, PASSWORD)
    t.bind(hash_name, **lie)
    abort = t.expect(lambda m: m.name == "CALL_ABORT")
    assert abort.status() == (3, 4), "[MS-SSTP] 2.2.13: crypto binding, value not supported"
    server.wait_log(text)


def test_both_hash_protocols_are_accepted(net, server):
    for name in ("sha1", "sha256"):
        t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp()
        assert t.hashes == 3
        t.authenticate(USER, PASSWORD)
        t.bind(name).ipcp()
        assert t.ping(), name
        t.close()


def test_an_early_call_connected_is_held(net, server):
    """Some clients send it before the server's Success has been read: it must not be an abort."""
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp()
    challenge = t.expect(lambda m: m.protocol == sstp.CHAP and m.code == 1)
    mine = bytes(range(16))
    response = mschapv2.nt_response(challenge.payload[1:17], mine, USER, PASSWORD)
    t.key = mschapv2.higher_layer_key(PASSWORD, response)
    early = sstp.call_connected(t.nonce, t.certificate, t.key)
    answer = sstp.data(sstp.ppp(sstp.CHAP, sstp.packet(
        2, challenge.identifier, bytes([49]) + mine + bytes(8) + response + b"\0"
        + USER.encode())))
    t.send(early + answer)
    t.expect(lambda m: m.protocol == sstp.CHAP and m.code == 3)
    t.ipcp()
    assert t.ping()
    t.close()


# --- HTTP

@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_health_answers_200_while_accepting(net, server, method):
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls()
    t.request(method, headers={"Host": "vpn.example"})
    status, headers = t.response()
    assert status == 200
    assert "content-length" in headers


def test_health_answers_503_while_full(net, start_server):
    start_server({"server": {"max_sessions": 1}})
    first = sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD)
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls()
    t.request("HEAD", headers={"Host": "vpn.example"})
    assert t.response()[0] == 503
    first.close()


@pytest.mark.parametrize("status, request_", [
    (404, dict(path="/")),
    (404, dict(method="GET", path="/favicon.ico")),
    (405, dict(method="DELETE")),
    (505, dict(version="HTTP/1.0")),
    (400, dict(headers={"Content-Length": "18446744073709551615"})),
    (431, dict(headers={"Host": "vpn.example", "X": "x" * 9000})),
])
def test_polite_errors_are_delivered_whole(net, server, status, request_):
    """The error reaches the client, with close_notify after it, also when more input is waiting."""
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls()
    t.request(**request_)
    t.send(b"and more that nobody asked for" * 100)
    found, headers = t.response()
    assert found == status
    assert headers["connection"] == "close"
    with pytest.raises(sstp.Closed) as end:
        while True:
            t._more()
    assert end.value.clean
    assert len(t.rest) == int(headers["content-length"])


def test_tenantid_and_escaped_braces_are_the_same_path(net, server):
    for path in (sstp.PATH + "?tenantid=17", sstp.PATH.replace("{", "%7B").replace("}", "%7D"),
                 sstp.PATH.lower()):
        t = sstp.Tunnel(net.cli, "192.0.2.1").tls()
        t.request(path=path)
        assert t.response()[0] == 200, path
        t.close()


def test_the_correlation_id_is_logged(net, server):
    t = sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD)
    server.wait_log("SESSION_UP.*correlation={01234567-89AB-CDEF-0123-456789ABCDEF}")
    t.close()


def test_plain_http_on_the_tls_port(net, server):
    s = net.cli.socket()
    s.settimeout(10)
    s.connect(("192.0.2.1", 443))
    s.sendall(b"GET / HTTP/1.1\r\nHost: vpn.example\r\n\r\n")
    assert s.recv(4096) == b"", "closed at once, without a word that is not TLS"
    server.wait_log("2101 TLS_NOT_TLS.*plain HTTP")


def test_alpn_is_answered_with_http_1_1_only(net, server):
    def offer(*protocols):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if protocols:
            context.set_alpn_protocols(protocols)
        t = sstp.Tunnel(net.cli, "192.0.2.1").tls(context)
        chosen = t.stream.selected_alpn_protocol()
        t.http().close()
        return chosen
    assert offer("h2", "http/1.1") == "http/1.1"
    assert offer() is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_version(net, server, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls(context)
    assert t.stream.version() == version.name.replace("_", ".")
    t.http().sstp().lcp()
    t.authenticate(USER, PASSWORD)
    assert t.bind().ipcp().ping()
    t.close()


# --- half-open

def test_half_open_connections_do_not_disturb_others(net, start_server, connect):
    start_server({"server": {"handshake_time": "3s"}})
    first = connect("--no-default-route", "--no-dns")
    idle = []
    for n in range(60):
        s = net.cli.socket()
        s.connect(("192.0.2.1", 443))
        if n % 3 == 1:
            s.sendall(b"\x16\x03\x01")  # the start of a record
        idle.append(s)
    slow = sstp.Tunnel(net.cli, "192.0.2.1").tls()
    slow.send(b"SSTP_DUPLEX_POST /sra_")
    assert net.cli.ping(first.peer, 3) == 3
    late = sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD)
    assert late.ping()
    late.close()
    begin = time.monotonic()
    for s in idle:
        s.settimeout(10)
        try:
            while s.recv(1024):
                pass
        except ConnectionResetError:
            pass
    assert time.monotonic() - begin < 10, "half-open connections are closed after handshake_time"
    with pytest.raises(sstp.Closed):
        while True:
            slow._more()


def test_a_call_without_a_request_is_aborted(net, start_server):
    start_server({"sstp": {"negotiation": "5s"}})
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http()
    abort = t.expect(lambda m: m.name == "CALL_ABORT", 10)
    assert abort.status() == (2, 8), "negotiation timeout"


# --- TLS sessions

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_saved_tls_session_is_not_resumed_after_a_certificate_change(
        net, start_server, tmp_path, state, version):
    """A resumed handshake shows no certificate, so the client would bind to the old one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    first = start_server()
    t = sstp.Tunnel(net.cli, "192.0.2.1")
    t.tls(context).http().sstp().lcp()
    t.authenticate(USER, PASSWORD)
    t.bind().ipcp()
    saved, old = t.stream.session, t.certificate
    t.close()
    assert first.stop() == 0
    certificate, key = make_certificate(tmp_path)
    start_server({"tls": {"certificate": certificate, "key": key}})
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls(context, session=saved)
    assert not t.stream.session_reused
    assert t.certificate != old
    t.http().sstp().lcp()
    t.authenticate(USER, PASSWORD)
    assert t.bind().ipcp().ping()
    t.close()
